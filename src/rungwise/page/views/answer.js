// Why is one answer as it is? Its rungs as a ladder: what was read, what was asked, why it climbed.

import { link } from "../address.js";
import { h, told } from "../dom.js";
import { big } from "../figures.js";
import { order } from "../rungs.js";
import { known, ms, p, share, usd, when, words } from "../say.js";
import { table } from "../tables.js";
import { outcome } from "./answers.js";
import { rung, timeline } from "./timeline.js";

export const answer = {
  title: "Answer",
  open({ id }) {
    const into = h("div", { class: "stackup" });
    const head = h("div", { class: "head" }, h("h1", {}, "Answer ", told(id, { class: "id" })), h("a", { href: link("answers") }, "All answers"));
    return { children: [head, into], needs: [{ path: `answers/${encodeURIComponent(id)}`, kind: "answer", every: 10, into, paint: painted }] };
  },
};

function painted(body) {
  const attempts = body.attempts ?? [];
  for (const tier of body.rungs ?? []) order.place(tier);
  return [
    h("p", { class: "facts" }, h("time", {}, when(body.at)), told(body.route), told(words(body.step_type)), body.caller ? h("span", {}, "key ", told(body.caller)) : null, body.task ? h("a", { href: link("answers", { task: body.task }) }, "task ", told(body.task)) : null, body.audits ? h("a", { href: link("answer", {}, body.audits) }, "audits ", told(body.audits)) : null),
    h("section", { class: "panel" }, h("dl", { class: "bigs" }, answeredBy(body), big("Latency", ms(body.latency_ms), `first byte ${ms(body.first_byte_ms)}`), big("Cost", usd(body.cost_usd), baselines(body)), verdict(body))),
    h("section", { class: "panel" }, h("header", {}, h("h3", {}, "The plan")), h("p", {}, told(body.plan)), foreseen(body)),
    h("h2", {}, "What happened"),
    attempts.length ? [timeline(attempts, body.latency_ms), h("ol", { class: "story" }, attempts.map((one) => rung(one, attempts)))] : h("p", { class: "quiet" }, "No rung was asked."),
    outcomes(body), audits(body),
  ];
}

function answeredBy(body) {
  const seen = (body.attempts ?? []).find((one) => one.tier === body.tier && one.role === "draft" && one.state !== "abandoned");
  return big("Answered by", body.tier ? h("span", {}, h("i", { class: `dot ${order.tone(body.tier)}` }), told(body.tier)) : "no rung", seen ? told(seen.model) : words(body.state));
}

function verdict(body) {
  const told_ = body.outcome;
  if (!told_) return big("Outcome", "unknown", body.state === "answered" ? "nobody has told one" : words(body.state));
  return big("Outcome", outcome(body), `believed: ${words(told_.source)}`);
}

function baselines(body) {
  const lines = Object.entries(body.baselines_usd ?? {}).filter(([, cost]) => known(cost));
  if (!lines.length) return null;
  const [tier, cost] = lines.at(-1);
  return `${usd(cost)} by ${tier} alone`;
}

function foreseen(body) {
  const forecasts = Object.entries(body.forecasts ?? {});
  return [
    forecasts.length ? h("p", { class: "quiet" }, "Foreseen to be acceptable: ", forecasts.map(([tier, chance], at) => [at ? ", " : "", told(tier), ` ${p(chance)}`])) : null,
    body.shadow ? h("p", { class: "quiet" }, "The router ", told(body.shadow.router), " would have asked ", told((body.shadow.rungs ?? []).join(", ")), ": ", told(body.shadow.why)) : null,
  ];
}

function outcomes(body) {
  const rows = body.outcomes ?? [];
  if (!rows.length) return null;
  const columns = [
    { head: "Said by", left: true, cell: (row) => words(row.source) },
    { head: "Says", left: true, cell: (row) => h("span", { class: `badge ${row.right ? "good" : "bad"}` }, row.right ? "right" : "wrong") },
    { head: "Label", left: true, cell: (row) => told(row.label ?? "\u2013") },
    { head: "Reward", cell: (row) => (known(row.reward) ? share(row.reward, 0) : "\u2013") },
    { head: "Counts", left: true, cell: (row) => (row.counted === false ? "no" : "yes") },
    { head: "When", cell: (row) => when(row.at) },
  ];
  return [h("h2", {}, "Outcomes"), table(columns, rows, { label: "Outcomes", cards: true })];
}

function audits(body) {
  return (body.audited_by ?? []).map((audit) => [
    h("h2", {}, "Audit"),
    h("p", { class: "facts" }, h("a", { href: link("answer", {}, audit.id) }, told(audit.id)), h("time", {}, when(audit.at)), h("span", { class: `badge ${audit.agreed === true ? "good" : audit.agreed === false ? "bad" : "warn"}` }, audit.agreed === true ? "no worse than the higher rung" : audit.agreed === false ? "the higher rung was better" : "undecided"), h("span", {}, usd(audit.cost_usd))),
    h("ol", { class: "story" }, (audit.attempts ?? []).map((one) => rung(one, audit.attempts))),
  ]);
}
