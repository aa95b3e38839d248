// Which sessions are chosen: those that no filter rejects.

class Selection {
  // sessions: columns by name; columns: what is known of those that are shown.
  constructor(sessions, columns) {
    this.sessions = sessions;
    this.columns = columns;
    this.length = sessions.get("worry").numbers.length;
    this.filters = new Map();
    this.rejections = new Map();
    this.rejected = new Uint8Array(this.length);
    this.masks = new Map();
  }

  // wanted: values by column, as the address has them.
  apply(wanted) {
    for (const [name, values] of this.filters) {
      if (String(values) !== String(wanted.get(name))) this.#remove(name);
    }
    for (const [name, values] of wanted) {
      if (!this.filters.has(name)) this.#add(name, values);
    }
    this.masks.clear();
  }

  // 1 for each session that is chosen, whatever the filters of some columns say: a
  // chart shows what else could be chosen.
  chosen(except = []) {
    const lifted = except.filter((name) => this.filters.has(name));
    const key = lifted.join();
    if (!this.masks.has(key)) this.masks.set(key, this.#mask(lifted));
    return this.masks.get(key);
  }

  count() {
    let count = 0;
    for (const is of this.chosen()) count += is;
    return count;
  }

  isFilter(name) {
    return name === "words" || this.sessions.has(name);
  }

  #mask(lifted) {
    const rejections = lifted.map((name) => this.rejections.get(name));
    const mask = new Uint8Array(this.length);
    for (let row = 0; row < this.length; row += 1) {
      let count = this.rejected[row];
      for (const rejection of rejections) count -= rejection[row];
      mask[row] = count === 0;
    }
    return mask;
  }

  #add(name, values) {
    const rejection = this.#reject(name, values);
    this.filters.set(name, values);
    this.rejections.set(name, rejection);
    for (let row = 0; row < this.length; row += 1) this.rejected[row] += rejection[row];
  }

  #remove(name) {
    const rejection = this.rejections.get(name);
    this.filters.delete(name);
    this.rejections.delete(name);
    for (let row = 0; row < this.length; row += 1) this.rejected[row] -= rejection[row];
  }

  #reject(name, values) {
    if (name === "words") return this.#rejectWithout(values.join(" "));
    const column = this.sessions.get(name);
    if (!(column instanceof Numbers)) return column.rejects(column.marks(values));
    return column.rejectsOutside(...this.range(name, values[0]));
  }

  // The ends of "first..last", of which either may be missing; not a number for nonsense.
  range(name, text) {
    const [first, last] = text.split("..").map((end) => this.#number(name, end));
    return [first ?? -Infinity, last ?? Infinity];
  }

  #number(name, text) {
    if (!text) return undefined;
    const isTime = this.columns.get(name)?.kind === "time";
    return isTime ? Date.parse(text) : Number(text);
  }

  // Each word must be in some text of a session; only the different ones are searched.
  #rejectWithout(words) {
    const rejection = new Uint8Array(this.length);
    for (const word of words.toLowerCase().split(/\s+/).filter(Boolean)) {
      const missing = new Uint8Array(this.length).fill(1);
      for (const column of this.sessions.values()) {
        if (!(column instanceof Codes) || !this.columns.get(column.name)?.title) continue;
        const show = (value) => label(this.columns, column.name, value).toLowerCase();
        const marks = Uint8Array.from(column.values, (value) =>
          value !== null && show(value).includes(word));
        if (!marks.includes(1)) continue;
        for (let row = 0; row < this.length; row += 1) {
          if (marks[column.codes[row]]) missing[row] = 0;
        }
      }
      for (let row = 0; row < this.length; row += 1) rejection[row] |= missing[row];
    }
    return rejection;
  }
}

// What a value of a column is called.
function label(columns, name, value) {
  if (value === null || value === undefined) return "";
  const { kind, labels } = columns.get(name) ?? {};
  if (FORMATS[kind]) return FORMATS[kind](value);
  return labels && Object.hasOwn(labels, value) ? labels[value] : String(value);
}
