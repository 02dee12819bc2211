// Which answers were given? Newest first, a page at a time, narrowed by what the address says.

import { address, changed, link } from "../address.js";
import { h, told } from "../dom.js";
import { note } from "../live.js";
import { order } from "../rungs.js";
import { known, ms, p, usd, when, words } from "../say.js";
import { table } from "../tables.js";

const STATES = ["answered", "broken_off", "exhausted", "cancelled", "lost", "audited"];
const STEP_TYPES = ["classification", "extraction", "format_conversion", "tool_selection", "planning", "code_generation", "summarisation", "multi_step_reasoning", "open_chat"];
const CHOICES = { outcome: ["right", "wrong", "none"], state: STATES, step_type: STEP_TYPES, audits: ["only", "any"] };
const WORDS = { tier: "Rung", route: "Route", task: "Task", key: "Key" };
const FILTERS = [...Object.keys(WORDS), ...Object.keys(CHOICES)];

export const answers = {
  title: "Answers",
  open() {
    const { given } = address();
    const into = h("div", { class: "stackup" });
    const asked = Object.fromEntries([...FILTERS, "before"].map((name) => [name, given.get(name) ?? ""]));
    return {
      children: [h("div", { class: "head" }, h("h1", {}, "Answers")), filters(given), into],
      needs: [{ path: "answers", given: { limit: 50, ...asked }, every: asked.before ? 0 : 5, into, paint: (body) => painted(body, asked) }],
    };
  },
};

function filters(given) {
  const set = (name) => (event) => changed({ [name]: event.target.value.trim(), before: null });
  const narrowed = FILTERS.some((name) => given.get(name));
  return h(
    "form",
    { class: "filters", "aria-label": "Filter", onsubmit: (event) => event.preventDefault() },
    Object.entries(CHOICES).map(([name, values]) => h("label", {}, h("span", {}, words(name)), h("select", { id: `filter-${name}`, onchange: set(name) }, h("option", { value: "" }, name === "audits" ? "left out" : "any"), values.map((value) => h("option", { value, selected: given.get(name) === value }, words(value)))))),
    Object.entries(WORDS).map(([name, said]) => h("label", {}, h("span", {}, said), h("input", { id: `filter-${name}`, value: given.get(name) ?? "", placeholder: "any", autocomplete: "off", spellcheck: "false", onchange: set(name) }))),
    narrowed ? h("a", { class: "clear", href: link("answers") }, "Clear") : null,
  );
}

function painted(body, asked) {
  const rows = body.data ?? [];
  order.meet(new Set(rows.flatMap((row) => (row.tried ?? []).map((draft) => draft.tier))));
  const older = body.next ? h("a", { class: "button", id: "older", href: link("answers", { ...asked, before: body.next }) }, rows.length ? "Older" : "Search further back") : h("span", { class: "quiet" }, "That is all.");
  const back = asked.before ? h("a", { class: "button", href: link("answers", { ...asked, before: null }) }, "Newest") : null;
  const narrowed = FILTERS.some((name) => asked[name]);
  const nothing = body.next ? `None as far back as ${when(body.searched_at)}.` : narrowed ? "No answer is like that." : "Nothing was asked yet.";
  return [rows.length ? table(COLUMNS, rows, { label: "Answers", cards: true, href: (row) => link("answer", {}, row.id) }) : note(narrowed ? "Nothing found" : "No answers", nothing), h("div", { class: "row" }, back, older)];
}

const COLUMNS = [
  { head: "When", left: true, cell: (row) => h("a", { href: link("answer", {}, row.id) }, when(row.at)) },
  { head: "Route", left: true, cell: (row) => [told(row.route), h("small", {}, told(words(row.step_type)))] },
  { head: "Rungs", left: true, cell: (row) => climb(row) },
  { head: "Outcome", left: true, cell: (row) => outcome(row) },
  { head: "Latency", cell: (row) => ms(row.latency_ms) },
  { head: "First byte", cell: (row) => ms(row.first_byte_ms) },
  { head: "Cost", cell: (row) => usd(row.cost_usd) },
  { head: "Key", left: true, cell: (row) => [told(row.caller || "\u2013"), row.task ? h("small", {}, "task ", told(row.task)) : null] },
];

/** The way up: each rung's draft, with how sure it was where it was judged. */
function climb(row) {
  const tried = row.tried ?? [];
  const way = tried.map((draft) => h("span", { class: `tried ${draft.state}`, title: `${draft.tier}: ${words(draft.state)}${known(draft.threshold) ? `, ${p(draft.confidence)} of ${p(draft.threshold)} asked` : ""}` }, h("i", { class: `dot ${order.tone(draft.tier)}` }), told(draft.tier), known(draft.confidence) ? h("small", {}, p(draft.confidence)) : null));
  return h("span", { class: "way" }, way.length ? way.flatMap((one, at) => (at ? [h("span", { class: "up", "aria-label": "climbs to" }, "\u203a"), one] : [one])) : h("span", { class: "quiet" }, "no rung was asked"));
}

export function outcome(row) {
  if (row.state !== "answered" && row.state !== "audited") return h("span", { class: "badge warn" }, words(row.state));
  if (!row.outcome) return h("span", { class: "quiet" }, "none told");
  return h("span", { class: `badge ${row.outcome.right ? "good" : "bad"}` }, row.outcome.right ? "right" : "wrong", h("small", {}, ` ${words(row.outcome.source)}`));
}
