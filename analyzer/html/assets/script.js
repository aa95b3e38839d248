"use strict";

(() => {
  const PAGE_ROWS = 100;
  const LONG = 40;
  const byId = (id) => document.getElementById(id);
  const read = (id) => JSON.parse(byId(id).textContent);

  // Charts: each has a figure for the day and one for the night.

  const figures = read("figures");
  const night = matchMedia("screen and (prefers-color-scheme: dark)");
  const config = { displayModeBar: false, responsive: true };

  function drawCharts() {
    for (const element of document.querySelectorAll("[data-chart]")) {
      const themes = figures[element.dataset.chart];
      const { data, layout } = structuredClone(night.matches ? themes.dark : themes.light);
      // a chart that is made narrower keeps its height
      element.style.height = `${layout.height}px`;
      Plotly.react(element, data, layout, config);
    }
  }

  // The session table: text goes into cells as text, never as HTML.

  const numbers = new Intl.NumberFormat("en");

  function formatSize(bytes) {
    const units = ["B", "kB", "MB", "GB", "TB"];
    let power = 0;
    while (bytes >= 1000 && power < units.length - 1) {
      bytes /= 1000;
      power += 1;
    }
    return `${power ? bytes.toFixed(1) : bytes} ${units[power]}`;
  }

  function formatSeconds(seconds) {
    if (seconds < 0.001) return `${(seconds * 1e6).toFixed(0)} µs`;
    if (seconds < 1) return `${(seconds * 1e3).toPrecision(3)} ms`;
    if (seconds < 60) return `${seconds.toPrecision(3)} s`;
    return `${numbers.format((seconds / 60).toFixed(1))} min`;
  }

  const NUMERIC = new Set(["count", "size", "seconds"]);

  function makeTable({ columns, channels, rows, total }) {
    const format = {
      count: (value) => numbers.format(value),
      size: formatSize,
      seconds: formatSeconds,
      channel: (value) => channels[value],
    };
    const show = (value, { kind }) =>
      value === null ? "" : (format[kind] ?? String)(value);
    const searchable = rows.map((row) =>
      row.map((value, i) => show(value, columns[i])).join("\n").toLowerCase());

    const all = rows.map((_, index) => index);
    const state = { found: all, column: 0, descending: false, page: 0 };

    function compare(a, b) {
      const [left, right] = [rows[a][state.column], rows[b][state.column]];
      // what is not known comes last, in either order
      if (left === null || right === null) {
        return (left === null) - (right === null) || a - b;
      }
      const order = typeof left === "number" ? left - right : collate(left, right);
      return (state.descending ? -order : order) || a - b;
    }

    const { compare: collate } = new Intl.Collator("en", { numeric: true });

    function search(text) {
      const words = text.toLowerCase().split(/\s+/).filter(Boolean);
      state.found = all.filter((index) =>
        words.every((word) => searchable[index].includes(word)));
      state.page = 0;
      sort();
    }

    function sort() {
      state.found.sort(compare);
      render();
    }

    function sortBy(column) {
      state.descending = column === state.column && !state.descending;
      state.column = column;
      state.page = 0;
      sort();
    }

    const table = byId("session-table");
    const headings = table.createTHead().insertRow();
    const body = table.createTBody();
    columns.forEach((column, index) => {
      const heading = document.createElement("th");
      heading.scope = "col";
      heading.className = NUMERIC.has(column.kind) ? "number" : "";
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = column.title;
      button.addEventListener("click", () => sortBy(index));
      heading.append(button);
      headings.append(heading);
    });

    function makeCell(row, value, column) {
      const cell = row.insertCell();
      cell.className = NUMERIC.has(column.kind) ? "number" : column.kind;
      const text = show(value, column);
      if (column.kind === "channel") {
        const chip = document.createElement("span");
        chip.className = `chip ${value}`;
        cell.append(chip, text);
        return;
      }
      cell.textContent = text;
      // a long text is cut, but those who point at it see all of it
      if (text.length > LONG) cell.title = text;
    }

    function render() {
      const first = state.page * PAGE_ROWS;
      const shown = state.found.slice(first, first + PAGE_ROWS);
      const lines = shown.map((index) => {
        const line = document.createElement("tr");
        rows[index].forEach((value, i) => makeCell(line, value, columns[i]));
        return line;
      });
      body.replaceChildren(...lines);
      [...headings.cells].forEach((heading, index) => {
        if (index !== state.column) heading.removeAttribute("aria-sort");
        else heading.setAttribute("aria-sort", state.descending ? "descending" : "ascending");
      });
      const [found, last] = [state.found.length, first + shown.length];
      byId("count").textContent = found === rows.length
        ? `${numbers.format(found)} sessions`
        : `${numbers.format(found)} of ${numbers.format(rows.length)} sessions`;
      byId("place").textContent = found
        ? `${numbers.format(first + 1)}–${numbers.format(last)} of ${numbers.format(found)}`
        : "No matching sessions.";
      byId("previous").disabled = state.page === 0;
      byId("next").disabled = last >= found;
    }

    function turn(pages) {
      state.page += pages;
      render();
      table.parentElement.scrollTop = 0;
    }

    byId("search").addEventListener("input", (event) => search(event.target.value));
    byId("previous").addEventListener("click", () => turn(-1));
    byId("next").addEventListener("click", () => turn(1));
    render();
  }

  drawCharts();
  night.addEventListener("change", drawCharts);
  if (byId("session-table")) makeTable(read("session-data"));
})();
