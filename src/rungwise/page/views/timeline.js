// When did which rung work, and what came of it? One bar for each attempt, and one card.

import { h, told } from "../dom.js";
import { meter } from "../meters.js";
import { order } from "../rungs.js";
import { count, known, ms, number, p, span, usd, words } from "../say.js";

const AT_END = { released: "given to the caller", left: "given; the caller went away", broken_off: "given; then the rung failed", abandoned: "abandoned: the caller saw nothing of it", failed: "failed", cancelled: "cancelled", outrun: "not needed", asked: "gave evidence", spilled: "passed over: too busy", recalled: "remembered", lost: "lost with its server" };
const GOOD = ["released", "left", "recalled"];
const BAD = ["failed", "broken_off", "lost"];

/** Bars on one scale, from when the request came in. */
export function timeline(attempts, latency) {
  const end = Math.max(1, latency ?? 0, ...attempts.map((one) => one.ended_ms ?? 0));
  const place = (at) => `${((100 * (at ?? 0)) / end).toFixed(2)}%`;
  return h(
    "div",
    { class: "panel timeline", role: "img", "aria-label": attempts.map((one) => `${one.tier} ${words(one.role)} from ${ms(one.started_ms)} to ${ms(one.ended_ms)}`).join(", ") },
    attempts.map((one) => {
      const from = one.started_ms ?? 0;
      const first = known(one.first_piece_ms) ? one.first_piece_ms : from;
      const bar = (begin, until, faint) => h("i", { class: `${order.tone(one.tier)}${faint ? " faint" : ""}`, at: { left: place(begin), width: `max(2px, ${place(until - begin)})` } });
      return h("div", { class: "lane" }, h("span", { class: "name" }, told(one.tier), one.role === "draft" ? null : h("small", {}, ` ${words(one.role)}`)), h("div", { class: "track" }, bar(from, first, true), bar(first, one.ended_ms ?? first, false)), h("span", { class: "took" }, ms((one.ended_ms ?? from) - from)));
    }),
    h("div", { class: "lane scale" }, h("span", { class: "name" }), h("div", { class: "track" }, h("span", {}, "0"), h("span", {}, ms(end))), h("span", { class: "took" })),
  );
}

/** One attempt: a rung of the ladder. */
export function rung(one, all) {
  const tone = GOOD.includes(one.state) ? "good" : BAD.includes(one.state) ? "bad" : one.state === "abandoned" ? "warn" : "plain";
  const climbs = one.role === "draft" && ["abandoned", "failed", "spilled"].includes(one.state) && all.indexOf(one) < all.length - 1;
  return h(
    "li",
    { class: `rung ${tone}` },
    h("i", { class: `knot ${order.tone(one.tier)}`, "aria-hidden": "true" }),
    h(
      "article",
      { class: "panel" },
      h("header", {}, h("h3", {}, told(one.tier), one.role === "draft" ? null : h("small", {}, words(one.role))), told(one.model, { class: "quiet" }), h("span", { class: `badge ${tone}` }, AT_END[one.state] ?? words(one.state))),
      one.reason ? h("p", { class: "why" }, climbs ? h("b", {}, "Climbs: ") : null, told(one.reason)) : null,
      sure(one), readings(one), costs(one),
    ),
  );
}

function sure(one) {
  const chance = one.confidence?.probability;
  if (!known(chance)) return known(one.threshold) && one.role === "draft" ? h("p", { class: "quiet" }, `Confidence unknown; ${p(one.threshold)} was asked`) : null;
  const passed = known(one.threshold) ? chance >= one.threshold : null;
  return h(
    "div",
    { class: "sure" },
    h("span", {}, "Confidence ", h("b", {}, p(chance)), known(one.threshold) ? `, threshold ${p(one.threshold)}` : ""),
    meter(chance, { bar: one.threshold, tone: passed === null ? "ink" : passed ? "good" : "warn", label: `confidence ${p(chance)}${known(one.threshold) ? `, threshold ${p(one.threshold)}` : ""}` }),
    h("small", { class: "quiet" }, "calibration ", told(one.confidence.calibration)),
  );
}

function readings(one) {
  const read = Object.entries(one.readings ?? {});
  if (!read.length) return null;
  return h("dl", { class: "readings" }, read.map(([signal, value]) => h("div", {}, h("dt", {}, told(words(signal))), h("dd", {}, number(value)))));
}

function costs(one) {
  const used = one.usage ?? {};
  const prompt = together(used, ["input", "cache_read", "cache_write_5m", "cache_write_1h"]);
  const written = together(used, ["output", "reasoning"]);
  const facts = [
    ["Cost", usd(one.cost_usd)],
    ["Tokens in", `${count(prompt)}${used.cache_read ? ` (${count(used.cache_read)} cached)` : ""}`],
    ["Tokens out", `${count(written)}${used.reasoning ? ` (${count(used.reasoning)} thinking)` : ""}`],
    ["Began", ms(one.started_ms)],
    ["First piece", known(one.first_piece_ms) ? ms(one.first_piece_ms) : "none"],
    ["Ended", ms(one.ended_ms)],
    known(one.engine_s) ? ["Engine", span(one.engine_s)] : null,
    known(one.joules) ? ["Energy", `${number(one.joules)} J`] : null,
    one.billed_as && one.billed_as !== one.model ? ["Billed as", told(one.billed_as)] : null,
    one.fingerprint ? ["Served by", told(one.fingerprint)] : null,
  ].filter(Boolean);
  return h("dl", { class: "readings quiet" }, facts.map(([head, value]) => h("div", {}, h("dt", {}, head), h("dd", {}, value))));
}

/** The parts never overlap; a sum of one that is not known is not known. */
function together(used, parts) {
  return parts.every((part) => known(used[part])) ? parts.reduce((sum, part) => sum + used[part], 0) : null;
}
