// One session: its dialogue, what is wrong with it, what is known of it, and how to find
// it in Wireshark.

class Drawer {
  constructor(dialog, page, list) {
    Object.assign(this, { dialog, page, list });
    this.content = dialog.querySelector(".content");
    this.rows = new Map();
    dialog.addEventListener("close", () => {
      if (this.shown) address.go((state) => state.delete("session"));
    });
    dialog.addEventListener("click", (event) => {
      // beside what is in it: its backdrop
      if (event.target === dialog) dialog.close();
    });
    dialog.querySelector(".close").addEventListener("click", () => dialog.close());
    this.turns = [[dialog.querySelector(".previous"), -1], [dialog.querySelector(".next"), 1]];
    for (const [button, count] of this.turns) {
      button.addEventListener("click", () => this.#turn(this.list.after(this.row, count)));
    }
  }

  update() {
    const id = address.state.get("session");
    if (id === this.shown) return;
    this.shown = id;
    if (!id) this.dialog.close();
    else this.#show(id);
  }

  #show(id) {
    const { codes, values } = this.page.sessions.get("session_id");
    const row = codes.indexOf(values.indexOf(id));
    const missing = make("p", { class: "empty" }, `There is no session ${id} on this page.`);
    const isHere = values.includes(id) && row >= 0;
    this.row = row;
    for (const [button, count] of this.turns) button.disabled = this.list.after(row, count) === undefined;
    byId("drawer-title").textContent = isHere ? this.#title(row) : "Session";
    this.content.replaceChildren(...(isHere ? this.#parts(id, row) : [missing]));
    if (!this.dialog.open) this.dialog.showModal();
    this.dialog.scrollTop = 0;
    if (isHere) this.#showDialogue(id, row);
  }

  #turn(row) {
    const id = this.#value("session_id", row);
    address.go((state) => state.set("session", id), { replace: true });
  }

  #value(name, row) {
    return this.page.sessions.get(name).value(row);
  }

  #title(row) {
    const server = endpoint(this.#value("server_ip", row), this.#value("server_port", row));
    return `${this.#value("service", row)}: ${this.#value("client_ip", row)} → ${server}`;
  }

  #parts(id, row) {
    const start = this.#value("start", row);
    this.dialogue = make("div", {}, make("p", { class: "empty" }, "…"));
    return [
      make("p", { class: "note" }, `${formatTime(start)} UTC · ${localTime.format(start)} local time`),
      ...this.#findings(row, id),
      make("h3", {}, "Dialogue"),
      this.dialogue,
      make("h3", {}, "In Wireshark"),
      copyable(displayFilter((name) => this.#value(name, row))),
      make("h3", {}, "In a terminal"),
      copyable(`mailtap show ${id} ${shellWord(this.#value("capture", row) ?? "CAPTURE")}`),
      make("h3", {}, "What is known"),
      this.#facts(row),
    ];
  }

  #findings(row, id) {
    const { sessions, columns } = this.page;
    const findings = sessions.get("finding");
    const ids = Array.from(findings.items(row), (code) => findings.values[code]);
    if (!ids.length) return [];
    return [
      make("h3", {}, "What is wrong"),
      make("ul", { class: "proofs" }, ...ids.map((finding) => make("li", {},
        pick([["finding", finding]], {}, label(columns, "finding", finding)),
        ...this.#evidence(finding, id)))),
    ];
  }

  // As far as it is of this session.
  #evidence(finding, id) {
    const item = document.querySelector(`li[data-finding="${CSS.escape(finding)}"]`);
    const proofs = [...item?.querySelectorAll(".proofs li") ?? []];
    return proofs.filter((proof) => pairsOf(proof.querySelector("a")).some(([, value]) => value === id))
      .map((proof) => make("div", { class: "note" },
        [...proof.children].map(({ textContent }) => textContent).join(": ")));
  }

  #facts(row) {
    const known = this.page.model.columns.filter(({ title }) => title);
    return make("dl", {}, ...known.flatMap(({ name, title }) => {
      const column = this.page.sessions.get(name);
      const value = column.value(row);
      if (value === null || value === "") return [];
      const text = label(this.page.columns, name, value);
      const isPick = column instanceof Codes && name !== "session_id";
      return [make("dt", {}, title), make("dd", {}, isPick ? pick([[name, value]], {}, text) : text)];
    }));
  }

  async #showDialogue(id, row) {
    this.loading ??= decode(byId("dialogues").textContent);
    const { dialogues } = (await this.loading).model;
    if (this.shown !== id) return;
    const found = Object.hasOwn(dialogues, id) ? dialogues[id] : null;
    this.dialogue.replaceChildren(...(found ? this.#steps(found) : [make("p", { class: "empty" },
      "This page has the dialogues of the most worrying sessions only; the command below shows this one.")]));
    markPicks(this.dialog);
  }

  // Steps that say the same, one after the other, are one.
  #steps({ steps, left_out: leftOut }) {
    const lines = [];
    for (const step of steps) {
      const last = lines.at(-1);
      const isSame = last && [1, 2, 3].every((at) => last.step[at] === step[at]);
      if (isSame) last.count += 1;
      else lines.push({ step, count: 1 });
    }
    const items = lines.map(({ step: [since, kind, side, text, latency, frame], count }) =>
      make("li", { class: `step ${kind} ${side ?? ""}` },
        make("span", { class: "since" }, since === null ? "" : `${since.toFixed(3)} s`),
        make("span", { class: "who" }, { client: "C", server: "S" }[side] ?? ""),
        make("span", { class: "said" }, text, ...(count > 1 ? [make("b", {}, ` × ${numbers.format(count)}`)] : [])),
        make("span", { class: "note" }, [
          latency === null ? "" : formatSeconds(latency), frame === null ? "" : `#${frame}`,
        ].filter(Boolean).join(" · "))));
    const more = leftOut ? [make("p", { class: "note" },
      `The command below shows ${plural(leftOut, "more step")}.`)] : [];
    return [make("ol", { class: "dialogue" }, ...items), ...more];
  }
}

const endpoint = (address, port) => (address?.includes(":") ? `[${address}]:${port}` : `${address}:${port}`);

const shellWord = (text) => (/^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);

// As `analyzer/dialogue/display_filter.py` makes it, but for the times: in milliseconds.
function displayFilter(value) {
  const seconds = (time) => (time / 1000).toFixed(6);
  const conditions = new Set([
    ...["client_ip", "server_ip"].map((name) => {
      const address = value(name);
      return `${address?.includes(":") ? "ipv6" : "ip"}.addr == ${address}`;
    }),
    ...["client_port", "server_port"].map((name) => `tcp.port == ${value(name)}`),
    `frame.time_epoch >= ${seconds(Math.floor(value("start")))}`,
    `frame.time_epoch <= ${seconds(Math.ceil(value("end")))}`,
  ]);
  return [...conditions].join(" && ");
}

function copyable(text) {
  const button = make("button", { type: "button", class: "copy" }, "Copy");
  const code = make("code", {}, text);
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch {
      // a browser that keeps pages from writing: at least it is selected
      getSelection().selectAllChildren(code);
    }
  });
  return make("div", { class: "copyable" }, code, button);
}
