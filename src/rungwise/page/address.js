// Where is the reader? The hash names a view and what it shows, so that links and the back button work.

/** "#/answers?tier=tier1" → {view: "answers", id: null, given: URLSearchParams}. */
export function address() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?", 2);
  const [view, ...rest] = path.split("/");
  return { view: view || "overview", id: rest.length ? decoded(rest.join("/")) : null, given: new URLSearchParams(query) };
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The address of a view; empty values are left out. */
export function link(view, given = {}, id = null) {
  const kept = Object.entries(given).filter(([, value]) => value !== null && value !== undefined && value !== "");
  const query = new URLSearchParams(kept).toString();
  const path = view === "overview" ? "" : view;
  return `#/${path}${id === null ? "" : `/${encodeURIComponent(id)}`}${query ? `?${query}` : ""}`;
}

/** Go on in the same view, with some of what it shows changed. */
export function changed(changes, { replace = false } = {}) {
  const { view, id, given } = address();
  const to = link(view, { ...Object.fromEntries(given), ...changes }, id);
  if (to === location.hash) return;
  if (replace) history.replaceState(null, "", to);
  else location.hash = to;
}

/** The value in the address, where it is one of these [[value, label], ...], else `usual`. */
export function chosen(name, choices, usual = choices[0][0]) {
  const value = address().given.get(name);
  return choices.some(([one]) => one === value) ? value : usual;
}
