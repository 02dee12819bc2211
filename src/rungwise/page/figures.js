// What do a group's figures say? The parts that several views tell in the same words.

import { h } from "./dom.js";
import { UNKNOWN, count, interval, known, many, ms, share, usd } from "./say.js";

export const PERIODS = [["1", "Today"], ["7", "7 days"], ["30", "30 days"], ["all", "All"]];

export function period(name) {
  return name === "all" ? {} : { days: name };
}

/** One number, large, and what it rests on. */
export function big(label, value, ...under) {
  return h("div", { class: `big${value === UNKNOWN ? " none" : ""}` }, h("dt", {}, label), h("dd", { class: typeof value === "string" ? "number" : null }, value), under.filter(Boolean).map((line) => h("dd", { class: "under" }, line)));
}

export function accuracy(line) {
  const range = interval(line.accuracy_interval);
  const labels = line.labelled ? `${range ? `${range} · ` : ""}${many(line.labelled, "label")}` : "no outcomes told yet";
  return big("Accuracy", share(line.accuracy), labels);
}

/** Of a key that sees only its own, latencies are kept of all its steps together: then those stand in for a group's. */
export function latency(line, all = line) {
  if (timesOfAll(line, all)) return big("Latency p95", ms(all.p95_ms), "of all your steps: not kept by route for one key");
  const rest = known(line.p50_ms) ? `p50 ${ms(line.p50_ms)} · p99 ${ms(line.p99_ms)}` : null;
  return big("Latency p95", ms(line.p95_ms), rest);
}

/** Whether only the times of all steps together are known. */
export const timesOfAll = (line, all) => line.answered > 0 && !known(line.p95_ms) && known(all.p95_ms);

/** A sum of money in a table, and how many it does not hold because nobody knows their price. */
export const spent = (sum, unpriced) => [usd(sum), unpriced ? h("small", {}, `${count(unpriced)} unpriced`) : null];

/** Of how many answers a baseline is told: those with a price both there and here. */
export const basis = (against, line) => `${count(against.answers)} of ${many(line.answered, "answer")}`;

/** Of tasks where steps are counted as tasks, else of steps: never of one for want of the other. */
export function cost(line) {
  const byTask = known(line.tasks);
  const right = byTask ? line.cost_per_right_task_usd : line.cost_per_right_usd;
  const under = [known(right) ? `${usd(right)} per correct one` : null, line.unpriced ? `${many(line.unpriced, "step")} of unknown price` : null];
  return big(byTask ? "Cost per task" : "Cost per step", usd(byTask ? line.cost_per_task_usd : line.cost_per_step_usd), under.filter(Boolean).join(" · ") || "blended, all attempts");
}

/** Against the highest baseline that is told: the last rung of the ladder. */
export function saving(line, order) {
  const against = Object.entries(line.against ?? {}).filter(([, told]) => known(told.saved));
  if (!against.length) return big("Saved", UNKNOWN, "no priced baseline");
  const [tier, told] = against.sort(([a], [b]) => order.place(b) - order.place(a))[0];
  return big("Saved", share(told.saved), `against ${tier} alone: ${usd(told.would_have_cost_usd)}${told.answers < line.answered ? ` · ${basis(told, line)}` : ""}`);
}
