// How values are written, and how elements are made.
//
// Text of the traffic goes into text nodes and attributes, never into HTML.

const numbers = new Intl.NumberFormat("en");
const collator = new Intl.Collator("en", { numeric: true });

const localTime = new Intl.DateTimeFormat("en-GB", {
  dateStyle: "medium", timeStyle: "medium",
});

const plural = (count, noun) => `${numbers.format(count)} ${noun}${count === 1 ? "" : "s"}`;

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
  const digits = (value) => String(Number(value.toPrecision(3)));
  if (seconds < 0.9995e-3) return `${digits(seconds * 1e6)} µs`;
  if (seconds < 0.9995) return `${digits(seconds * 1e3)} ms`;
  if (seconds < 59.97) return `${digits(seconds)} s`;
  return `${numbers.format((seconds / 60).toFixed(1))} min`;
}

// UTC, in milliseconds: the last digits are for machines
const formatTime = (time) => new Date(time).toISOString().replace("T", " ").slice(0, -1);

const FORMATS = {
  count: (value) => numbers.format(value),
  number: String,
  size: formatSize,
  seconds: formatSeconds,
  time: formatTime,
};

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "class") element.className = value;
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

const byId = (id) => document.getElementById(id);
