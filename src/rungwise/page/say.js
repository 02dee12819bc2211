// How is a number told? With its unit; what is not known is told as such, never as 0.

export const UNKNOWN = "unknown";
const GAP = "\u00a0"; // a number stands in one line with its unit

const known = (value) => typeof value === "number" && Number.isFinite(value);
const fixed = (value, digits) => value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits }).replace("-", "\u2212");

/** Dollars with three digits that say something: $1,204 · $0.42 · $0.00123. */
export function usd(value) {
  if (!known(value)) return UNKNOWN;
  if (value === 0) return "$0";
  const size = Math.abs(value);
  if (size < 1e-9) return "< $0.000000001";
  const digits = size >= 1000 ? 0 : size >= 1 ? 2 : Math.min(9, 2 - Math.floor(Math.log10(size)));
  return `${value < 0 ? "\u2212" : ""}$${fixed(size, digits)}`;
}

export function ms(value) {
  if (!known(value)) return UNKNOWN;
  if (value <= 0) return `0${GAP}ms`;
  if (value < 1) return `<${GAP}1${GAP}ms`;
  if (value < 1000) return `${fixed(value, 0)}${GAP}ms`;
  return span(value / 1000);
}

/** Seconds as people say them: 2.4 s · 3 min 5 s · 4 h 10 min · 3 d 2 h. */
export function span(seconds) {
  if (!known(seconds)) return UNKNOWN;
  if (seconds < 60) return `${fixed(seconds, seconds < 10 ? 2 : 1)}${GAP}s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  if (whole < 86400) return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
  return `${fixed(Math.floor(whole / 86400), 0)} d ${Math.floor((whole % 86400) / 3600)} h`;
}

export function share(value, digits = 1) {
  return known(value) ? `${fixed(100 * value, digits)}${GAP}%` : UNKNOWN;
}

export function interval(pair, digits = 1) {
  return Array.isArray(pair) && pair.every(known) ? `${fixed(100 * pair[0], digits)} to ${fixed(100 * pair[1], digits)}${GAP}%` : null;
}

export function count(value) {
  return known(value) ? fixed(value, 0) : UNKNOWN;
}

/** 12,345 → 12.3 k. */
export function short(value) {
  if (!known(value)) return UNKNOWN;
  for (const [size, unit] of [[1e9, "G"], [1e6, "M"], [1e4, "k"]])
    if (Math.abs(value) >= size) return `${fixed(value / (unit === "k" ? 1e3 : size), 1)}${GAP}${unit}`;
  return fixed(value, Number.isInteger(value) ? 0 : 1);
}

export function number(value, digits = 3) {
  return known(value) ? value.toLocaleString("en", { maximumSignificantDigits: digits }).replace("-", "\u2212") : UNKNOWN;
}

export function bytes(value) {
  return known(value) ? `${fixed(value / 2 ** 30, 1)}${GAP}GiB` : UNKNOWN;
}

export function many(value, one, more = `${one}s`) {
  return `${count(value)}${GAP}${value === 1 ? one : more}`;
}

/** A probability, as confidences and thresholds are told. */
export function p(value) {
  return known(value) ? fixed(value, value > 0.995 && value < 1 ? 3 : 2) : UNKNOWN;
}

/** A moment, in the reader's own time zone. */
export function when(unix, withDay = true) {
  if (!known(unix)) return UNKNOWN;
  const at = new Date(unix * 1000);
  if (Number.isNaN(at.getTime())) return UNKNOWN;
  const pad = (part) => String(part).padStart(2, "0");
  const clock = `${pad(at.getHours())}:${pad(at.getMinutes())}:${pad(at.getSeconds())}`;
  const day = `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())}`;
  return withDay ? `${day} ${clock}` : clock;
}

/** planning, code_generation → "code generation". */
export function words(name) {
  return String(name ?? "").replaceAll("_", " ");
}

/** The same, as a sentence begins. */
export function title(name) {
  const said = words(name);
  return said.slice(0, 1).toUpperCase() + said.slice(1);
}

export { known };
