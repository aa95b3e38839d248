// Charts: Plotly draws them after the figures that Python made, with the rows of the
// chosen sessions; over each row lies a link that filters by it.

const ROW_PX = 52;
const BAR_MIDDLE = 0.23;
const MORE_ROWS = 20;
const night = matchMedia("screen and (prefers-color-scheme: dark)");
const isTouched = matchMedia("(pointer: coarse)");

class Chart {
  constructor(element, spec, figures, page) {
    Object.assign(this, { element, spec, figures, page });
    this.limit = 10;
    this.plot = make("div", { class: "plot", "aria-hidden": "true" });
    this.links = make("ul", { class: "rows" });
    this.after = make("p", { class: "note" });
    this.links.setAttribute("aria-label", element.getAttribute("aria-label").split(":")[0]);
    element.removeAttribute("role");
    element.removeAttribute("aria-label");
    element.replaceChildren(this.plot, this.links);
    element.after(this.after);
    this.view = views.add(element, () => this.update());
  }

  get pattern() {
    const isDark = night.matches && !this.page.isOnPaper;
    return structuredClone(isDark ? this.figures.dark : this.figures.light);
  }

  update() {
    if (this.spec.kind === "time") this.#drawTimes();
    else if (this.spec.kind === "latency") this.#drawLatencies();
    else this.#drawCounts();
  }

