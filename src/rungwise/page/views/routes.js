// Which route, step type, key, rung or day did how well? One table, and what stands beside it.

import { chosen, address } from "../address.js";
import { h, told } from "../dom.js";
import { PERIODS, basis, period, spent, timesOfAll } from "../figures.js";
import { note } from "../live.js";
import { shares } from "../meters.js";
import { order } from "../rungs.js";
import { count, interval, ms, number, share, short, span, usd, words } from "../say.js";
import { segment, table } from "../tables.js";

const BY = [["route", "Route"], ["step_type", "Step type"], ["key", "Key"], ["tier", "Rung"], ["day", "Day"]];

const DOUBTS = {
  early: "given up while it was written",
  evidence: "self-check or agreement",
  confidence: "confidence under its threshold",
  unread: "nothing to read",
  checks: "failed a check",
};

export const routes = {
  title: "Routes",
  open() {
    const by = chosen("by", BY);
    const days = chosen("days", PERIODS, "7");
    const into = h("div", { class: "stackup" });
    return {
      children: [h("div", { class: "head" }, h("h1", {}, "Routes"), segment("by", BY, by, "Grouped by"), segment("days", PERIODS, days, "Figures of")), into],
      needs: [{ path: "figures", given: { by, limit: 200, ...period(days) }, into, paint: (body) => painted(body, by) }],
    };
  },
};

function painted(body, by) {
  const all = body.all ?? {};
  if (!all.steps) return note("Nothing was asked in this time", "Ask the server something, or show more days.");
  order.meet(Object.keys(all.share ?? {}));
  const sort = address().given.get("sort") ?? (by === "day" ? "-name" : "-steps");
  return [
    table(columns(by), body.groups ?? [], { label: `Figures by ${words(by)}`, sort, foot: { ...all, [by]: "All" } }),
    body.left_out ? h("p", { class: "quiet" }, `The largest ${count((body.groups ?? []).length)} are shown; ${count(body.left_out)} more are not.`) : null,
    (body.groups ?? []).some((line) => timesOfAll(line, all)) ? h("p", { class: "quiet" }, `Latencies of one key are kept of all its steps together, not by ${words(by)}: see the last line.`) : null,
    rungs(all),
    h("div", { class: "tiles" }, doubts(all), baselines(all), beside(body)),
  ];
}

function columns(by) {
  const of = (name, head, say, more = {}) => ({ name, head, by: (line) => line[name], cell: (line) => say(line[name]), ...more });
  const byTask = !["step_type", "tier"].includes(by); // a task has steps of several of these
  return [
    { name: "name", head: BY.find(([value]) => value === by)[1], left: true, by: (line) => String(line[by] ?? ""), cell: (line) => told(by === "step_type" ? words(line[by]) : line[by] || "no rung") },
    of("steps", "Steps", count),
    byTask ? of("tasks", "Tasks", (value) => (typeof value === "number" ? count(value) : "\u2013")) : null,
    { name: "accuracy", head: "Accuracy", by: (line) => line.accuracy, cell: (line) => [share(line.accuracy), h("small", {}, interval(line.accuracy_interval, 0), line.labelled ? ` · ${count(line.labelled)} labels` : "no labels")] },
    of("p50_ms", "p50", ms),
    of("p95_ms", "p95", ms),
    of("p99_ms", "p99", ms),
    of("first_byte_p95_ms", "First byte p95", ms),
    { name: "cost_usd", head: "Cost", by: (line) => line.cost_usd, cell: (line) => spent(line.cost_usd, line.unpriced) },
    // one name for both, so that another grouping stays sorted by what was chosen
    byTask ? of("cost_per_task_usd", "Per task", usd) : of("cost_per_step_usd", "Per step", usd, { name: "cost_per_task_usd" }),
    of(byTask ? "cost_per_right_task_usd" : "cost_per_right_usd", "Per correct", usd, { name: "cost_per_right_usd" }),
    of("escalation_rate", "Climbed", share),
    { name: "share", head: "Share per rung", left: true, cell: (line) => shares(line.share, order, { legend: false }) },
  ].filter(Boolean);
}

function panel(title, ...children) {
  return h("section", { class: "panel" }, h("header", {}, h("h3", {}, title)), children);
}

function rungs(all) {
  if (!(all.rungs ?? []).length) return null;
  const told_ = [
    { head: "Rung", left: true, cell: (rung) => [h("i", { class: `dot ${order.tone(rung.tier)}` }), told(rung.tier), h("small", {}, told(rung.model))] },
    { head: "Given", cell: (rung) => `${count(rung.released)} of ${count(rung.attempts)}` },
    { head: "Tokens in", cell: (rung) => short(rung.prompt_tokens) },
    { head: "Cached", cell: (rung) => share(rung.prompt_tokens ? rung.cached_tokens / rung.prompt_tokens : null, 0) },
    { head: "Out", cell: (rung) => short(rung.completion_tokens) },
    { head: "Abandoned", cell: (rung) => short(rung.abandoned_tokens) },
    { head: "Cost", cell: (rung) => spent(rung.cost_usd, rung.unpriced) },
  ];
  return panel("What the rungs did", table(told_, all.rungs, { label: "Rungs" }));
}

function doubts(all) {
  const rows = all.doubts ?? [];
  const columns_ = [
    { head: "Rung", left: true, cell: (doubt) => told(doubt.tier) },
    { head: "Why", left: true, cell: (doubt) => told(DOUBTS[doubt.why] ?? doubt.why) },
    { head: "Drafts", cell: (doubt) => count(doubt.drafts) },
    { head: "Tokens in vain", cell: (doubt) => short(doubt.tokens) },
  ];
  return panel("Why drafts climbed", rows.length ? table(columns_, rows, { label: "Doubts" }) : h("p", { class: "quiet" }, "No draft was doubted."));
}

function baselines(all) {
  const rows = Object.entries(all.against ?? {});
  const columns_ = [
    { head: "Instead of", left: true, cell: ([tier, one]) => [told(tier), h("small", {}, basis(one, all))] },
    { head: "Would cost", cell: ([, one]) => usd(one.would_have_cost_usd) },
    { head: "Did cost", cell: ([, one]) => usd(one.did_cost_usd) },
    { head: "Saved", cell: ([, one]) => share(one.saved) },
  ];
  return panel("Against one model alone", rows.length ? table(columns_, rows, { label: "Baselines" }) : h("p", { class: "quiet" }, "No hosted rung with a price to compare with."));
}

function beside(body) {
  const rows = [
    ...(body.audits ?? []).map((audit) => [`${audit.role} by ${audit.tier}`, `${count(audit.attempts)} looks`, spent(audit.cost_usd, audit.unpriced)]),
    ...(body.idle ?? []).map((idle) => [`${idle.tier} idle`, `busy ${span(idle.busy_s)} of ${span(idle.up_s)}`, usd(idle.idle_usd)]),
    ["prompt caching saved", share(body.all.cached_share, 0), spent(body.all.cache_saved_usd, (body.all.rungs ?? []).reduce((sum, rung) => sum + rung.unpriced, 0))],
    ["abandoned drafts", `${number(body.all.abandoned_tokens, 6)} tokens`, "in the cost above"],
  ];
  const columns_ = ["", "", ""].map((head, at) => ({ head, left: at < 2, cell: (row) => (at < 2 ? told(row[at]) : row[at]) }));
  return panel("On lines of their own", table(columns_, rows, { label: "Audits, idle time, caches" }));
}
