// The state of the page, which is in the fragment of its address, so that a view can be
// sent: filters (column=value), `words`, `sort`, `columns`, `alike` and `session`.

const address = {
  state: new URLSearchParams(),
  listeners: [],

  // A fragment without "=" is a place in the page, not a state.
  read() {
    const text = location.hash.slice(1);
    if (text.includes("=") || !text) this.state = new URLSearchParams(text);
  },

  start() {
    this.read();
    window.addEventListener("popstate", () => {
      const before = String(this.state);
      this.read();
      if (String(this.state) !== before) this.tell();
    });
  },

  // Go to the state that `change` makes of the present one.
  go(change, { replace = false } = {}) {
    const next = new URLSearchParams(this.state);
    change(next);
    if (String(next) === String(this.state)) return;
    this.state = next;
    const [page] = location.href.split("#");
    const url = String(next) ? `${page}#${next}` : page;
    history[replace ? "replaceState" : "pushState"](null, "", url);
    this.tell();
  },

  tell() {
    for (const listener of this.listeners) listener();
  },

  // Filters by column: the values of each, in the order in which they were chosen.
  filters(isFilter) {
    const filters = new Map();
    for (const name of new Set(this.state.keys())) {
      if (isFilter(name)) filters.set(name, this.state.getAll(name));
    }
    return filters;
  },

  has(pairs) {
    return pairs.every(([name, value]) => this.state.getAll(name).includes(value));
  },

  // Filter by these values, in place of those of their columns, or beside them; if that
  // is so already, no longer. `leave` is what else there is no longer, then.
  toggle(pairs, { beside = false, leave } = {}) {
    const isOn = this.has(pairs);
    this.go((state) => {
      state.delete(leave);
      for (const name of new Set(pairs.map(([each]) => each))) {
        const values = pairs.filter(([each]) => each === name).map(([, value]) => value);
        const others = state.getAll(name).filter((each) => !values.includes(each));
        state.delete(name);
        if (beside || isOn) others.forEach((each) => state.append(name, each));
        if (!isOn) values.forEach((each) => state.append(name, each));
      }
    });
  },
};