  #draw(data, layout, config) {
    this.element.style.height = `${layout.height}px`;
    Plotly.react(this.plot, data, layout, { displayModeBar: false, responsive: true, ...config });
    // on paper there is less room, and no event says so
    if (this.plot._fullLayout.width !== this.plot.clientWidth) Plotly.relayout(this.plot, { autosize: true });
  }

  #drawTimes() {
    const { data, layout } = this.pattern;
    const step = layout.meta.step_s * 1000;
    const { selection, sessions } = this.page;
    const mask = selection.chosen(this.spec.by);
    const { codes, values } = sessions.get("channel");
    const starts = sessions.get("start").numbers;
    const steps = new Map();
    for (let row = 0; row < mask.length; row += 1) {
      if (!mask[row]) continue;
      const time = Math.floor(starts[row] / step) * step;
      if (!steps.has(time)) steps.set(time, new Uint32Array(values.length));
      steps.get(time)[codes[row]] += 1;
    }
    const times = [...steps.keys()].sort((a, b) => a - b);
    for (const trace of data) {
      const code = values.indexOf(trace.name);
      const shown = times.filter((time) => steps.get(time)[code]);
      trace.x = shown.map(formatTime);
      trace.y = shown.map((time) => steps.get(time)[code]);
    }
    // a finger scrolls the page
    layout.dragmode = isTouched.matches ? false : "select";
    layout.selectdirection = "h";
    layout.selections = [];
    const ends = layout.xaxis.range.map(parseTime);
    layout.shapes = this.#shapesOfTimes(ends);
    this.#draw(data, layout);
    this.#linkTimes(times, steps, step, ends);
    this.after.replaceChildren(...(times.length ? [] : ["None of the chosen sessions."]));
    if (!this.listens) this.#listenToTimes(step);
  }

  // What is chosen, as far as the axis goes.
  #shapesOfTimes([first, last]) {
    const { selection } = this.page;
    return (selection.filters.get("start") ?? []).flatMap((text) => {
      const [from, to] = selection.range("start", text);
      const [x0, x1] = [Math.max(from, first), Math.min(to, last)];
      return x0 < x1 ? [{
        type: "rect", yref: "paper", x0: formatTime(x0), x1: formatTime(x1), y0: 0, y1: 1,
        layer: "below", line: { width: 0 }, fillcolor: colour("picked"),
      }] : [];
    });
  }

  #linkTimes(times, steps, step, [first, last]) {
    this.links.classList.add("steps");
    this.#placeLinks();
    const focused = this.links.contains(document.activeElement);
    const links = times.map((time) => {
      const total = steps.get(time).reduce((sum, count) => sum + count, 0);
      const words = `${formatTime(time).slice(0, 19)} UTC: ${plural(total, "session")}`;
      const link = pick([["start", timeRange(time, time + step)]], { "aria-label": words, tabindex: "-1" });
      link.style.left = `${(time - first) / (last - first) * 100}%`;
      link.style.width = `${step / (last - first) * 100}%`;
      return link;
    });
    this.links.replaceChildren(...links.map((link) => make("li", {}, link)));
    const current = links.find((link) => address.has(pairsOf(link))) ?? links[0];
    if (current) current.tabIndex = 0;
    if (focused) current?.focus();
  }

  // Over what is inside the axes, however wide the window has become.
  #placeLinks() {
    const { l, w } = this.plot._fullLayout._size;
    Object.assign(this.links.style, { left: `${l}px`, width: `${w}px` });
  }

  // By mouse: a click takes a step, dragging takes several; by key: arrows go from one
  // to the next.
  #listenToTimes(step) {
    this.listens = true;
    this.plot.on("plotly_afterplot", () => this.#placeLinks());
    this.plot.on("plotly_click", ({ points }) => {
      const time = Math.floor(parseTime(points[0].x) / step) * step;
      address.toggle([["start", timeRange(time, time + step)]]);
    });
    this.plot.on("plotly_selected", (event) => {
      if (!event?.range) return;
      const [from, to] = event.range.x.map(parseTime);
      address.toggle([["start", timeRange(from, to)]]);
    });
    this.links.addEventListener("keydown", (event) => {
      const way = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!way) return;
      const links = [...this.links.querySelectorAll("a")];
      const next = links[links.indexOf(document.activeElement) + way];
      if (!next) return;
      event.preventDefault();
      document.activeElement.tabIndex = -1;
      next.tabIndex = 0;
      next.focus();
    });
  }

  #drawCounts() {
    const { page, spec } = this;
    const found = group(page.sessions, spec.by, page.selection.chosen(spec.by), spec.only);
    const parts = spec.kind === "channels" ? "channel" : null;
    const counts = countGroups(page.sessions, found, parts);
    const order = [...counts.totals.keys()];
    if (spec.kind === "versions") {
      order.sort((a, b) => collator.compare(found.texts(b)[0], found.texts(a)[0]));
    } else {
      const names = order.map((id) => found.texts(id).join());
      order.sort((a, b) => counts.totals[b] - counts.totals[a] || (names[a] < names[b] ? -1 : 1));
    }
    const peers = { client_ip: "server_ip", server_ip: "client_ip" }[spec.by[0]];
    const hosts = peers && describeHosts(page.sessions, found, peers);
    const rows = order.slice(0, this.limit).map((id) => ({
      pairs: spec.by.map((name, at) => [name, found.texts(id)[at]]),
      name: found.labels(page.columns, id).join(" "),
      value: numbers.format(counts.totals[id]),
      words: hosts ? `, ${hosts[id]}` : this.#describe(found.texts(id)[0], counts.parts[id]),
      total: counts.totals[id],
      parts: counts.parts[id],
      isBad: spec.kind === "versions" && page.model.bad.includes(found.texts(id)[0]),
    }));
    const { data, layout } = this.pattern;
    for (const trace of data) {
      const code = parts && page.sessions.get(parts).values.indexOf(trace.name);
      trace.x = rows.map((row) => (parts ? row.parts[code] ?? 0 : row.total));
      if (parts) trace.text = trace.x.map((count) => (count ? numbers.format(count) : ""));
      else trace.marker.color = rows.map((row) => colour(this.#colourOf(row)));
    }
    layout.xaxis.range = [0, Math.max(...rows.map(({ total }) => total), 1)];
    this.#drawRows(data, layout, rows, order.length);
  }

  #colourOf(row) {
    if (this.spec.kind === "versions") return row.isBad ? "plaintext" : "implicit";
    return this.spec.by[0] === "failure" ? "failed" : "accent";
  }

  #describe(value, parts) {
    if (this.spec.kind === "versions") {
      return this.page.model.bad.includes(value) ? ", deprecated" : "";
    }
    const { values } = this.page.sessions.get("channel");
    return Array.from(parts ?? [], (count, code) => (count
      ? `, ${numbers.format(count)} ${label(this.page.columns, "channel", values[code])}` : "")).join("");
  }

  #drawLatencies() {
    const { page, spec } = this;
    const all = latencies(page.sessions.get("step"), page.answers, page.selection.chosen(spec.by));
    all.sort((a, b) => b.p95 - a.p95 || b.max - a.max);
    const rows = all.slice(0, this.limit).map((row) => ({
      ...row,
      pairs: [["step", row.name]],
      value: formatSeconds(row.p95),
      words: `, half within ${formatSeconds(row.median)}, 95% within ${formatSeconds(row.p95)}`
        + `, all within ${formatSeconds(row.max)}`,
      total: row.count,
      noun: "time",
    }));
    const { data, layout } = this.pattern;
    const [line, marks] = [data[0], data.slice(-3)];
    const places = rows.map((_, at) => at + BAR_MIDDLE);
    const clip = (seconds) => Math.max(seconds, 1e-6);
    line.x = rows.flatMap(({ median, max }) => [clip(median), clip(max), null]);
    line.y = places.flatMap((place) => [place, place, null]);
    ["max", "p95", "median"].forEach((name, at) => {
      marks[at].x = rows.map((row) => clip(row[name]));
      marks[at].y = places;
    });
    if (rows.length) {
      const first = Math.floor(Math.log10(Math.min(...rows.map((row) => clip(row.median)))));
      const last = Math.max(Math.ceil(Math.log10(Math.max(...rows.map((row) => clip(row.max))))), first + 1);
      const decades = Array.from({ length: last - first + 1 }, (_, at) => 10 ** (first + at));
      layout.xaxis.range = [first - 0.1, last + 0.1];
      layout.xaxis.tickvals = decades;
      layout.xaxis.ticktext = decades.map(formatSeconds);
    }
    this.#drawRows([line, ...marks], layout, rows, all.length);
  }

  #drawRows(data, layout, rows, total) {
    layout.annotations = [];
    layout.height = rows.length * ROW_PX + layout.margin.b;
    layout.yaxis.range = [rows.length - 0.5, -0.5];
    for (const trace of data) {
      if (trace.type === "bar") trace.y = rows.map((_, at) => at + BAR_MIDDLE);
      trace.hoverinfo = "skip";
      delete trace.hovertext;
    }
    this.plot.hidden = !rows.length;
    if (rows.length) this.#draw(data, layout, { staticPlot: true });
    else this.element.style.height = "auto";
    this.links.replaceChildren(...rows.map((row) => {
      const words = `${row.name}: ${plural(row.total, row.noun ?? "session")}${row.words}`;
      return make("li", {}, pick(row.pairs, { title: words },
        make("span", { class: "name" }, row.name || "unknown"),
        make("span", { class: "value" }, row.value),
        make("span", { class: "unseen" }, row.words)));
    }));
    this.after.replaceChildren(
      ...(rows.length ? [] : ["None of the chosen sessions."]),
      ...showMore(rows.length, total, MORE_ROWS, () => {
        this.limit += MORE_ROWS;
        views.show(this.view);
      }),
    );
  }
}

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

