// Decodes what `analyzer/html/blob.py` encodes: tables in typed arrays.

const ARRAYS = {
  u1: Uint8Array, u2: Uint16Array, u4: Uint32Array, i8: BigInt64Array,
  f4: Float32Array, f8: Float64Array,
};

// Texts: for each row, a place in a list of values; the first is null.
class Codes {
  constructor(name, values, codes) {
    Object.assign(this, { name, values, codes });
  }

  value(row) {
    return this.values[this.codes[row]];
  }

  // Which of all values these are; "" is null.
  marks(wanted) {
    const texts = new Set(wanted);
    return Uint8Array.from(this.values, (value) => texts.has(value ?? ""));
  }

  rejects(marks) {
    return Uint8Array.from(this.codes, (code) => 1 - marks[code]);
  }

  // A number for each row that sorts as its text does; null sorts last.
  ranks() {
    const order = this.values.map((_, code) => code).slice(1);
    order.sort((a, b) => collator.compare(this.values[a], this.values[b]));
    const ranks = new Float64Array(this.values.length);
    order.forEach((code, rank) => { ranks[code] = rank; });
    ranks[0] = NaN;
    return Float64Array.from(this.codes, (code) => ranks[code]);
  }
}

// Lists of texts: where the list of each row starts, and places in a list of values.
class Lists {
  constructor(name, values, starts, codes) {
    Object.assign(this, { name, values, starts, codes });
  }

  items(row) {
    return this.codes.subarray(this.starts[row], this.starts[row + 1]);
  }

  value(row) {
    return Array.from(this.items(row), (code) => this.values[code]).join(", ") || null;
  }

  marks(wanted) {
    return Codes.prototype.marks.call(this, wanted);
  }

  rejects(marks) {
    const rejected = new Uint8Array(this.starts.length - 1);
    for (let row = 0; row < rejected.length; row += 1) {
      const items = this.items(row);
      rejected[row] = items.length ? !items.some((code) => marks[code]) : !marks[0];
    }
    return rejected;
  }

  ranks() {
    return Float64Array.from({ length: this.starts.length - 1 }, (_, row) => {
      const count = this.starts[row + 1] - this.starts[row];
      return count || NaN;
    });
  }
}

// Numbers; not a number is null.
class Numbers {
  constructor(name, numbers) {
    Object.assign(this, { name, numbers });
  }

  value(row) {
    const number = this.numbers[row];
    return Number.isNaN(number) ? null : number;
  }

  rejectsOutside(first, last) {
    return Uint8Array.from(this.numbers, (number) => !(number >= first && number <= last));
  }

  ranks() {
    return this.numbers;
  }
}

function decodeColumn({ name, kind, values }, arrays) {
  if (kind === "codes") return new Codes(name, values, ...arrays);
  if (kind === "lists") return new Lists(name, values, ...arrays);
  return new Numbers(name, ...arrays);
}

async function inflate(text) {
  const packed = atob(text);
  const bytes = new Uint8Array(packed.length);
  for (let at = 0; at < packed.length; at += 1) bytes[at] = packed.charCodeAt(at);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).arrayBuffer();
}

async function decode(text) {
  const buffer = await inflate(text);
  const length = new DataView(buffer).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  let place = 4 + length;
  const tables = {};
  for (const [name, columns] of Object.entries(header.tables)) {
    tables[name] = new Map(columns.map((column) => {
      const arrays = column.arrays.map(([type, count]) => {
        const array = new ARRAYS[type](buffer, place, count);
        place += Math.ceil(array.byteLength / 8) * 8;
        return array;
      });
      return [column.name, decodeColumn(column, arrays)];
    }));
  }
  return { model: header.model, tables };
}
