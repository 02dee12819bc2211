// How is a table shown? Sortable by its heads, scrolling in itself; on a phone a row may be a card.

import { changed } from "./address.js";
import { h } from "./dom.js";

/** A choice among a few words, kept in the address: [[value, label], ...]. */
export function segment(name, choices, now, label) {
  return h(
    "div",
    { class: "segment", role: "group", "aria-label": label },
    choices
      .map(([value, said]) => h("button", { type: "button", "aria-pressed": String(value === now), "data-place": `${name}-${value}`, onclick: () => changed({ [name]: value }) }, said)),
  );
}

/**
 * `columns`: [{name, head, cell(row), by(row)?, left?, title?}]. With `sort` (a column's name, "-" before it for the
 * largest first) heads with `by` are buttons. `cards`: rows become cards on a phone.
 */
export function table(columns, rows, { label, sort = null, foot = null, cards = false, href = null } = {}) {
  const [down, named] = sort?.startsWith("-") ? [true, sort.slice(1)] : [false, sort];
  const by = columns.find((column) => column.name === named)?.by;
  const sorted = by ? [...rows].sort((a, b) => compared(by(a), by(b), down)) : rows;
  const cells = (row, tag = "td") => columns.map((column) => h(tag, { class: column.left ? "left" : null, "data-head": column.head }, column.cell(row)));
  const line = (row) => h("tr", { class: href ? "goes" : null, onclick: href ? (event) => event.target.closest("a") || (location.hash = href(row)) : null }, cells(row));
  return h(
    "div",
    { class: cards ? "scroll cards" : "scroll", tabindex: "0", role: "region", "aria-label": label },
    h("table", {}, h("thead", {}, h("tr", {}, columns.map((column) => head(column, named, down, sort !== null)))), h("tbody", {}, sorted.map(line)), foot ? h("tfoot", {}, h("tr", {}, cells(foot))) : null),
  );
}

function head(column, named, down, sorts) {
  const given = { scope: "col", class: column.left ? "left" : null, title: column.title };
  if (!sorts || !column.by) return h("th", given, column.head);
  const is = column.name === named;
  const next = is && down ? column.name : `-${column.name}`;
  return h(
    "th",
    { ...given, "aria-sort": is ? (down ? "descending" : "ascending") : null },
    h("button", { type: "button", "data-place": `sort-${column.name}`, onclick: () => changed({ sort: next }) }, column.head, h("span", { class: "arrow", "aria-hidden": "true" }, is ? (down ? "\u2193" : "\u2191") : "")),
  );
}

/** What is not known comes last, whichever way. */
function compared(a, b, down) {
  if (a === null || a === undefined) return b === null || b === undefined ? 0 : 1;
  if (b === null || b === undefined) return -1;
  const rising = typeof a === "string" ? a.localeCompare(String(b)) : a - b;
  return down ? -rising : rising;
}
