// Are confidences what they say? Said against found, for each rung, and what its thresholds promise.

import { h, told } from "../dom.js";
import { note } from "../live.js";
import { count, many, p, share, when, words } from "../say.js";
import { table } from "../tables.js";
import { reliability } from "./reliability.js";

export const calibration = {
  title: "Calibration",
  open() {
    const into = h("div", { class: "stackup" });
    return { children: [h("div", { class: "head" }, h("h1", {}, "Calibration")), into], needs: [{ path: "calibrations", every: 15, into, paint: painted }] };
  },
};

function painted(body) {
  const rows = body.data ?? [];
  if (!rows.length) return note("No rung is read", "A rung with accept: calibrated shows here, with what its confidences turned out to be.");
  return rows.map(one);
}

function one(row) {
  const bins = row.bins ?? [];
  return h(
    "section",
    { class: "panel calibration" },
    h("header", {}, h("h3", {}, told(row.tier)), told(row.model, { class: "quiet" }), row.demoted ? h("span", { class: "badge bad" }, "demoted: its drafts are not believed") : null),
    h(
      "div",
      { class: "two" },
      h("div", {}, bins.length ? reliability(bins, row.tier) : note("Too few outcomes yet", "Tell outcomes by POST /v1/outcomes; the plot shows how often answers were right that were said to be so sure."), h("p", { class: "quiet" }, `${many(row.labelled ?? 0, "answer")} with a confidence and an outcome${row.since_at ? ` since ${when(row.since_at)}` : ""}`)),
      h("div", {}, promise(row), thresholds(row)),
    ),
  );
}

function promise(row) {
  const made = row.promise;
  const found = h("p", {}, "Calibration error ", h("b", {}, share(row.calibration_error)), typeof row.calibration_error === "number" ? " on average between said and found" : "");
  const from = row.calibration ? h("p", { class: "quiet" }, told(row.calibration), row.fitted ? `, fitted ${row.fitted} on ${count(row.fitted_on)} drafts` : "") : h("p", { class: "quiet" }, `No calibration file; drafts are accepted as: ${words(row.accept)}`);
  if (!made) return [found, from];
  const what = made.kind === "spending" ? `At most ${share(made.limit)} of all steps climb` : `At most ${share(made.limit)} of all steps are accepted and wrong${compared(made.reference)}`;
  return [h("p", { class: "promise" }, told(what), `, with ${share(made.confidence, 0)} confidence.`), found, from];
}

/** A reference that nobody asked counts as always right, which leaves no exception to tell. */
const compared = (reference) => (!reference || String(reference).startsWith("unknown") ? "" : ` where ${reference} would have been right`);

function thresholds(row) {
  const rows = Object.entries(row.thresholds ?? {});
  if (!rows.length) return null;
  const columns = [
    { head: "Step type", left: true, cell: ([name]) => told(words(name)) },
    { head: "Threshold", cell: ([, one_]) => (typeof one_.whole === "number" ? p(one_.whole) : "never") },
    { head: "At its beginning", cell: ([, one_]) => (typeof one_.prefix === "number" ? p(one_.prefix) : "\u2013") },
    { head: "Labels", cell: ([, one_]) => [count(one_.labels), one_.pooled ? h("small", {}, "pooled") : null] },
  ];
  return table(columns, rows, { label: `Thresholds of ${row.tier}` });
}