// Plotly writes times without their zone.
const parseTime = (text) => Date.parse(`${text}Z`.replace(" ", "T"));

const timeRange = (from, to) => `${new Date(from).toISOString()}..${new Date(to - 1).toISOString()}`;

// How many sessions with how many peers, and how many bytes, hosts have.
function describeHosts(sessions, { rows, ids, length }, peers) {
  const { codes } = sessions.get(peers);
  const sizes = sessions.get("bytes").numbers;
  const [bytes, seen] = [new Float64Array(length), Array.from({ length }, () => new Set())];
  for (let at = 0; at < rows.length; at += 1) {
    bytes[ids[at]] += sizes[rows[at]];
    seen[ids[at]].add(codes[rows[at]]);
  }
  return seen.map((of, id) => `${plural(of.size, "peer")}, ${formatSize(bytes[id])}`);
}

// How long each step of the chosen sessions took.
function latencies({ starts, codes, values }, seconds, mask) {
  const counts = new Uint32Array(values.length);
  const each = (use) => {
    for (let row = 0; row < mask.length; row += 1) {
      if (mask[row]) for (let at = starts[row]; at < starts[row + 1]; at += 1) use(at);
    }
  };
  each((at) => { counts[codes[at]] += 1; });
  const times = Array.from(counts, (count) => new Float32Array(count));
  counts.fill(0);
  each((at) => { times[codes[at]][counts[codes[at]]++] = seconds[at]; });
  return times.flatMap((of, code) => {
    if (!of.length) return [];
    of.sort();
    const quantile = (share) => {
      const place = share * (of.length - 1);
      const before = Math.floor(place);
      return of[before] + ((of[before + 1] ?? 0) - of[before]) * (place - before);
    };
    return [{
      name: values[code], count: of.length, max: of.at(-1),
      median: quantile(0.5), p95: quantile(0.95),
    }];
  });
}
