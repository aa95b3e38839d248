// Findings: how many of the chosen sessions show each, and those that the page left out.

class Findings {
  constructor(section, page) {
    Object.assign(this, { section, page });
    this.none = make("p", { class: "empty" }, "No finding concerns the chosen sessions.");
    this.groups = [...section.querySelectorAll(".group")].map((element, at) => {
      const [more, severity] = page.model.findings[at];
      const group = { element, more, severity, list: element.querySelector(".hits"), after: make("p", { class: "note" }) };
      group.list.after(group.after);
      this.#offerMore(group);
      return group;
    });
    section.append(this.none);
    views.add(section, () => this.update());
  }

  update() {
    const { selection, sessions } = this.page;
    const mask = selection.chosen(["finding", "problem"]);
    const { starts, codes, values } = sessions.get("finding");
    const counts = new Uint32Array(values.length);
    for (let row = 0; row < mask.length; row += 1) {
      if (mask[row]) for (let at = starts[row]; at < starts[row + 1]; at += 1) counts[codes[at]] += 1;
    }
    const byId = new Map(values.map((value, code) => [value, counts[code]]));
    const isWhole = selection.filters.size === 0;
    let shown = 0;
    for (const { element, list, more } of this.groups) {
      let count = more.filter(([id]) => byId.get(id)).length;
      for (const item of list.children) {
        const sessions = byId.get(item.dataset.finding) ?? 0;
        item.hidden = !isWhole && !sessions;
        count += !item.hidden;
      }
      element.hidden = !count;
      shown += count > 0;
    }
    this.none.hidden = shown > 0;
  }

  #offerMore(group) {
    group.after.replaceChildren(...showMore(0, group.more.length, MORE_CELLS, () => {
      const next = group.more.splice(0, MORE_CELLS);
      group.list.append(...next.map((finding) => this.#item(finding, group.severity)));
      this.#offerMore(group);
      this.update();
      markPicks(group.element);
    }));
  }

  #item([id, severity, subject, extent, proofs], usual) {
    const chip = severity === usual ? [] : [make("span", { class: `severity ${severity}` }, severity), " "];
    return make("li", { "data-finding": id },
      make("p", { class: "subject" }, ...chip,
        pick([["finding", id]], {}, make("strong", {}, subject)), " ",
        make("span", { class: "note" }, extent)),
      make("ul", { class: "proofs" }, ...proofs.map(([session, place, seen]) =>
        make("li", {}, sessionLink(session, place), " ", make("code", {}, seen)))));
  }
}

const sessionLink = (session, ...children) =>
  make("a", { class: "note", href: fragment([["session", session]]) }, ...children);
