// How does a view stay true? Its questions are asked again while it can be seen, and what is old is shown as old.

import { Away, Overtaken, Refused, ask, hush } from "./asking.js";
import { fill, h, told } from "./dom.js";
import { order } from "./rungs.js";
import { when } from "./say.js";

const MOST_MS = 60_000;
const AGAIN_S = 5;

/**
 * A need: {path, given, kind?, every (seconds; 0: once), into (element), paint(body) → children, heard?(body, apart), first?}. Its
 * element is painted anew whenever the body changed; `heard` is told every answer, the same one too, and how many seconds
 * apart they are asked for. `shown` is called when those that are `first` were painted. While one need fails, what is shown is old.
 */
export class Live {
  constructor(main, mark, { onKey, shown }) {
    Object.assign(this, { main, mark, onKey, shown, needs: [], over: false });
    this.seen = () => document.visibilityState === "visible" && this.needs.forEach((need) => need.due && this.go(need));
    document.addEventListener("visibilitychange", this.seen);
    this.say();
  }

  start(needs) {
    this.needs = needs.map((need) => ({ every: 5, kind: need.path, first: true, ...need, last: null, at: null, fault: null, done: false, due: false }));
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
      this.here(need);
      this.paint(need, body);
    } catch (error) {
      if (this.over || error instanceof Overtaken) return;
      every = this.fault(need, error);
    }
    if (every) this.later(need, every, performance.now() - begun);
  }

  /** What takes long is asked less often; what fails, every few seconds. */
  later(need, every, took) {
    const wait = Math.min(MOST_MS, Math.max(1000 * every, 10 * took * (need.fault ? 0 : 1)));
    need.apart = wait / 1000;
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
      need.heard?.(body, need.apart ?? need.every);
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
      this.gone(need, error.message, true);
      this.onKey(error.message);
      return 0;
    }
    if (error instanceof Refused && error.status < 500) {
      this.here(need);
      need.last = null;
      // beside what this key may see, what is not for it is left out
      fill(need.into, error.ownOnly && !need.first ? [] : note(error.ownOnly ? "Not for this key" : "Not to be had", error.message));
      this.done(need);
      if (error.ownOnly) need.every = 0;
      return need.every;
    }
    if (!(error instanceof Refused || error instanceof Away)) console.error(error);
    this.gone(need, error.message);
    if (need.last === null) fill(need.into, note("The server is away", `${error.message}; asking again`));
    return Math.min(need.every || AGAIN_S, AGAIN_S);
  }

  here(need) {
    need.at = now();
    need.fault = null;
    this.say();
  }

  gone(need, why, key = false) {
    need.fault = { since: need.fault?.since ?? now(), why, key };
    this.say();
  }

  say() {
    const failing = this.needs.filter((need) => need.fault);
    const at = oldest(this.needs);
    const state = failing.length ? "away" : at ? "live" : "asking";
    this.main.toggleAttribute("data-away", state === "away");
    if (this.mark.dataset.state !== state) {
      this.mark.dataset.state = state;
      fill(this.mark, h("i", { "aria-hidden": "true" }), h("span", { role: "status" }), h("time"));
    }
    const [, words, time] = this.mark.children;
    const said = { live: "Live", asking: "Asking" }[state] ?? trouble(this.needs, failing);
    if (words.textContent !== said) words.textContent = said;
    const shown = at ? when(at, false) : "";
    time.textContent = state === "away" ? [`since ${when(since(failing), false)}`, shown && `showing ${shown}`].filter(Boolean).join(" \u00b7 ") : shown;
    this.mark.title = failing.map((need) => `${need.kind}: ${need.fault.why}, since ${when(need.fault.since, false)}`).join("\n") || "All that is shown is at least as new as this";
  }
}

const now = () => Date.now() / 1000;

const since = (failing) => Math.min(...failing.map((need) => need.fault.since));

/**
 * When what is shown was true, all of it: the oldest good answer of those in the page. What is asked once does not age
 * beside what is asked again.
 */
function oldest(needs) {
  const shown = needs.filter((need) => need.at !== null && need.into.isConnected);
  const again = shown.filter((need) => need.every);
  const times = (again.length ? again : shown).map((need) => need.at);
  return times.length ? Math.min(...times) : null;
}

/** A server that has answered something since is not away: then it is said what fails. */
function trouble(needs, failing) {
  if (failing.some((need) => need.fault.key)) return "Key wanted";
  const there = needs.some((need) => !need.fault && need.at > since(failing));
  return there ? `Failing: ${failing.map((need) => need.kind).join(", ")}` : "Server away";
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
