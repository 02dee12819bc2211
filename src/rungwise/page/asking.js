// What does the server say? One request of a kind at a time; a key where it asks for one; and the truth when it is away.

const KEPT = "rungwise.key";
const PATIENCE_MS = 20_000;

const open = new Map();

export class Refused extends Error {
  /** The server answered, and not with data. */
  constructor(status, message, code) {
    super(message);
    Object.assign(this, { status, code });
  }

  get wantsKey() {
    return this.status === 401;
  }

  get ownOnly() {
    return this.status === 403;
  }
}

export class Away extends Error {}

export class Overtaken extends Error {}

export function key() {
  try {
    return sessionStorage.getItem(KEPT);
  } catch {
    return null;
  }
}

export function keep(secret) {
  try {
    if (secret) sessionStorage.setItem(KEPT, secret);
    else sessionStorage.removeItem(KEPT);
  } catch {
    /* a browser that keeps nothing asks again */
  }
}

/**
 * GET `path` (below /v1) with `given`. A later question of the same kind ends the earlier one, which then throws
 * Overtaken. Throws Refused or Away.
 */
export async function ask(path, given = {}, kind = path) {
  open.get(kind)?.abort(new Overtaken());
  const control = new AbortController();
  open.set(kind, control);
  const late = setTimeout(() => control.abort(new Away("no answer within 20 s")), PATIENCE_MS);
  try {
    return await answered(path, given, control.signal);
  } catch (error) {
    if (control.signal.aborted && control.signal.reason instanceof Error) throw control.signal.reason;
    throw error;
  } finally {
    clearTimeout(late);
    if (open.get(kind) === control) open.delete(kind);
  }
}

async function answered(path, given, signal) {
  const query = new URLSearchParams(Object.entries(given).filter(([, value]) => value !== null && value !== undefined && value !== ""));
  const secret = key();
  const headers = secret ? { authorization: `Bearer ${secret}` } : {};
  let response, text;
  try {
    response = await fetch(`../v1/${path}${query.size ? `?${query}` : ""}`, { headers, signal, cache: "no-store", credentials: "omit" });
    text = await response.text();
  } catch (error) {
    throw error instanceof TypeError ? new Away("the server does not answer") : error;
  }
  let body = null;
  try {
    body = JSON.parse(text);
  } catch {
    if (response.ok) throw new Away("what answers is not this server");
  }
  if (response.ok && body !== null && typeof body === "object") return body;
  const fault = body?.error ?? {};
  throw new Refused(response.status, String(fault.message ?? `the server answered ${response.status}`), fault.code ?? null);
}

/** End every question: their view is gone. */
export function hush() {
  for (const control of open.values()) control.abort(new Overtaken());
  open.clear();
}
