"""Is what is old, or was not seen, ever shown as what is so now?"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tests.browser import opened, read
from tests.page.double import Told

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

REFUSED = ("Failed to load resource",)
FIGURES = frozenset({"figures", "series"})
SLOTS = {"Answers by rung", "Latency", "Cost", "Right and climbed"}


def show(page: Page, url: str, view: str = "") -> None:
    """On a clock that the test turns, where no question takes long, and with all that is drawn
    written down."""
    page.clock.install()
    page.add_init_script(DRAWN)
    page.goto(f"{url}/ui#/{view}")
    page.wait_for_selector("main[data-ready]:not(:has([aria-busy]))")


def turn(page: Page, scene: Told, seconds: int, path: str) -> None:
    """So much later, and asked again, and told."""
    asked = sum(one.startswith(path) for one in scene.asked)
    page.clock.run_for(1000 * seconds)
    for _ in range(200):
        page.wait_for_timeout(50)
        again = sum(one.startswith(path) for one in scene.asked) > asked
        if again and page.evaluate("window.asking") == 0:
            page.wait_for_timeout(50)
            return
    raise AssertionError(f"{path} was not asked again")


def away(page: Page) -> bool:
    return page.query_selector("main[data-away]") is not None


def clock(page: Page) -> str:
    """The last time that the mark tells: that of what is shown."""
    return str(re.findall(r"\d\d:\d\d:\d\d", page.inner_text("#live"))[-1])


def legend(page: Page, title: str) -> str:
    return read(page, f".chart[aria-label='{title}'] .keys").replace("\n", " ")


def drawn(page: Page) -> list[list[Any]]:
    """Utilisation as it was drawn last: times, and values of GPU 0."""
    found: list[list[Any]] = page.evaluate(
        "window.drawn.findLast((data) => data[1].some((one) => one === 0.93))"
    )
    return found


# ---- the mark ----


def test_figures_that_fail_are_old_while_all_else_answers(
    browser: Browser, url: str, scene: Told
) -> None:
    with opened(browser, expected=REFUSED) as page:
        show(page, url)
        true_at = clock(page)
        scene.failing = FIGURES
        turn(page, scene, 6, "alarms")
        for _ in range(4):
            turn(page, scene, 6, "alarms")
            assert away(page), page.inner_text("#live")
            said = page.inner_text("#live")
            assert "Failing: figures, series" in said and "since" in said
            assert clock(page) == true_at, "it is the time of what is shown"
        assert "cannot be read just now" in str(page.get_attribute("#live", "title"))
        assert "95.8 %" in read(page)


def test_one_that_answers_again_speaks_for_itself_alone(
    browser: Browser, url: str, scene: Told
) -> None:
    with opened(browser, expected=REFUSED) as page:
        show(page, url)
        scene.failing = FIGURES
        turn(page, scene, 6, "alarms")
        scene.failing = frozenset({"series"})
        turn(page, scene, 6, "figures")
        assert away(page) and "Failing: series" in page.inner_text("#live")
        scene.failing = frozenset()
        turn(page, scene, 6, "series")
        assert not away(page) and "Live" in page.inner_text("#live")
        assert page.get_attribute("#live", "data-state") == "live"


def test_a_clock_is_that_of_the_oldest_part(browser: Browser, url: str, scene: Told) -> None:
    with opened(browser) as page:
        show(page, url)
        true_at = clock(page)
        for _ in range(4):
            turn(page, scene, 6, "figures")
        assert clock(page) == true_at, "its ladder was not asked again"
        turn(page, scene, 10, "ladder")
        assert clock(page) != true_at


def test_what_is_asked_seldom_is_soon_asked_again_where_it_fails(
    browser: Browser, url: str, scene: Told
) -> None:
    """Else its fault would outlast it: the page would be old while all answers."""
    with opened(browser, expected=REFUSED) as page:
        show(page, url)
        scene.failing = frozenset({"ladder"})
        turn(page, scene, 31, "ladder")
        turn(page, scene, 6, "figures")
        assert away(page) and "Failing: ladder" in page.inner_text("#live")
        scene.failing = frozenset()
        turn(page, scene, 6, "ladder")
        assert not away(page)


def test_what_failed_in_a_view_that_was_left_is_forgotten(
    browser: Browser, url: str, scene: Told
) -> None:
    with opened(browser, expected=REFUSED) as page:
        show(page, url)
        scene.failing = FIGURES
        turn(page, scene, 6, "series")
        assert away(page)
        page.click("nav >> text=Alarms")
        page.wait_for_selector("main[data-ready=alarms]")
        for _ in range(2):
            turn(page, scene, 6, "alarms")
            assert not away(page) and "Live" in page.inner_text("#live")


def test_figures_of_a_key_that_is_no_longer_taken_are_old(
    browser: Browser, url: str, scene: Told
) -> None:
    with opened(browser, expected=REFUSED) as page:
        show(page, url)
        scene.key = "another"
        page.clock.run_for(6000)
        page.wait_for_selector("dialog[open]")
        page.keyboard.press("Escape")
        page.wait_for_selector("dialog:not([open])", state="attached")
        assert away(page) and "Key wanted" in page.inner_text("#live")


# ---- the course of GPUs and engines ----


def test_a_gpu_that_is_gone_has_no_value(browser: Browser, url: str, scene: Told) -> None:
    with opened(browser) as page:
        show(page, url, "gpu")
        turn(page, scene, 4, "gpus")
        assert legend(page, "Utilisation") == "GPU 0 93 %"
        assert legend(page, "Tokens per second") == "tier1 4,120"
        scene.bodies["gpus"]["devices"] = []
        scene.bodies["gpus"]["engines"][0]["tokens_per_s"] = None
        turn(page, scene, 4, "gpus")
        assert legend(page, "Utilisation") == "GPU 0 unknown"
        assert legend(page, "Tokens per second") == "tier1 unknown"
        label = page.get_attribute(".chart[aria-label='Utilisation'] .plot", "aria-label")
        assert label == "GPU 0: unknown"


def test_no_line_leads_over_an_outage(browser: Browser, url: str, scene: Told) -> None:
    with opened(browser, expected=REFUSED) as page:
        show(page, url, "gpu")
        turn(page, scene, 4, "gpus")
        turn(page, scene, 8, "gpus")
        assert None not in drawn(page)[1], "one look that is late breaks no line"
        scene.failing = frozenset({"gpus"})
        for _ in range(4):
            turn(page, scene, 4, "gpus")
        scene.failing = frozenset()
        turn(page, scene, 4, "gpus")
        turn(page, scene, 4, "gpus")
        assert broken_once(*drawn(page))


def test_no_line_leads_over_the_time_a_tab_was_hidden(
    browser: Browser, url: str, scene: Told
) -> None:
    with opened(browser) as page:
        show(page, url, "gpu")
        turn(page, scene, 4, "gpus")
        page.evaluate(SEEN, "hidden")
        page.clock.run_for(3_600_000)
        page.evaluate(SEEN, "visible")
        page.wait_for_timeout(200)
        turn(page, scene, 4, "gpus")
        assert broken_once(*drawn(page))


def test_a_server_that_takes_long_is_seen_all_the_same(
    browser: Browser, url: str, scene: Told
) -> None:
    """Asked less often, by the page's own choice: then its looks are further apart."""
    with opened(browser) as page:
        show(page, url, "gpu")
        page.evaluate(SLOW)
        for _ in range(4):
            turn(page, scene, 21, "gpus")
        at, values = drawn(page)
        assert at[-1] - at[-2] > 15 and values[-3:] == [0.93] * 3


