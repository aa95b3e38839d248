// Tables that count sessions by some of their columns.

const MORE_CELLS = 100;
const MOST_NAMES = 3;

// The groups of the chosen sessions that have the same values in some columns. The
// first of these may hold lists: each of their items counts.
function group(sessions, by, mask, only = {}) {
  const columns = by.map((name) => sessions.get(name));
  const conditions = Object.entries(only).map(([name, wanted]) => {
    const column = sessions.get(name);
    const marks = column.marks(wanted);
    // "" is any
    if (wanted.includes("")) marks.forEach((_, code) => { marks[code] = code !== 0; });
    return [column.codes, marks];
  });
  const listed = columns[0] instanceof Lists ? columns[0] : null;
  const single = listed ? columns.slice(1) : columns;
  const size = listed ? listed.codes.length : mask.length;
  const [rows, ids] = [new Uint32Array(size), new Uint32Array(size)];
  const isWide = columns.reduce((product, { values }) => product * values.length, 1) > 2 ** 53;
  const [known, groups] = [new Map(), []];
  let count = 0;

  function put(row, item) {
    let key = isWide ? `${item}` : item;
    for (const { codes, values } of single) {
      key = isWide ? `${key},${codes[row]}` : key * values.length + codes[row];
    }
    let id = known.get(key);
    if (id === undefined) {
      id = groups.length;
      known.set(key, id);
      groups.push(listed ? [row, item] : [row]);
    }
    rows[count] = row;
    ids[count] = id;
    count += 1;
  }

  for (let row = 0; row < mask.length; row += 1) {
    if (!mask[row] || !conditions.every(([codes, marks]) => marks[codes[row]])) continue;
    if (!listed) put(row, 0);
    else for (const item of listed.items(row)) put(row, item);
  }
  const texts = (id) => {
    const [row, item] = groups[id];
    return columns.map((column) =>
      (column === listed ? listed.values[item] : column.value(row)) ?? "");
  };
  return {
    rows: rows.subarray(0, count),
    ids: ids.subarray(0, count),
    length: groups.length,
    texts,
    labels: (known, id) => texts(id).map((text, at) => label(known, by[at], text)),
  };
}

// How many sessions each group has, and of those with each value of a column.
function countGroups(sessions, { rows, ids, length }, parts) {
  const totals = new Uint32Array(length);
  for (const id of ids) totals[id] += 1;
  if (!parts) return { totals, parts: [] };
  const { codes, values } = sessions.get(parts);
  const counts = Array.from({ length }, () => new Uint32Array(values.length));
  for (let at = 0; at < rows.length; at += 1) counts[ids[at]][codes[rows[at]]] += 1;
  return { totals, parts: counts };
}

// What each kind of cell is, of each group: a list of values.
const CELLS = {
  count: ({ sessions, found }) => countGroups(sessions, found).totals,
  by: ({ found, by, of: [name] }) =>
    Array.from({ length: found.length }, (_, id) => found.texts(id)[by.indexOf(name)]),
  sum: (all) => fold(all, (sum = 0, number) => sum + (number || 0)),
  max: (all) => fold(all, (max = -Infinity, number) => Math.max(max, number)),
  any: (all) => flags(all).map((is) => (is ? "yes" : "no")),
  but: ({ of: [one, other], ...all }) => {
    const without = flags({ ...all, of: [other] });
    return flags({ ...all, of: [one] }).map((is, id) => (is && !without[id] ? "yes" : "no"));
  },
  first: (all) => fold(all, (first, value) => first ?? value),
  last: (all) => fold(all, (last, value) => value ?? last),
  // "" is any
  "count-of": ({ of: [name, wanted], ...all }) => fold({ ...all, of: [name] }, (count = 0, value) =>
    count + Number(wanted ? value === wanted : value !== null)),
  distinct: (all) => fold(all, (values = new Set(), value) => values.add(value)).map(({ size }) => size),
  names: (all) => fold(all, (names = new Set(), value) => (value === null ? names : names.add(value)))
    .map((names) => {
      const sorted = [...names].sort();
      const more = sorted.length - MOST_NAMES;
      const shown = sorted.slice(0, MOST_NAMES).join(", ");
      return more > 0 ? `${shown} (and ${numbers.format(more)} more)` : shown;
    }),
};

function fold({ sessions, found: { rows, ids, length }, of: [name] }, step) {
  const column = sessions.get(name);
  const values = new Array(length).fill(undefined);
  for (let at = 0; at < rows.length; at += 1) {
    values[ids[at]] = step(values[ids[at]], column.value(rows[at]));
  }
  return values;
}

