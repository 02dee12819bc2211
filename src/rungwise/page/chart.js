// How is a course over time drawn? uPlot in the colours of the style sheet; its cursor says the numbers.

import { fill, h, told } from "./dom.js";
import { when } from "./say.js";
import { colour, onTheme } from "./theme.js";

const FONT = '11px Inter, system-ui, -apple-system, "Segoe UI", Roboto, sans-serif';
const HEIGHT = 168;

/**
 * A panel with a title, a legend that tells the values under the cursor, and a chart. Without a cursor it tells the newest
 * that are whole, with their time: of looks (`slots: false`) the last one, of slots the last that is over, for the running
 * one holds little yet. What is not known there is told as such: an older value is not what is so now.
 * `series`: [{name, tone, say(value), stack?}], `columns`: [at, ...values]; null draws nothing.
 */
export class Chart {
  constructor(title, { say, tick = say, hint = "", bars = false, slots = true, range = null }) {
    Object.assign(this, { say, tick, bars, slots, range, nothing: "Nothing in this time", plot: null, columns: null, series: [] });
    this.legend = h("ul", { class: "keys" });
    this.box = h("div", { class: "plot" });
    this.time = h("time", { class: "quiet" });
    this.element = h("section", { class: "panel chart", role: "group", "aria-label": title }, h("header", {}, h("h3", {}, title), h("span", { class: "quiet hint" }, hint), this.time), this.legend, this.box);
    this.watcher = new ResizeObserver(() => this.plot && this.plot.setSize({ width: this.width(), height: HEIGHT }));
    this.watcher.observe(this.box);
    this.off = onTheme(() => this.draw());
  }

  end() {
    this.off();
    this.watcher.disconnect();
    this.plot?.destroy();
  }

  width() {
    return Math.max(200, Math.floor(this.box.clientWidth));
  }

  show(columns, series) {
    Object.assign(this, { columns, series });
    this.draw();
  }

  draw() {
    if (!this.columns) return;
    this.plot?.destroy();
    this.plot = null;
    fill(this.box);
    this.tell(this.newest());
    if (!this.columns.slice(1).some((column) => column.some((value) => value !== null))) {
      fill(this.box, h("p", { class: "quiet nothing" }, this.nothing));
      return;
    }
    this.plot = new uPlot(this.options(), this.stacked(), this.box);
    this.box.setAttribute("role", "img");
    this.box.setAttribute("aria-label", this.series.map((one, at) => `${one.name}: ${this.say(this.value(at, this.newest()))}`).join(", "));
  }

  /** Values as they are drawn: bars stand on each other. */
  stacked() {
    if (!this.bars) return this.columns;
    const [at, ...values] = this.columns;
    const sums = at.map(() => 0);
    const drawn = values.map((column) => column.map((value, slot) => (sums[slot] += value ?? 0)));
    return [at, ...drawn.reverse()];
  }

  /** Half a slot: the first and last bars are whole. */
  half() {
    const [at] = this.columns;
    return at.length > 1 ? (at[1] - at[0]) / 2 : 150;
  }

  newest() {
    return Math.max(0, this.columns[0].length - (this.slots ? 2 : 1));
  }

  value(place, slot) {
    return this.columns[place + 1][slot] ?? null;
  }

  tell(slot) {
    const [at] = this.columns;
    const said = at.length ? when(at[slot], at.at(-1) - at[0] > 86_400) : "";
    this.time.textContent = this.slots ? said.slice(0, -3) : said;
    fill(
      this.legend,
      this.series.map((one, place) => h("li", {}, h("i", { class: `dot ${one.tone}` }), told(one.name), h("b", {}, this.say(this.value(place, slot))))),
    );
  }

  options() {
    const ink = colour("quiet");
    const grid = { stroke: colour("line"), width: 1 };
    const drawn = this.series.map((one) => ({
      stroke: colour(one.tone),
      fill: this.bars ? colour(one.tone) : null,
      width: this.bars ? 0 : 2,
      points: { show: !this.bars, size: 5, filter: alone },
      spanGaps: false,
      paths: this.bars ? uPlot.paths.bars({ size: [0.82, 40], gap: 1 }) : undefined,
    }));
    return {
      width: this.width(),
      height: HEIGHT,
      padding: [8, close(this.columns[0]) ? 24 : 4, 0, 0],
      legend: { show: false },
      cursor: { y: false, sync: { key: "rungwise" }, points: { show: !this.bars }, drag: { x: false, y: false } },
      series: [{}, ...(this.bars ? drawn.reverse() : drawn)],
      scales: { x: { range: (_, from, to) => [from - this.half(), to + this.half()] }, y: { range: this.range ?? ((_, __, most) => [0, most > 0 ? most * 1.1 : 1]) } },
      axes: [
        { stroke: ink, font: FONT, grid: { show: false }, ticks: { show: false }, size: 26, space: 80, values: (_, splits) => splits.map((at, place) => hour(at, splits, place)) },
        { stroke: ink, font: FONT, grid, ticks: { show: false }, size: 64, gap: 6, space: 36, values: (_, splits) => splits.map((value) => (value === 0 ? "0" : this.tick(value))) },
      ],
      hooks: { setCursor: [(plot) => this.tell(plot.cursor.idx ?? this.newest())] },
    };
  }
}

/** Which values have none beside them: no line leads to them. */
function alone(plot, series) {
  const values = plot.data[series];
  const none = (value) => value === null || value === undefined;
  return [...values.keys()].filter((at) => !none(values[at]) && none(values[at - 1]) && none(values[at + 1]));
}

/** So little time that seconds are told, which take more room. */
const close = (times) => times.at(-1) - times[0] < 300;

function hour(at, splits, place) {
  const [day, clock] = when(at).split(" ");
  const wide = splits.at(-1) - splits[0] > 3 * 86_400;
  if (wide) return day.slice(5);
  return place > 0 && when(splits[place - 1]).slice(0, 10) !== day ? day.slice(5) : clock.slice(0, close(splits) ? 8 : 5);
}
