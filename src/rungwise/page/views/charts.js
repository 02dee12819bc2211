// How did it go over the last hours? One request's columns, four charts.

import { Chart } from "../chart.js";
import { h } from "../dom.js";
import { order } from "../rungs.js";
import { known, ms, share, short, usd } from "../say.js";

export const WINDOWS = [["3h", "3 hours"], ["1d", "1 day"], ["2w", "2 weeks"]];

const over = (parts, wholes) => wholes.map((whole, at) => (whole ? parts[at] / whole : null));

export class Charts {
  constructor() {
    this.answers = new Chart("Answers by rung", { say: short, bars: true });
    this.latency = new Chart("Latency", { say: ms, tick: (value) => (value >= 1000 ? `${Number((value / 1000).toPrecision(3))} s` : `${Number(value.toPrecision(3))} ms`) });
    this.cost = new Chart("Cost", { say: usd, tick: (value) => `$${Number(value.toPrecision(3))}`, bars: true });
    this.rates = new Chart("Right and climbed", { say: (value) => share(value, 0), range: () => [0, 1.02], hint: "of those with an outcome; of all" });
    this.all = [this.answers, this.latency, this.cost, this.rates];
    this.element = h("div", { class: "grid" }, this.all.map((chart) => chart.element));
  }

  end() {
    this.all.forEach((chart) => chart.end());
  }

  show(body) {
    const { at = [], steps = [] } = body;
    const tiers = order.sorted(Object.keys(body.answers ?? {}));
    this.answers.show([at, ...tiers.map((tier) => body.answers[tier])], tiers.map((tier) => ({ name: tier || "none", tone: order.tone(tier) })));
    if (typeof body.of === "string") this.latency.nothing = "The course of latencies is not kept by key";
    this.latency.show([at, body.p50_ms ?? at.map(() => null), body.p95_ms ?? at.map(() => null)], [{ name: "p50", tone: "tone0" }, { name: "p95", tone: "tone1" }]);
    const spent = (body.cost_usd ?? []).map((value, slot) => (steps[slot] && known(value) && body.unpriced?.[slot] < steps[slot] ? value : null));
    this.cost.show([at, spent], [{ name: `per ${slot(body.slot_s)}`, tone: "tone0" }]);
    this.rates.show([at, over(body.right ?? [], body.labelled ?? []), over(body.escalated ?? [], steps)], [{ name: "right", tone: "good" }, { name: "climbed", tone: "tone2" }]);
    return [];
  }
}

function slot(seconds) {
  return { 300: "5 min", 900: "15 min", 3600: "hour" }[seconds] ?? "slot";
}
