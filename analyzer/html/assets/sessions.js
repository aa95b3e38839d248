// The table of sessions: only the rows that are in sight are there, so that a hundred
// thousand scroll as thirty do.

const SPARE_ROWS = 12;
// wide enough for what they usually hold, in parts of a row: by name, or else by kind
const WIDTHS = {
  severity: 6.4, start: 12.2, service: 7.4, protection: 11.6, tls_version: 5.2,
  auth_user: 11.2, failure: 9.2, time: 12.5, address: 9.8, long: 12, lists: 12, text: 9, port: 5, flag: 6, count: 6,
  number: 7, size: 5.4, seconds: 5.6,
};
const widthOf = ({ name, kind }) => WIDTHS[name] ?? WIDTHS[kind];
const FALLBACK_ORDER = "-worry";

class SessionTable {
  constructor(section, page) {
    Object.assign(this, { section, page });
    this.box = section.querySelector(".sessions");
    this.table = section.querySelector("table");
    this.widths = this.table.appendChild(make("colgroup"));
    this.headings = this.table.createTHead().insertRow();
    this.body = this.table.createTBody();
    this.ordered = { by: "", rows: [] };
    this.rows = [];
    this.box.addEventListener("scroll", () => requestAnimationFrame(() => this.#render()));
    new ResizeObserver(() => this.#render()).observe(this.box);
    this.body.addEventListener("click", (event) => {
      if (event.target.closest("a, button") || getSelection().toString()) return;
      event.target.closest("tr")?.querySelector("a")?.click();
    });
    this.#makeTools();
    views.add(section, () => this.update());
  }

  get sort() {
    return address.state.get("sort") ?? FALLBACK_ORDER;
  }

  get shown() {
    const named = address.state.get("columns")?.split(",").filter((name) => this.page.columns.has(name));
    if (named?.length) return named.map((name) => this.page.columns.get(name));
    return this.page.model.columns.filter(({ shown }) => shown);
  }

  update() {
    const chosen = this.page.selection.chosen();
    const alike = address.state.has("alike");
    byId("alike").checked = alike;
    const order = this.#order();
    this.rows = [];
    this.counts = null;
    if (alike) this.#joinAlike(order, chosen);
    else for (const row of order) if (chosen[row]) this.rows.push(row);
    this.#showHeadings();
    this.#showChoices();
    byId("sort-by").value = this.sort === FALLBACK_ORDER ? "severity" : this.sort.replace(/^-/, "");
    const total = this.page.selection.count();
    byId("count").textContent = alike
      ? `${plural(this.rows.length, "kind")} of ${plural(total, "session")}` : plural(total, "session");
    const words = address.state.getAll("words").join(" ");
    if (byId("search") !== document.activeElement) byId("search").value = words;
    this.box.scrollTop = 0;
    this.#render({ anew: true });
  }

  // All sessions in the order that was asked for; the last one is kept.
  #order() {
    const name = this.sort.replace(/^-/, "");
    const sign = this.sort.startsWith("-") ? -1 : 1;
    if (this.ordered.by !== this.sort) {
      const column = this.page.sessions.get(name) ?? this.page.sessions.get("worry");
      const keys = name === "severity" ? this.page.sessions.get("worry").numbers : column.ranks();
      const order = Uint32Array.from({ length: keys.length }, (_, row) => row);
      // what is not known comes last, in either order
      order.sort((a, b) => {
        const [one, other] = [keys[a], keys[b]];
        if (one !== one || other !== other) return (one !== one) - (other !== other) || a - b;
        return sign * (one - other) || a - b;
      });
      this.ordered = { by: this.sort, rows: order };
    }
    return this.ordered.rows;
  }

  // One row for all sessions that are the same in the columns of text that are shown.
  #joinAlike(order, chosen) {
    const found = group(this.page.sessions, this.#keys(), chosen);
    const { totals } = countGroups(this.page.sessions, found);
    const idOf = new Int32Array(chosen.length).fill(-1);
    found.rows.forEach((row, at) => { idOf[row] = found.ids[at]; });
    this.counts = new Map();
    const seen = new Uint8Array(found.length);
    for (const row of order) {
      const id = idOf[row];
      if (id < 0 || seen[id]) continue;
      seen[id] = 1;
      this.rows.push(row);
      this.counts.set(row, totals[id]);
    }
  }

  #keys() {
    return this.shown.map(({ name }) => name)
      .filter((name) => this.page.sessions.get(name) instanceof Codes && name !== "session_id");
  }

  #showHeadings() {
    const columns = this.shown;
    const [name, isDown] = [this.sort.replace(/^-/, ""), this.sort.startsWith("-")];
    const total = columns.reduce((sum, each) => sum + widthOf(each), 0);
    this.widths.replaceChildren(...columns.map((each) => {
      const column = make("col");
      column.style.width = `${widthOf(each) / total * 100}%`;
      return column;
    }));
    this.table.style.minWidth = columns.length > 12 ? `${total * 0.72}rem` : "";
    this.headings.replaceChildren(...columns.map((column) => {
      const isSorted = name === column.name || name === "worry" && column.name === "severity";
      const order = isSorted ? { "aria-sort": isDown ? "descending" : "ascending" } : {};
      const button = make("button", { type: "button" }, column.title);
      button.addEventListener("click", () => this.#sortBy(column));
      return make("th", { scope: "col", class: isNumeric(column) ? "number" : "", ...order }, button);
    }));
  }

  // First what is worst or most, or the beginning of the alphabet.
  #sortBy({ name, kind }) {
    const first = FORMATS[kind] && kind !== "time" || name === "severity" ? `-${name}` : name;
    const other = first === name ? `-${name}` : name;
    const isWorst = name === "severity" && this.sort === FALLBACK_ORDER;
    address.go((state) => state.set("sort", this.sort === first || isWorst ? other : first));
  }

