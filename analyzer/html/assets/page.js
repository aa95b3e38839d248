// Puts the page together: decodes its data, and has everything follow its address.

class Messages {
  constructor(section, page) {
    Object.assign(this, { section, page, limit: 10 });
    this.table = section.querySelector("table");
    this.after = section.querySelector(".note");
    this.view = views.add(section, () => this.update());
  }

  update() {
    const { messages, selection, sessions } = this.page;
    const chosen = selection.chosen();
    const of = messages.get("session").numbers;
    const rows = [];
    for (let row = 0; row < of.length; row += 1) if (chosen[of[row]]) rows.push(row);
    const shown = rows.slice(0, this.limit);
    const id = (row) => sessions.get("session_id").value(of[row]);
    const cells = [
      ["Subject", "long", (row) => messages.get("subject").value(row)],
      ["From", "long", (row) => messages.get("from").value(row)],
      ["To", "long", (row) => messages.get("to").value(row)],
      ["Direction", "text", (row) => messages.get("direction").value(row)],
      ["Outcome", "text", (row) => messages.get("outcome").value(row)],
      ["Attachments", "long", (row) => messages.get("attachments").value(row)],
      ["Size", "number", (row) => formatSize(messages.get("size_bytes").value(row) ?? 0)],
    ];
    this.table.tHead.replaceChildren(make("tr", {}, ...cells.map(([title, kind]) =>
      make("th", { scope: "col", class: kind }, title))));
    this.table.tBodies[0].replaceChildren(...shown.map((row) => make("tr", {}, ...cells.map(([title, kind, text], at) =>
      make("td", { class: kind, "data-title": title },
        at ? text(row) ?? "–" : make("a", { href: fragment([["session", id(row)]]) }, text(row) ?? "(no subject)"))))));
    this.after.replaceChildren(
      ...(rows.length ? [] : ["No message of the chosen sessions was seen."]),
      ...showMore(shown.length, rows.length, MORE_CELLS, () => {
        this.limit += MORE_CELLS;
        views.show(this.view);
      }));
  }
}

// Shares of verdicts on protection: numbers, and the widths of a bar.
function showShares(section, { selection, sessions }) {
  views.add(section, () => {
    const mask = selection.chosen(["protection"]);
    const { codes, values } = sessions.get("protection");
    const counts = new Uint32Array(values.length);
    let total = 0;
    for (let row = 0; row < mask.length; row += 1) {
      if (mask[row]) counts[codes[row]] += 1;
      total += mask[row];
    }
    let left = 0;
    for (const rect of section.querySelectorAll("rect")) {
      const share = 100 * (counts[values.indexOf(rect.getAttribute("class"))] ?? 0) / Math.max(total, 1);
      rect.setAttribute("x", `${left}%`);
      rect.setAttribute("width", `${share}%`);
      left += share;
    }
    for (const number of section.querySelectorAll("[data-verdict]")) {
      number.textContent = numbers.format(counts[values.indexOf(number.dataset.verdict)] ?? 0);
    }
  });
}

// What is filtered by, each with a button that ends it.
function showFilters(bar, page) {
  const { selection, columns } = page;
  const chips = [...selection.filters].flatMap(([name, values]) => values.map((value) => {
    const title = name === "words" ? "Words" : columns.get(name)?.title || name;
    const isRange = name !== "words" && page.sessions.get(name) instanceof Numbers;
    const text = isRange ? value.replace("..", " to ") : label(columns, name, value) || "unknown";
    const button = make("button", { type: "button", class: "end", title: `No longer filter by ${title}` },
      make("span", { class: "note" }, `${title} `), text, make("span", { "aria-hidden": "true" }, " ×"));
    button.addEventListener("click", () => address.toggle([[name, value]], { beside: true }));
    return button;
  }));
  bar.hidden = !chips.length;
  byId("chips").replaceChildren(...chips);
  byId("chosen").textContent = `${numbers.format(selection.count())} of ${plural(selection.length, "session")}`;
  document.body.classList.toggle("filtered", chips.length > 0);
}

