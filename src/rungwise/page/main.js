// Which view is shown? The shell: navigation, the key, colours, and the life of one view at a time.

import { address, link } from "./address.js";
import { makeDoor } from "./door.js";
import { fill, h } from "./dom.js";
import { Live, note } from "./live.js";
import { startTheme } from "./theme.js";
import { alarms } from "./views/alarms.js";
import { answer } from "./views/answer.js";
import { answers } from "./views/answers.js";
import { calibration } from "./views/calibration.js";
import { gpu } from "./views/gpu.js";
import { overview } from "./views/overview.js";
import { routes } from "./views/routes.js";

const VIEWS = { overview, routes, answers, answer, calibration, gpu, alarms };
const NAV = { overview: "Overview", routes: "Routes", answers: "Answers", calibration: "Calibration", gpu: "GPU", alarms: "Alarms" };

const main = document.getElementById("main");
const mark = document.getElementById("live");
let live = null;
let leave = [];
let shownView = null;

const askForKey = makeDoor(() => open());

/** Show what the address names, from nothing. */
function open() {
  live?.stop();
  leave.forEach((end) => end());
  leave = [];
  const { view, id } = address();
  const known = VIEWS[view];
  delete main.dataset.ready;
  mark.dataset.state = "";
  steer(view);
  live = new Live(main, mark, { onKey: askForKey, shown: () => (main.dataset.ready = view) });
  if (!known || (view === "answer" && !id)) {
    fill(main, note("No such page", location.hash), h("p", {}, h("a", { href: "#/" }, "Overview")));
    live.start([]);
    return;
  }
  document.title = `${known.title} · rungwise`;
  const { children, needs } = known.open({ id, onLeave: (end) => leave.push(end) });
  fill(main, children);
  if (!needs.some((need) => need.path === "ladder")) needs.push({ path: "ladder", every: 30, into: h("i"), first: false, paint: () => [] });
  for (const need of needs) need.into.setAttribute("aria-busy", "true");
  if (shownView !== null && shownView !== view) {
    scrollTo(0, 0);
    main.focus({ preventScroll: true });
  }
  shownView = view;
  live.start(needs);
}

function steer(view) {
  const at = view === "answer" ? "answers" : view;
  const links = Object.entries(NAV).map(([name, said]) =>
    h("a", { href: link(name), "aria-current": name === at ? "page" : null, id: `nav-${name}` }, said),
  );
  fill(document.getElementById("nav"), links);
}

startTheme(document.getElementById("theme"));
addEventListener("hashchange", open);
open();
