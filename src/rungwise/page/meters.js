// How is a share drawn? Bars: one value against a limit, or several that make a whole.

import { h, told } from "./dom.js";
import { known, share } from "./say.js";

const within = (value) => `${(100 * Math.min(1, Math.max(0, value))).toFixed(2)}%`;

/** One value of 0 to 1, and where the bar stands that it had to pass. */
export function meter(value, { bar = null, tone = "ink", label }) {
  return h(
    "div",
    { class: `meter ${tone}`, role: "img", "aria-label": label },
    known(value) ? h("i", { at: { width: within(value) } }) : null,
    known(bar) ? h("b", { at: { left: within(bar) } }) : null,
  );
}

/** Which rung gave how much: {tier: share}, in the order of the ladder. */
export function shares(given, order, { legend = true } = {}) {
  const tiers = Object.entries(given ?? {}).filter(([, value]) => value > 0);
  if (!tiers.length) return h("span", { class: "quiet" }, "unknown");
  tiers.sort(([a], [b]) => order.place(a) - order.place(b));
  const said = tiers.map(([tier, value]) => `${tier || "none"} ${share(value, 0)}`).join(", ");
  return h(
    "div",
    { class: "shares" },
    h(
      "div",
      { class: "stack", role: "img", "aria-label": `share per rung: ${said}` },
      tiers.map(([tier, value]) => h("i", { class: order.tone(tier), at: { "flex-grow": value.toFixed(5) }, title: `${tier} ${share(value)}` })),
    ),
    legend
      ? h("ul", { class: "keys" }, tiers.map(([tier, value]) => h("li", {}, h("i", { class: `dot ${order.tone(tier)}` }), told(tier || "none"), h("b", {}, share(value)))))
      : null,
  );
}
