// What is no longer as it was? Alarms that are on, those that are over, and how near the others are.

import { h, told } from "../dom.js";
import { note } from "../live.js";
import { meter } from "../meters.js";
import { count, known, number, span, title, when, words } from "../say.js";
import { table } from "../tables.js";

export const alarms = {
  title: "Alarms",
  open() {
    const into = h("div", { class: "stackup" });
    return { children: [h("div", { class: "head" }, h("h1", {}, "Alarms")), into], needs: [{ path: "alarms", given: { limit: 200 }, into, paint: painted }] };
  },
};

/** One alarm that is on. */
export function alarmCard(alarm) {
  return h(
    "article",
    { class: "alarm", role: "alert" },
    h("header", {}, h("strong", {}, told(title(alarm.kind)), " · ", told(alarm.about)), h("time", {}, `since ${when(alarm.began_at)}`)),
    h("p", {}, told(alarm.why)),
    alarm.demotes ? h("p", {}, "While it lasts, drafts of ", h("b", {}, told(alarm.demotes)), " are not believed.") : null,
  );
}

function painted(body) {
  const past = (body.recent ?? []).filter((alarm) => known(alarm.ended_at));
  return [
    (body.on ?? []).length ? body.on.map(alarmCard) : h("section", { class: "panel calm" }, h("i", { class: "dot good" }), h("strong", {}, "No alarm is on")),
    h("h2", {}, "What is watched"),
    (body.detectors ?? []).length ? detectors(body.detectors) : note("Nothing is watched yet", "Detectors begin with the first answers, and with the first outcomes that are told."),
    h("h2", {}, "Past alarms"),
    past.length ? pastTable(past) : h("p", { class: "quiet" }, "None."),
  ];
}

function detectors(rows) {
  const columns = [
    { head: "Kind", left: true, cell: (row) => told(words(row.kind)) },
    { head: "About", left: true, cell: (row) => told(row.about) },
    { head: "Seen", cell: (row) => count(row.seen) },
    { head: "Usual", cell: (row) => number(row.usual) },
    { head: "Now", cell: (row) => number(row.now) },
    { head: "Evidence of its bound", left: true, cell: evidence },
  ];
  return table(columns, rows, { label: "Detectors", cards: true });
}

function evidence(row) {
  if (!known(row.evidence) || !known(row.bound)) return h("span", { class: "quiet" }, "learning what is usual");
  const of = row.bound ? row.evidence / row.bound : null;
  return h("span", { class: "withmeter" }, meter(of, { tone: of >= 1 ? "bad" : of > 0.6 ? "warn" : "good", label: `${number(row.evidence)} of ${number(row.bound)}` }), `${number(row.evidence)} of ${number(row.bound)}`);
}

function pastTable(rows) {
  const columns = [
    { head: "Kind", left: true, cell: (row) => told(words(row.kind)) },
    { head: "About", left: true, cell: (row) => told(row.about) },
    { head: "Why", left: true, cell: (row) => told(row.why, { class: "long" }) },
    { head: "Began", cell: (row) => when(row.began_at) },
    { head: "Lasted", cell: (row) => span(row.ended_at - row.began_at) },
  ];
  return table(columns, rows, { label: "Past alarms", cards: true });
}
