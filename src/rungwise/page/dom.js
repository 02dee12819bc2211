// How do elements come to be? Text is only ever set as text: no string is read as HTML.

const SVG = "http://www.w3.org/2000/svg";

/** An element; `given` are attributes, with functions as listeners (`onclick`) and null left out. */
export function h(tag, given = {}, ...children) {
  return filled(document.createElement(tag), given, children);
}

/** The same, of SVG. */
export function s(tag, given = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), given, children);
}

function filled(element, given, children) {
  for (const [name, value] of Object.entries(given)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (name === "at") for (const [key, told] of Object.entries(value)) element.style.setProperty(key, told);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Put these in place of what an element holds. */
export function fill(element, ...children) {
  element.replaceChildren(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
}

/**
 * Text of others (models, tasks, reasons): isolated, so that its direction cannot turn the text around it, and without
 * characters that show nothing.
 */
export function told(text, given = {}) {
  const plain = String(text ?? "");
  const seen = plain.replace(/[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g, "\u00b7");
  return h("bdi", { title: seen.length > 40 ? seen.slice(0, 1000) : null, ...given }, seen.slice(0, 2000));
}