const flags = (all) => fold(all, (any = false, value) => any || value === "yes");

const NUMERIC_CELLS = new Set(["count", "sum", "count-of", "distinct"]);

function classOfCell(how, kind) {
  if (NUMERIC_CELLS.has(how) || kind === "number") return "number";
  return how === "names" || kind === "long" ? "long" : "text";
}

class GroupedTable {
  constructor(element, spec, page) {
    Object.assign(this, { element, spec, page, limit: 10 });
    this.table = element.querySelector("table");
    // the note on rows that are left out, of which there are none now
    element.querySelector(".left-out")?.remove();
    this.after = make("p", { class: "note" });
    element.append(this.after);
    this.table.addEventListener("click", (event) => {
      if (event.target.closest("a, button") || getSelection().toString()) return;
      event.target.closest("tr")?.querySelector("a.pick")?.click();
    });
    this.view = views.add(element, () => this.update());
  }

  update() {
    const { page, spec } = this;
    const found = group(page.sessions, spec.by, page.selection.chosen(spec.by), spec.only);
    const names = Object.keys(spec.headings);
    const how = names.map((name) => spec.cells[name] ?? ["by", name]);
    const cells = how.map(([kind, ...of]) =>
      CELLS[kind]({ sessions: page.sessions, found, by: spec.by, of }));
    const order = this.#order(found, cells[names.indexOf(spec.sort.replace("-", ""))]);
    const shown = order.slice(0, this.limit);
    const columns = names.flatMap((name, at) => {
      const column = {
        title: spec.headings[name],
        class: classOfCell(how[at][0], page.columns.get(how[at][1])?.kind),
        text: (id) => this.#text(how[at], cells[at][id]),
      };
      return shown.some((id) => column.text(id)) || !shown.length ? [column] : [];
    });
    const headings = columns.map((column) => make("th", { scope: "col", class: column.class }, column.title));
    this.table.tHead.replaceChildren(make("tr", {}, ...headings));
    this.table.tBodies[0].replaceChildren(...shown.map((id) => this.#row(found, columns, id)));
    this.after.replaceChildren(
      ...(shown.length ? [] : ["None of the chosen sessions."]),
      ...showMore(shown.length, order.length, MORE_CELLS, () => {
        this.limit += MORE_CELLS;
        views.show(this.view);
      }),
    );
  }

  #order(found, keys) {
    const { sort, order: values } = this.spec;
    const sign = sort.startsWith("-") ? -1 : 1;
    const order = Array.from({ length: found.length }, (_, id) => id).filter((id) => keys[id] !== 0);
    order.sort((a, b) => sign * (keys[a] - keys[b]) || a - b);
    if (values.length) {
      const ranks = order.map((id) => values.indexOf(found.texts(id)[0]));
      const rankOf = new Map(order.map((id, at) => [id, ranks[at]]));
      order.sort((a, b) => rankOf.get(a) - rankOf.get(b));
    }
    return order;
  }

  #row(found, columns, id) {
    const texts = found.texts(id);
    const pairs = this.spec.by.map((name, at) => [name, texts[at]]);
    return make("tr", {}, ...columns.map((column, at) => {
      const text = column.text(id) || "–";
      const isBad = this.page.model.bad.includes(text) || column.class === "number" && text.startsWith("-");
      return make("td", { class: `${column.class}${isBad ? " bad" : ""}`, "data-title": column.title },
        at ? text : pick(pairs, {}, text));
    }));
  }

  #text([kind, name], value) {
    if (value === undefined || value === null || value === "") return "";
    if (NUMERIC_CELLS.has(kind)) return numbers.format(value);
    const text = label(this.page.columns, name, value);
    return kind === "max" ? text.slice(0, 19) : text;
  }
}

// A table that is always that of all sessions: the rest of its rows is there if wanted.
class WholeTable {
  constructor(element, rows) {
    this.body = element.querySelector("tbody");
    this.classes = [...element.querySelectorAll("th")].map(({ className, textContent }) => [className, textContent]);
    this.after = element.insertBefore(make("p", { class: "note" }), element.querySelector(".whole"));
    this.rows = rows;
    this.offer();
  }

  offer() {
    this.after.replaceChildren(...showMore(0, this.rows.length, MORE_CELLS, () => {
      this.body.append(...this.rows.splice(0, MORE_CELLS).map(([cells, link]) => make("tr", {},
        ...cells.map((text, at) => make("td", { class: this.classes[at][0], "data-title": this.classes[at][1] },
          at || !link ? text : make("a", { class: "pick", href: `#${link}` }, text))))));
      this.offer();
    }));
  }
}
