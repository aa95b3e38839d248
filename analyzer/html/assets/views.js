// What is shown anew when other sessions are chosen: at once what is on the screen, and
// the rest while nothing else is to be done.

const views = {
  all: [],
  onScreen: new Set(),
  timer: 0,

  add(element, update) {
    const view = { element, update, stale: true };
    this.all.push(view);
    this.observer.observe(element);
    return view;
  },

  observer: new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      if (isIntersecting) views.onScreen.add(target);
      else views.onScreen.delete(target);
    }
    views.showNow();
  }, { rootMargin: "60px" }),

  refresh() {
    document.body.classList.add("busy");
    for (const view of this.all) view.stale = true;
    this.showNow();
    this.showLater();
  },

  showNow() {
    for (const view of this.all) {
      if (view.stale && this.onScreen.has(view.element)) this.show(view);
    }
  },

  // One after the other, so that clicks and scrolling come between.
  showLater() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      const view = this.all.find(({ stale }) => stale);
      document.body.classList.toggle("busy", Boolean(view));
      if (!view) return;
      this.show(view);
      this.showLater();
    }, 30);
  },

  showAll() {
    clearTimeout(this.timer);
    this.all.filter(({ stale }) => stale).forEach((view) => this.show(view));
  },

  show(view) {
    const { element } = view;
    const focused = element.contains(document.activeElement) ? document.activeElement : null;
    view.stale = false;
    view.update();
    markPicks(element);
    if (focused && !element.contains(document.activeElement)) focusOnLike(focused, element);
  },
};

// Whoever goes by key stays where they were, though it was made anew.
function focusOnLike(before, element) {
  const name = (each) => each.getAttribute("href") ?? each.textContent;
  const like = [...element.querySelectorAll(before.tagName)].find((each) => name(each) === name(before));
  like?.focus({ preventScroll: true });
}

// Links that filter: their fragment names columns and values.

function fragment(pairs) {
  return `#${new URLSearchParams(pairs.map(([name, value]) => [name, value ?? ""]))}`;
}

function pick(pairs, attributes, ...children) {
  return make("a", { ...attributes, class: "pick", href: fragment(pairs) }, ...children);
}

const pairsOf = (link) => [...new URLSearchParams(link.hash.slice(1))];

function markPicks(root) {
  for (const link of root.querySelectorAll("a.pick")) {
    if (address.has(pairsOf(link))) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
}

function showMore(shown, total, step, onClick) {
  if (shown >= total) return [];
  const next = Math.min(step, total - shown);
  const button = make("button", { type: "button", class: "more" },
    `Show ${numbers.format(next)} more of ${numbers.format(total)}`);
  button.addEventListener("click", onClick);
  return [button];
}
