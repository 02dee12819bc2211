// What is the machine doing? Each device, each engine, and the course since this view was opened.

import { Chart } from "../chart.js";
import { h, told } from "../dom.js";
import { note } from "../live.js";
import { meter } from "../meters.js";
import { bytes, count, known, many, number, share, short } from "../say.js";
import { table } from "../tables.js";

const KEPT = 240;
const LATE = 3;

export const gpu = {
  title: "GPU",
  open({ onLeave }) {
    const into = h("div", { class: "stackup" });
    const course = new Course();
    onLeave(() => course.end());
    return { children: [h("div", { class: "head" }, h("h1", {}, "GPU")), into, course.element], needs: [{ path: "gpus", every: 3, into, paint: painted, heard: (body, apart) => course.add(body, apart) }] };
  },
};

function painted(body) {
  const devices = body.devices ?? [];
  const engines = body.engines ?? [];
  return [
    devices.length ? h("div", { class: "tiles" }, devices.map(device)) : note("No GPU here", body.why?.replace(/^none: /, "") ?? "No device was found; engines that run on the CPU are shown all the same."),
    h("h2", {}, "Engines"),
    engines.length ? table(COLUMNS, engines, { label: "Engines", cards: true }) : h("p", { class: "quiet" }, "No rung of this ladder runs an engine of its own."),
  ];
}

function device(one) {
  const memory = known(one.memory_used_bytes) && one.memory_total_bytes ? one.memory_used_bytes / one.memory_total_bytes : null;
  const power = known(one.power_w) && one.power_limit_w ? one.power_w / one.power_limit_w : null;
  const throttled = one.throttling ?? [];
  const gauge = (head, value, said, tone = "ink") => h("div", { class: "gauge" }, h("dt", {}, head), h("dd", {}, said), h("dd", {}, meter(value, { tone, label: `${head}: ${said}` })));
  return h(
    "section",
    { class: "panel" },
    h("header", {}, h("h3", {}, "GPU ", told(one.gpu)), told(one.name, { class: "quiet" }), throttled.length ? h("span", { class: "badge warn" }, "throttled: ", told(throttled.join(", "))) : null),
    h("dl", { class: "gauges" }, gauge("Utilisation", one.utilisation, share(one.utilisation, 0)), gauge("Memory", memory, `${bytes(one.memory_used_bytes)} of ${bytes(one.memory_total_bytes)}`, memory > 0.97 ? "warn" : "ink"), gauge("Power", power, known(one.power_w) ? `${number(one.power_w)} W of ${number(one.power_limit_w)} W` : "unknown")),
    h("p", { class: "quiet" }, [known(one.temperature_c) ? `${number(one.temperature_c)} °C` : "temperature unknown", known(one.sm_clock_mhz) ? `${count(one.sm_clock_mhz)} MHz` : null, known(one.processes) ? many(one.processes, "process", "processes") : null].filter(Boolean).join(" · ")),
  );
}

const COLUMNS = [
  { head: "Rung", left: true, cell: (one) => [told(one.tier), h("small", {}, told(one.model))] },
  { head: "State", left: true, cell: (one) => h("span", { class: `badge ${one.up ? "good" : "bad"}` }, one.up ? "up" : "down", one.why ? [": ", told(one.why)] : null) },
  { head: "Running", cell: (one) => count(one.running) },
  { head: "Waiting", cell: (one) => count(one.waiting) },
  { head: "KV in use", cell: (one) => share(one.kv_use, 0) },
  { head: "Prefix hits", cell: (one) => share(one.prefix_hits, 0) },
  { head: "Tokens/s", cell: (one) => short(one.tokens_per_s) },
];

/** What was seen since the view was opened; the server keeps no course of it (Prometheus does). */
class Course {
  constructor() {
    this.seen = [];
    this.use = new Chart("Utilisation", { say: (value) => share(value, 0), slots: false, range: () => [0, 1.02], hint: "since this view was opened" });
    this.pace = new Chart("Tokens per second", { say: short, slots: false, hint: "since this view was opened" });
    this.element = h("div", { class: "grid" }, this.use.element, this.pace.element);
    this.element.hidden = true;
  }

  end() {
    this.use.end();
    this.pace.end();
  }

  /** Where more looks than a few are missing, nothing was seen: no line leads over it. */
  add(body, apart) {
    const at = Date.now() / 1000;
    const last = this.seen.at(-1)?.at ?? at;
    const unseen = at - last > LATE * apart ? [{ at: last + apart, body: {} }] : [];
    this.seen = [...this.seen, ...unseen, { at, body }].slice(-KEPT);
    const lines = (kind, name, value, say = (is) => is) => {
      const names = [...new Set(this.seen.flatMap((one) => (one.body[kind] ?? []).map((part) => String(part[name]))))].slice(0, 8);
      const columns = names.map((is) => this.seen.map((one) => (one.body[kind] ?? []).find((part) => String(part[name]) === is)?.[value] ?? null));
      return [[this.seen.map((one) => one.at), ...columns], names.map((is, at) => ({ name: say(is), tone: `tone${at % 6}` }))];
    };
    this.element.hidden = this.seen.length < 2;
    if (this.element.hidden) return;
    this.use.element.hidden = !this.seen.some((one) => one.body.devices?.length);
    this.use.show(...lines("devices", "gpu", "utilisation", (is) => `GPU ${is}`));
    this.pace.show(...lines("engines", "tier", "tokens_per_s"));
  }
}
