// How does a reliability plot look? What was said across, what was found up; on the diagonal they agree.

import { s } from "../dom.js";
import { p, share } from "../say.js";

const SIZE = 300;
const LEFT = 54;
const BOTTOM = 34;

/** Bins of equal counts, each with the interval of what was found. */
export function reliability(bins, tier) {
  const least = Math.min(0.9, ...bins.map((bin) => Math.min(bin.said, bin.interval?.[0] ?? bin.right)));
  const low = Math.max(0, Math.floor(least * 10) / 10);
  const x = (value) => LEFT + ((value - low) / (1 - low)) * (SIZE - LEFT - 16);
  const y = (value) => SIZE - BOTTOM - ((value - low) / (1 - low)) * (SIZE - BOTTOM - 8);
  const step = 1 - low > 0.5 ? 0.2 : 1 - low > 0.25 ? 0.1 : 0.05;
  const ticks = [];
  for (let at = 1; at >= low - 1e-9; at -= step) ticks.push(Math.round(at * 100) / 100);
  const said = bins.map((bin) => `said ${p(bin.said)}, found ${p(bin.right)}, ${bin.count} answers`).join("; ");
  return s(
    "svg",
    { viewBox: `0 0 ${SIZE} ${SIZE}`, class: "reliability", role: "img", "aria-label": `${tier}: ${said}` },
    ticks.map((at) => [
      s("line", { class: "grid", x1: x(low), x2: x(1), y1: y(at), y2: y(at) }),
      s("text", { x: LEFT - 6, y: y(at) + 3.5, "text-anchor": "end" }, share(at, 0)),
      s("text", { x: x(at), y: SIZE - BOTTOM + 15, "text-anchor": "middle" }, share(at, 0)),
    ]),
    s("line", { class: "even", x1: x(low), y1: y(low), x2: x(1), y2: y(1) }),
    bins.map((bin) => [
      bin.interval ? s("line", { class: "whisker", x1: x(bin.said), x2: x(bin.said), y1: y(bin.interval[0]), y2: y(bin.interval[1]) }) : null,
      s("circle", { class: "bin", cx: x(bin.said), cy: y(bin.right), r: 4.5 }, s("title", {}, `said ${p(bin.said)} · found ${share(bin.right)} · ${bin.count} answers`)),
    ]),
    s("text", { class: "axis", x: x((1 + low) / 2), y: SIZE - 3, "text-anchor": "middle" }, "confidence, as said"),
    s("text", { class: "axis", x: 0, y: 0, "text-anchor": "middle", transform: `translate(9 ${y((1 + low) / 2)}) rotate(-90)` }, "right, as found"),
  );
}
