// How does a view stay true? Its questions are asked again while it can be seen, and what is old is shown as old.

import { Away, Overtaken, Refused, ask, hush } from "./asking.js";
import { fill, h, told } from "./dom.js";
import { order } from "./rungs.js";
import { when } from "./say.js";

const MOST_MS = 60_000;
const AGAIN_S = 5;

/**
 * A need: {path, given, kind?, every (seconds; 0: once), into (element), paint(body) → children, heard?(body), first?}. Its
 * element is painted anew whenever the body changed; `heard` is told every answer, the same one too. `shown` is called
 * when those that are `first` were painted.
 */
export class Live {
  constructor(main, mark, { onKey, shown }) {
    Object.assign(this, { main, mark, onKey, shown, needs: [], away: null, at: null, over: false });
    this.seen = () => document.visibilityState === "visible" && this.needs.forEach((need) => need.due && this.go(need));
    document.addEventListener("visibilitychange", this.seen);
    this.say();
  }

  start(needs) {
    this.needs = needs.map((need) => ({ every: 5, kind: need.path, first: true, ...need, last: null, done: false, due: false }));
    for (const need of this.needs) this.go(need);
    if (!this.needs.length) this.shown();
  }

  stop() {
    this.over = true;
    document.removeEventListener("visibilitychange", this.seen);
    for (const need of this.needs) clearTimeout(need.timer);
    hush();
  }

  async go(need) {
    clearTimeout(need.timer);
    need.due = false;
    const begun = performance.now();
    let every = need.every;
    try {
      const body = await ask(need.path, need.given, need.kind);
      if (this.over) return;
      this.here();
      this.paint(need, body);
    } catch (error) {
      if (this.over || error instanceof Overtaken) return;
      every = this.fault(need, error);
    }
    if (every) this.later(need, every, performance.now() - begun);
  }

  /** A server that takes long is asked less often; one that is away, every few seconds. */
  later(need, every, took) {
    const wait = Math.min(MOST_MS, Math.max(1000 * every, 10 * took * (this.away ? 0 : 1)));
    need.timer = setTimeout(() => {
      if (document.visibilityState === "visible") this.go(need);
      else need.due = true;
    }, wait);
  }

  paint(need, body) {
    this.hear(need, body);
    const told = JSON.stringify(body);
    if (told !== need.last) {
      need.body = body;
      need.last = this.painted(need) ? told : null;
    }
    if (need.path === "ladder" && order.learn((body.tiers ?? []).map((tier) => tier.name))) this.repaint();
    this.done(need);
  }

  hear(need, body) {
    try {
      need.heard?.(body);
    } catch (error) {
      console.error(error);
    }
  }

  /** Whether it could be painted. A fault of the view's own is told as one: the server is there. */
  painted(need) {
    try {
      keepPlace(need.into, () => fill(need.into, need.paint(need.body)));
      return true;
    } catch (error) {
      console.error(error);
      fill(need.into, note("A fault of this page", `What the server told cannot be shown: ${error.message}`));
      return false;
    }
  }

  /** In other colours: the ladder is another one. */
  repaint() {
    for (const need of this.needs) if (need.last !== null && !this.painted(need)) need.last = null;
  }

  done(need) {
    need.done = true;
    need.into.removeAttribute("aria-busy");
    if (this.needs.filter((one) => one.first).every((one) => one.done)) this.shown();
  }

  /** In how many seconds it is to be asked again; 0 is never. */
  fault(need, error) {
    if (error instanceof Refused && error.wantsKey) {
      this.onKey(error.message);
      return 0;
    }
    if (error instanceof Refused && error.status < 500) {
      this.here();
      need.last = null;
      // beside what this key may see, what is not for it is left out
      fill(need.into, error.ownOnly && !need.first ? [] : note(error.ownOnly ? "Not for this key" : "Not to be had", error.message));
      this.done(need);
      return error.ownOnly ? 0 : need.every;
    }
    if (!(error instanceof Refused || error instanceof Away)) console.error(error);
    this.gone(error.message);
    if (need.last === null) fill(need.into, note("The server is away", `${error.message}; asking again`));
    return need.every || AGAIN_S;
  }

  here() {
    this.at = Date.now() / 1000;
    this.away = null;
    this.say();
  }

  gone(why) {
    this.away ??= { since: Date.now() / 1000, why };
    this.say();
  }

  say() {
    this.main.toggleAttribute("data-away", this.away !== null);
    const state = this.away ? "away" : this.at ? "live" : "asking";
    if (this.mark.dataset.state !== state) {
      this.mark.dataset.state = state;
      fill(this.mark, h("i", { "aria-hidden": "true" }), h("span", { role: "status" }), h("time"));
    }
    const [, words, time] = this.mark.children;
    const said = { away: "Server away", live: "Live", asking: "Asking" }[state];
    if (words.textContent !== said) words.textContent = said;
    time.textContent = this.at ? `${this.away ? "showing " : ""}${when(this.at, false)}` : "";
    this.mark.title = this.away ? this.away.why : "Last updated";
  }
}

/** What stands where there is nothing to show. */
export function note(title, text, ...more) {
  return h("div", { class: "note" }, h("strong", {}, title), h("p", {}, told(text)), ...more);
}

/** Paint, and leave focus and scrolling where they were. */
function keepPlace(element, paint) {
  const focused = element.contains(document.activeElement) ? document.activeElement.dataset.place : null;
  const scrolled = [...element.querySelectorAll(".scroll")].map((box) => box.scrollLeft);
  const opened = [...element.querySelectorAll("details")].map((details) => details.open);
  paint();
  element.querySelectorAll(".scroll").forEach((box, at) => (box.scrollLeft = scrolled[at] ?? 0));
  element.querySelectorAll("details").forEach((details, at) => (details.open = opened[at] ?? details.open));
  if (focused) [...element.querySelectorAll("[data-place]")].find((one) => one.dataset.place === focused)?.focus({ preventScroll: true });
}
