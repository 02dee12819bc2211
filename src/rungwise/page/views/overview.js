// How is it going? Alarms first, then three numbers for each route, then their course.

import { chosen, link } from "../address.js";
import { h, told } from "../dom.js";
import { PERIODS, accuracy, cost, latency, period, saving } from "../figures.js";
import { shares } from "../meters.js";
import { order } from "../rungs.js";
import { many, share } from "../say.js";
import { segment } from "../tables.js";
import { alarmCard } from "./alarms.js";
import { Charts, WINDOWS } from "./charts.js";

const MOST = 8;

export const overview = {
  title: "Overview",
  open({ onLeave }) {
    const days = chosen("days", PERIODS, "7");
    const window = chosen("window", WINDOWS);
    const alarms = h("div", { class: "alarms" });
    const ladder = h("div", { class: "ladder" });
    const figures = h("div", { class: "figures" });
    const course = h("div");
    const charts = new Charts();
    onLeave(() => charts.end());
    return {
      children: [
        h("div", { class: "head" }, h("h1", {}, "Overview"), segment("days", PERIODS, days, "Figures of")),
        alarms, ladder, figures,
        h("div", { class: "head" }, h("h2", {}, "Over time"), segment("window", WINDOWS, window, "Charts of")),
        charts.element, course,
      ],
      needs: [
        { path: "figures", given: { by: "route", limit: 200, ...period(days) }, into: figures, paint: (body) => painted(body, days) },
        { path: "series", given: { window }, into: course, first: false, paint: (body) => charts.show(body) },
        { path: "alarms", given: { limit: 50 }, into: alarms, first: false, paint: (body) => (body.on ?? []).map(alarmCard) },
        { path: "ladder", every: 30, into: ladder, first: false, paint: rungs },
      ],
    };
  },
};

function painted(body, days) {
  const all = body.all ?? {};
  order.meet(Object.keys(all.share ?? {}));
  if (!all.steps) return empty(days);
  const groups = [...(body.groups ?? [])].sort((a, b) => b.steps - a.steps);
  const cards = arranged(groups.slice(0, MOST)).map((line) => card(line, line.route, all));
  const rest = groups.length - MOST + (body.left_out ?? 0);
  return [
    groups.length > 1 ? card(all, null, all) : null,
    h("div", { class: cards.length > 1 ? "grid routes" : "grid" }, cards),
    rest > 0 ? h("p", {}, h("a", { href: link("routes", { days }) }, `${many(rest, "more route")}`)) : null,
  ];
}

/** Pinned rungs come last, in the ladder's order: so that no card takes another's place at each look. */
const arranged = (lines) => [...lines].sort((a, b) => order.find(a.route) - order.find(b.route));

function card(line, route, all) {
  const title = route === null ? "All routes" : h("a", { href: link("answers", { route }) }, told(route));
  return h(
    "section",
    { class: route === null ? "panel route whole" : "panel route" },
    h("header", {}, h("h3", {}, title), h("span", { class: "quiet" }, [typeof line.tasks === "number" ? many(line.tasks, "task") : null, many(line.steps, "step"), `${share(line.escalation_rate, 0)} climbed`].filter(Boolean).join(" · "))),
    h("dl", { class: "bigs" }, accuracy(line), latency(line, all), cost(line), saving(line, order)),
    shares(line.share, order),
  );
}

function rungs(body) {
  const tiers = body.tiers ?? [];
  return h(
    "ol",
    { class: "chips", "aria-label": "The ladder, lowest rung first" },
    tiers.map((tier) => h("li", { title: tier.why ?? tier.price }, h("i", { class: `dot ${order.tone(tier.name)}` }), h("b", {}, told(tier.name)), told(tier.model, { class: "quiet" }), h("span", { class: `state ${tier.state}` }, tier.state === "ready" ? tier.kind : tier.state))),
  );
}

function empty(days) {
  const ask = `curl ${location.origin}/v1/chat/completions -H 'content-type: application/json' \\\n  -d '{"model": "auto", "messages": [{"role": "user", "content": "Say hello"}]}'`;
  return h(
    "section",
    { class: "panel empty" },
    h("h3", {}, days === "all" ? "Nothing was asked yet" : "Nothing was asked in this time"),
    h("p", {}, "Ask the server something; it shows here within seconds:"),
    h("pre", { tabindex: "0" }, ask),
    h("p", { class: "quiet" }, "Where the server asks for a key, add ", h("code", {}, "-H 'authorization: Bearer YOUR_KEY'"), ". With the OpenAI client, set base_url to ", h("code", {}, `${location.origin}/v1`), "."),
    days === "all" ? null : h("p", {}, h("a", { href: link("overview", { days: "all" }) }, "Show all days")),
  );
}