  #render({ anew = false } = {}) {
    const height = parseFloat(getComputedStyle(this.box).getPropertyValue("--row"));
    const first = Math.max(Math.floor(this.box.scrollTop / height) - SPARE_ROWS, 0);
    const count = this.printed ?? Math.ceil(this.box.clientHeight / height) + 2 * SPARE_ROWS;
    const shown = this.rows.slice(first, first + count);
    if (!anew && this.first === first && this.last === first + shown.length) return;
    [this.first, this.last] = [first, first + shown.length];
    const columns = this.shown;
    const lines = shown.map((row, at) => this.#line(row, first + at, columns));
    const spacer = (rows) => {
      const line = make("tr", { class: "spacer", "aria-hidden": "true" });
      line.style.height = `${rows * height}px`;
      return line;
    };
    this.table.setAttribute("aria-rowcount", this.rows.length + 1);
    const focused = this.body.contains(document.activeElement)
      && document.activeElement.closest("tr").dataset.row;
    this.body.replaceChildren(spacer(first), ...lines, spacer(this.rows.length - this.last));
    if (focused) this.body.querySelector(`tr[data-row="${focused}"] a`)?.focus({ preventScroll: true });
    byId("no-sessions").hidden = this.rows.length > 0;
  }

  #line(row, at, columns) {
    const { sessions } = this.page;
    const count = this.counts?.get(row) ?? 1;
    const pairs = count > 1
      ? this.#keys().map((name) => [name, sessions.get(name).value(row) ?? ""])
      : [["session", sessions.get("session_id").value(row)]];
    const line = make("tr", { "data-row": row, "aria-rowindex": at + 2 });
    columns.forEach((column, place) => {
      const value = sessions.get(column.name).value(row);
      const text = label(this.page.columns, column.name, value);
      const cell = make("td", { class: cellClass(column), "data-title": column.title });
      if (column.kind === "time" && value !== null) cell.title = `${text} UTC, ${localTime.format(value)} local time`;
      else if (text.length > 12) cell.title = text;
      const content = decorate(this.page, column, value, text);
      if (!place) {
        cell.append(make("a", { href: fragment(pairs), class: count > 1 ? "pick" : "" },
          ...(content.some(Boolean) ? content : ["session"])));
        if (count > 1) cell.append(make("span", { class: "times" }, ` × ${numbers.format(count)}`));
      } else cell.append(...content);
      line.append(cell);
    });
    return line;
  }

  #makeTools() {
    byId("search").addEventListener("input", ({ target }) => {
      address.go((state) => {
        state.delete("words");
        if (target.value.trim()) state.set("words", target.value);
      }, { replace: true });
    });
    byId("alike").addEventListener("change", ({ target }) => address.go((state) => {
      if (target.checked) state.set("alike", "yes");
      else state.delete("alike");
    }));
    byId("columns").append(...this.page.model.columns.filter(({ title }) => title).map(({ name, title }) => {
      const box = make("input", { type: "checkbox", value: name });
      box.addEventListener("change", () => this.#chooseColumns());
      return make("label", {}, box, ` ${title}`);
    }));
    const values = byId("values-of");
    values.append(...this.page.model.columns.filter(({ title }) => title)
      .map(({ name, title }) => make("option", { value: name }, title)));
    values.value = "service";
    this.moreValues = MORE_ROWS;
    values.addEventListener("change", () => {
      this.moreValues = MORE_ROWS;
      this.#showValues();
    });
    values.closest("details").addEventListener("toggle", () => this.#showValues());
    // on a phone, there are no headings
    byId("sort-by").append(...values.cloneNode(true).options);
    byId("sort-by").addEventListener("change", ({ target }) =>
      this.#sortBy(this.page.columns.get(target.value)));
  }

  #chooseColumns() {
    const names = [...byId("columns").querySelectorAll("input:checked")].map(({ value }) => value);
    address.go((state) => {
      if (names.length) state.set("columns", names.join());
      else state.delete("columns");
    });
  }

  #showChoices() {
    const shown = new Set(this.shown.map(({ name }) => name));
    for (const box of byId("columns").querySelectorAll("input")) box.checked = shown.has(box.value);
    this.#showValues();
  }

  // The values of one column, with how many sessions have each: links that filter.
  #showValues() {
    const select = byId("values-of");
    if (!select.closest("details").open) return;
    const name = select.value;
    const { sessions, selection, columns } = this.page;
    if (sessions.get(name) instanceof Numbers) {
      byId("values").replaceChildren(this.#range(name));
      return;
    }
    const found = group(sessions, [name], selection.chosen([name]));
    const { totals } = countGroups(sessions, found);
    const order = [...totals.keys()].sort((a, b) => totals[b] - totals[a] || a - b);
    const items = order.slice(0, this.moreValues).map((id) => make("li", {},
      pick([[name, found.texts(id)[0]]], {}, found.labels(columns, id)[0] || "unknown"), " ",
      make("span", { class: "note" }, numbers.format(totals[id]))));
    byId("values").replaceChildren(...items, ...showMore(items.length, order.length, 5 * MORE_ROWS, () => {
      this.moreValues += 5 * MORE_ROWS;
      this.#showValues();
    }));
    markPicks(byId("values"));
  }

  // From and to, in the unit that the values have: seconds, bytes, or a time.
  #range(name) {
    const isTime = this.page.columns.get(name).kind === "time";
    const [from, to] = (address.state.get(name) ?? "..").split("..");
    const fields = [["from", from], ["to", to]].map(([title, value]) => {
      const field = make("input", { type: "text", value: value ?? "", placeholder: isTime ? "2026-11-23T15:00Z" : "" });
      field.addEventListener("change", () => address.go((state) => {
        const ends = fields.map((each) => each.querySelector("input").value.trim());
        if (ends.some(Boolean)) state.set(name, ends.join(".."));
        else state.delete(name);
      }));
      return make("label", {}, `${title} `, field);
    });
    return make("li", {}, ...fields);
  }

  // The session that comes so many after another one, as it is sorted now.
  after(row, count) {
    const at = this.rows.indexOf(row);
    return at < 0 ? undefined : this.rows[at + count];
  }

  // On paper, there is no scrolling.
  print(isOn) {
    this.printed = isOn ? 500 : undefined;
    this.#render({ anew: true });
  }
}

const isNumeric = ({ kind }) => ["count", "size", "seconds"].includes(kind);

const cellClass = (column) => (isNumeric(column) ? "number" : column.kind);

// Chips for severities and channels, and what is bad in words of its own colour.
function decorate({ model }, { name }, value, text) {
  if (name === "severity" && value) return [make("span", { class: `severity ${value}` }, text)];
  if (name === "channel" && value) return [make("span", { class: `chip ${value}` }), text];
  if (name === "protection" && value) return [make("span", { class: `chip ${value}` }), text];
  if (name === "tls_version" && model.bad.includes(value)) return [make("span", { class: "bad" }, text)];
  // to the second: there is little room
  if (name === "start") return [text.slice(0, 19)];
  return [text];
}