function followClicks() {
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[href^='#']");
    // a new tab is the browser's affair
    if (!link || event.ctrlKey || event.metaKey || event.button) return;
    event.preventDefault();
    if (link.matches(".pick")) {
      // behind the session, the others are seen that are like it
      const leave = link.closest("dialog") ? "session" : undefined;
      address.toggle(pairsOf(link), { beside: event.shiftKey, leave });
    } else if (link.hash.includes("=")) {
      address.go((state) => pairsOf(link).forEach(([name, value]) => state.set(name, value)));
    } else {
      const place = link.hash === "#top" ? document.body : document.querySelector(link.hash);
      place?.scrollIntoView({ behavior: "smooth" });
    }
  });
}

function showLocalTimes({ sessions }) {
  const first = sessions.get("start").numbers[0];
  const last = sessions.get("end").numbers.reduce((max, time) => Math.max(max, time), first);
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (zone !== "UTC") byId("local").textContent = ` · ${localTime.formatRange(first, last)} in ${zone}`;
}

// On paper, all that was left for later is there, and findings are open.
function printWith(page, list, redraw) {
  let closed = [];
  window.addEventListener("beforeprint", () => {
    page.isOnPaper = true;
    document.body.classList.add("on-paper");
    closed = [...document.querySelectorAll("details.group:not([open])")];
    closed.forEach((group) => { group.open = true; });
    views.refresh();
    views.showAll();
    list.print(true);
  });
  window.addEventListener("afterprint", () => {
    page.isOnPaper = false;
    document.body.classList.remove("on-paper");
    closed.forEach((group) => { group.open = false; });
    redraw();
    list.print(false);
  });
}

async function start() {
  const { model, tables } = await decode(byId("data").textContent);
  const columns = new Map(model.columns.map((column) => [column.name, column]));
  for (const [name, title] of Object.entries(model.titles)) columns.set(name, { name, title, kind: "lists" });
  for (const [name, labels] of Object.entries(model.labels)) {
    columns.set(name, { kind: "text", ...columns.get(name), labels });
  }
  const page = {
    model, columns, sessions: tables.sessions, messages: tables.messages,
    answers: tables.answers.get("seconds").numbers,
    selection: new Selection(tables.sessions, columns),
  };
  const figures = JSON.parse(byId("figures").textContent);
  const charts = [...document.querySelectorAll("[data-chart]")].map((element) =>
    new Chart(element, model.charts[element.dataset.chart], figures[element.dataset.chart], page));
  for (const element of document.querySelectorAll("[data-table]")) {
    const spec = model.tables[element.dataset.table];
    if (spec) new GroupedTable(element, spec, page);
    else new WholeTable(element, model.more[element.dataset.table] ?? []);
  }
  new Findings(byId("findings"), page);
  showShares(byId("shares"), page);
  new Messages(byId("message-list"), page);
  const list = new SessionTable(byId("sessions"), page);
  const drawer = new Drawer(byId("drawer"), page, list);

  function follow() {
    page.selection.apply(address.filters((name) => page.selection.isFilter(name)));
    const view = [...address.state].filter(([name]) => name !== "session").join(";");
    if (view !== page.view) {
      page.view = view;
      showFilters(byId("filters"), page);
      markPicks(document);
      views.refresh();
    }
    drawer.update();
  }

  followClicks();
  byId("clear").addEventListener("click", () => address.go((state) => {
    page.selection.filters.forEach((_, name) => state.delete(name));
  }));
  showLocalTimes(page);
  address.start();
  address.listeners.push(follow);
  follow();
  const redraw = () => charts.forEach((chart) => chart.update());
  night.addEventListener("change", redraw);
  printWith(page, list, redraw);
  document.body.classList.add("live");
}

if (byId("data")) start();
