// Light or dark? As the system says, unless the reader chose.

const KEPT = "rungwise.theme";
const CHOICES = ["auto", "light", "dark"];
const SHOWN = { auto: "auto", light: "light", dark: "dark" };

const dark = matchMedia("(prefers-color-scheme: dark)");
const heard = new Set();

function choice() {
  try {
    const kept = localStorage.getItem(KEPT);
    return CHOICES.includes(kept) ? kept : "auto";
  } catch {
    return "auto";
  }
}

function choose(next) {
  try {
    localStorage.setItem(KEPT, next);
  } catch {
    /* then it holds for this visit */
  }
}

/** Told whenever colours change: charts are drawn, not styled. */
export function onTheme(listener) {
  heard.add(listener);
  return () => heard.delete(listener);
}

export function startTheme(button) {
  let now = choice();
  const show = () => {
    const is = now === "auto" ? (dark.matches ? "dark" : "light") : now;
    document.documentElement.dataset.theme = is;
    button.textContent = `Theme: ${SHOWN[now]}`;
    button.setAttribute("aria-label", `Colours: ${SHOWN[now]}. Change`);
    button.title = "Colours: as the system says, light, dark";
    for (const listener of heard) listener();
  };
  button.addEventListener("click", () => {
    now = CHOICES[(CHOICES.indexOf(now) + 1) % CHOICES.length];
    choose(now);
    show();
  });
  dark.addEventListener("change", show);
  show();
}

/** A colour of the style sheet, for what is drawn. */
export function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}