def broken_once(at: list[float], values: list[float | None]) -> bool:
    """In the longest time between two looks, and nowhere else."""
    (hole,) = [place for place, value in enumerate(values) if value is None]
    return at == sorted(at) and at[hole + 1] - at[hole - 1] > 9


def test_a_tab_that_stays_open_keeps_no_more(browser: Browser, url: str, scene: Told) -> None:
    with opened(browser) as page:
        show(page, url, "alarms")  # which has no charts of its own, however long this takes
        page.evaluate(LOOKS, {"body": scene.bodies["gpus"], "count": 300})
        assert len(drawn(page)[0]) == 240
        assert page.evaluate("window.uPlot.sync('rungwise').plots.length") == 2
        page.evaluate("window.left()")
        assert page.evaluate("window.uPlot.sync('rungwise').plots.length") == 0


# ---- courses by slots ----


def test_without_a_cursor_the_last_slot_that_is_over_is_told(
    browser: Browser, url: str, scene: Told
) -> None:
    body = scene.bodies["series"]
    body["p50_ms"][-3:] = 700.0, 800.0, 12.0  # the last one has only begun
    body["p95_ms"][-3:] = 900.0, None, None
    body["right"][-3:], body["labelled"][-3:] = [1, 0, 0], [2, 0, 0]
    for rung, (over, running) in {"tier1": (41, 0), "tier3": (12, 1)}.items():
        body["answers"][rung][-2:] = over, running
    with opened(browser) as page:
        show(page, url)
        assert legend(page, "Latency") == "p50 800 ms p95 unknown"
        assert legend(page, "Answers by rung") == "tier1 41 tier3 12"
        assert legend(page, "Right and climbed").startswith("right unknown climbed")
        begun = page.evaluate(HOUR, body["at"][-2])
        for title in SLOTS:
            assert read(page, f".chart[aria-label='{title}'] time") == begun
        plot = page.locator(".chart[aria-label='Latency'] .u-over")
        plot.hover(position={"x": 1, "y": 20})
        first = page.evaluate(HOUR, body["at"][0])
        assert read(page, ".chart[aria-label='Latency'] time") == first, "under the cursor"
        page.mouse.move(1, 1)
        assert legend(page, "Latency") == "p50 800 ms p95 unknown"


DRAWN = """performance.now = () => 0;
const ask = window.fetch;
window.asking = 0;
window.fetch = (...what) => (window.asking++, ask(...what).finally(() => window.asking--));
document.addEventListener('DOMContentLoaded', () => {
  const Plot = window.uPlot;
  window.drawn = [];
  window.uPlot = Object.assign(function (options, data, into) {
    window.drawn = [...window.drawn.slice(-9), JSON.parse(JSON.stringify(data))];
    return new Plot(options, data, into);
  }, Plot);
})"""
SEEN = """(state) => {
  Object.defineProperty(document, 'visibilityState', { value: state, configurable: true });
  document.dispatchEvent(new Event('visibilitychange'));
}"""
SLOW = """() => {
  let asked = 0;
  performance.now = () => 1000 * asked++; // a question takes a second or two
}"""
LOOKS = """async ({ body, count }) => {
  const { gpu } = await import('./views/gpu.js');
  const view = gpu.open({ onLeave: (end) => (window.left = end) });
  for (let look = 0; look < count; look++) view.needs[0].heard(body, 3);
}"""
"""A view's course, without waiting for its looks."""
HOUR = """(at) => {
  const [hours, minutes] = [new Date(1000 * at).getHours(), new Date(1000 * at).getMinutes()];
  return [hours, minutes].map((part) => String(part).padStart(2, '0')).join(':');
}"""
