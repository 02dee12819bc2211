"""Does /ui show what is so, to people, on any screen, whatever the data holds?"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from tests.browser import opened, read, serving_on_a_thread
from tests.outside import free_port
from tests.page.double import HOSTILE, Told, app_of, nothing, told

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

STORY = "answer/req_" + "0" * 24
VIEWS = ("", "routes", "answers", STORY, "calibration", "gpu", "alarms")
REFUSED = ("Failed to load resource",)


def show(page: Page, url: str, view: str = "") -> None:
    page.goto(f"{url}/ui#/{view}")
    page.wait_for_selector("main[data-ready]")


def too_wide(page: Page) -> int:
    return int(page.evaluate("document.documentElement.scrollWidth - innerWidth"))


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("phone", [False, True], ids=["desk", "phone"])
def test_every_view_shows_its_data_and_never_scrolls_sideways(
    browser: Browser, url: str, view: str, phone: bool
) -> None:
    with opened(browser, phone=phone, dark=phone) as page:
        show(page, url, view)
        assert "tier1" in page.inner_text("main")
        assert too_wide(page) <= 0


@pytest.mark.parametrize("view", [view for view in VIEWS if view != STORY])
def test_a_server_that_answered_nothing_yet_says_what_to_do(
    browser: Browser, url: str, scene: Told, view: str
) -> None:
    scene.bodies = nothing()
    with opened(browser, phone=True) as page:
        show(page, url, view)
        text = read(page)
        assert "NaN" not in text and "undefined" not in text and "null" not in text
        assert too_wide(page) <= 0
        if not view:
            assert f"curl {url}/v1/chat/completions" in text
        if view == "gpu":
            assert "No GPU here" in text and "no NVIDIA driver here" in text


def test_the_course_of_a_gpu_goes_on_while_nothing_changes(browser: Browser, url: str) -> None:
    with opened(browser) as page:
        show(page, url, "gpu")
        page.evaluate(
            """() => {
              const Plot = window.uPlot;
              window.drawn = [];
              window.uPlot = Object.assign(function (options, data, into) {
                window.drawn.push(data[0].length);
                return new Plot(options, data, into);
              }, Plot);
            }"""
        )
        for _ in range(80):
            page.wait_for_timeout(250)
            if page.evaluate("window.drawn.some((moments) => moments >= 3)"):
                return
        raise AssertionError(page.evaluate("window.drawn"))


@pytest.mark.parametrize("hostile", HOSTILE, ids=range(len(HOSTILE)))
def test_names_of_others_are_text_and_nothing_else(
    browser: Browser, url: str, scene: Told, hostile: str
) -> None:
    names = ("tier1", "tier3", "model", "route", "reason", "task", "key")
    scene.bodies = told(dict.fromkeys(names, hostile), alarm=True)
    with opened(browser, phone=True) as page:
        for view in VIEWS:
            show(page, url, view)
            assert page.evaluate("window.hurt") is None
            assert not page.query_selector("main script, main img, a[href^='javascript:']")
            assert too_wide(page) <= 0, view
            page.goto("about:blank")


def test_what_is_not_known_is_never_told_as_nothing(
    browser: Browser, url: str, scene: Told
) -> None:
    def forgotten(value: object) -> object:
        if isinstance(value, dict):
            return {name: forgotten(one) for name, one in value.items()}
        if isinstance(value, list):
            return [forgotten(one) for one in value]
        return None if isinstance(value, float) else value

    scene.bodies = {path: forgotten(body) for path, body in scene.bodies.items()}
    with opened(browser) as page:
        for view in VIEWS:
            show(page, url, view)
            text = read(page)
            assert "NaN" not in text and "undefined" not in text and "null" not in text, view
            assert not re.search(r"\$0(?![.\d])|\b0\.0 %", text), view
        assert "unknown" in text or view == "alarms"


def test_three_numbers_of_a_route_come_with_what_they_rest_on(browser: Browser, url: str) -> None:
    with opened(browser) as page:
        show(page, url)
        card = read(page.locator(".route", has_text="auto:planning").last, "")
    for part in ("95.8 %", "89.7 to 98.4 % · 95 labels", "2.43 s", "$0.00362", "70.7 %", "74.2 %"):
        assert part in card


def test_alarms_stand_on_top_with_their_reason(browser: Browser, url: str) -> None:
    with opened(browser) as page:
        show(page, url)
        page.wait_for_selector(".alarm")
        assert "right fell from 95.1 % to 88.4 %" in page.inner_text(".alarm")
        where = "document.querySelector('{}').getBoundingClientRect().top"
        assert page.evaluate(f"{where.format('.alarm')} < {where.format('.route')}")


def test_a_story_tells_why_it_climbed(browser: Browser, url: str) -> None:
    with opened(browser) as page:
        show(page, url, STORY)
        low, check, high = page.locator(".story").first.locator(".rung").all()
        assert "Climbs: confidence 0.41 is under 0.90" in low.inner_text()
        assert "Confidence 0.41, threshold 0.90" in low.inner_text()
        assert "self check" in check.inner_text()
        assert "given to the caller" in high.inner_text()
        assert "no worse than the higher rung" in page.inner_text("main")


def test_a_story_counts_every_token_once(browser: Browser, url: str) -> None:
    with opened(browser) as page:
        show(page, url, STORY)
        low, _, high = page.locator(".story").first.locator(".rung").all()
        said = [read(rung, ".readings.quiet") for rung in (low, high)]
    assert "Tokens in\n1,642 (1,210 cached)" in said[0], "402 + 1210 + 30 for five minutes"
    assert "Tokens out\n136 (40 thinking)" in said[0]
    assert "Tokens in\n2,112 (1,210 cached)" in said[1], "402 + 1210 + 500 for an hour"
    assert "Tokens out\n96" in said[1] and "thinking" not in said[1]


@pytest.mark.parametrize("view", [*VIEWS, *(f"routes?by={by}" for by in ("step_type", "key"))])
def test_a_view_reads_nothing_that_the_server_does_not_send(
    browser: Browser, url: str, view: str
) -> None:
    with opened(browser) as page:
        page.add_init_script(WATCHED)
        show(page, url, view)
        page.wait_for_selector("main:not(:has([aria-busy]))")
        assert page.evaluate("[...window.unsent]") == []


def test_a_fault_of_a_view_is_told_as_one_and_the_same_data_are_shown_later(
    browser: Browser, url: str
) -> None:
    with opened(browser, expected=("broken",)) as page:
        page.clock.install()
        page.add_init_script(BROKEN)
        show(page, url)
        assert "A fault of this page" in read(page, ".figures")
        assert "cannot be shown: broken" in read(page, ".figures")
        assert "Live" in page.inner_text("#live") and not page.query_selector("main[data-away]")
        page.evaluate("window.mend()")
        page.clock.run_for(6000)
        page.wait_for_selector(".figures .route")
        assert "A fault of this page" not in read(page, ".figures")


def test_what_is_asked_once_is_asked_again_until_it_is_there_and_no_longer(
    browser: Browser, url: str, scene: Told
) -> None:
    def asked() -> int:
        return sum(one.startswith("answers") for one in scene.asked)

    scene.status = 503
    with opened(browser, expected=REFUSED) as page:
        page.clock.install()
        page.goto(f"{url}/ui#/answers?before=abc")
        page.wait_for_selector("text=The server is away")
        scene.status = 200
        page.clock.run_for(6000)
        page.wait_for_selector("main[data-ready] tbody tr")
        assert asked() == 2
        for _ in range(4):
            page.clock.run_for(31_000)
            page.wait_for_timeout(50)
        assert asked() == 2
        assert sum(one.startswith("ladder") for one in scene.asked) > 2, "it went on"


def test_a_wrong_key_is_asked_for_again_and_a_right_one_is_kept(
    browser: Browser, url: str, scene: Told
) -> None:
    scene.key = "sk-right"
    with opened(browser, expected=REFUSED) as page:
        page.goto(f"{url}/ui")
        for secret in ("sk-wrong", "sk-right"):
            page.wait_for_selector("dialog[open]")
            page.fill("#door-key", secret)
            page.keyboard.press("Enter")
        page.wait_for_selector("main[data-ready=overview]")
        assert page.evaluate("sessionStorage.getItem('rungwise.key')") == "sk-right"
        page.reload()
        page.wait_for_selector("main[data-ready=overview]")
        assert not page.query_selector("dialog[open]")


def test_a_server_that_is_away_is_said_to_be_and_old_data_stays(
    browser: Browser, url: str, scene: Told
) -> None:
    with opened(browser, expected=REFUSED) as page:
        show(page, url)
        scene.status = 503
        page.wait_for_selector("main[data-away]")
        assert "Server away" in page.inner_text("#live") and "showing" in page.inner_text("#live")
        assert "95.8 %" in read(page)
        scene.status = 200
        page.wait_for_selector("main:not([data-away])")


def test_a_server_that_stops_listening_is_away_until_another_listens_there(
    browser: Browser, scene: Told
) -> None:
    port = free_port()
    with opened(browser, expected=REFUSED) as page:
        with serving_on_a_thread(app_of(scene), port) as url:
            show(page, url)
        page.wait_for_selector("main[data-away]")
        assert "Server away" in page.inner_text("#live") and "95.8 %" in read(page)
        page.click("nav >> text=Alarms")  # what was never shown says so
        page.wait_for_selector("text=The server is away")
        with serving_on_a_thread(app_of(scene), port):
            page.wait_for_selector("main[data-ready=alarms]:not([data-away])")
            assert "right fell" in read(page)


def test_a_server_that_never_answered_is_asked_again(
    browser: Browser, url: str, scene: Told
) -> None:
    scene.status = 503
    with opened(browser, expected=REFUSED) as page:
        page.goto(f"{url}/ui")
        page.wait_for_selector("text=The server is away")
        scene.status = 200
        page.wait_for_selector("main[data-ready=overview]")


def test_of_one_kind_one_request_is_open_at_a_time(browser: Browser, url: str, scene: Told) -> None:
    scene.wait_s = 0.3
    with opened(browser) as page:
        show(page, url)
        page.wait_for_timeout(100)
    figures = [asked for asked in scene.asked if asked.startswith("figures")]
    assert len(figures) == 1 and figures[0] == "figures?by=route&limit=200&days=7"


def test_the_back_button_and_deep_links_work(browser: Browser, url: str) -> None:
    with opened(browser) as page:
        show(page, url, "routes?by=step_type&days=30&sort=-cost_usd")
        assert page.get_attribute("th:has-text('Cost') >> nth=0", "aria-sort") == "descending"
        page.click("nav >> text=Answers")
        page.wait_for_selector("main[data-ready=answers]")
        page.click("tbody tr:first-child a")
        page.wait_for_selector("main[data-ready=answer]")
        page.go_back()
        page.wait_for_selector("main[data-ready=answers]")
        page.go_back()
        page.wait_for_selector("main[data-ready=routes]")
        assert page.get_attribute("[data-place=by-step_type]", "aria-pressed") == "true"


def test_older_answers_are_a_page_further(browser: Browser, url: str, scene: Told) -> None:
    with opened(browser) as page:
        show(page, url, "answers?tier=tier1")
        page.click("#older")
        page.wait_for_selector("text=Newest")
    next = quote(scene.bodies["answers"]["next"], safe="")
    assert f"answers?limit=50&tier=tier1&before={next}" in scene.asked


def test_the_keyboard_is_enough(browser: Browser, url: str) -> None:
    with opened(browser) as page:
        show(page, url, "routes")
        for _ in range(3):  # skip link, brand, the first view
            page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "Overview"
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        page.focus("[data-place='sort-cost_usd']")
        page.keyboard.press("Enter")
        page.wait_for_selector("th[aria-sort=descending] >> text=Cost")


def test_colours_follow_the_system_until_someone_chooses(browser: Browser, url: str) -> None:
    paper = "getComputedStyle(document.body).backgroundColor"
    with opened(browser, dark=True) as page:
        show(page, url)
        dark = page.evaluate(paper)
        page.click("#theme")
        light = page.evaluate(paper)
        assert dark == "rgb(14, 16, 20)" and light == "rgb(247, 248, 250)"
        page.reload()
        page.wait_for_selector("main[data-ready]")
        assert page.evaluate(paper) == light


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_texts_stand_out_from_what_they_stand_on(browser: Browser, url: str, dark: bool) -> None:
    """WCAG AA: 4.5 to 1, of each word's colour and the nearest colour behind it."""
    with opened(browser, dark=dark) as page:
        for view in VIEWS:
            show(page, url, view)
            page.wait_for_timeout(50)
            assert page.evaluate(CONTRAST) == [], view


def test_everything_to_press_has_a_name(browser: Browser, url: str) -> None:
    unnamed = """[...document.querySelectorAll('button, a, input, select, [role=img]')]
        .filter(one => !one.getAttribute('aria-label') && !one.textContent.trim())
        .filter(one => !one.labels?.length)
        .map(one => one.outerHTML)"""
    with opened(browser) as page:
        for view in VIEWS:
            show(page, url, view)
            assert page.evaluate(unnamed) == [], view


WATCHED = """(() => {
  const unsent = (window.unsent = new Set()), parse = JSON.parse;
  const get = (target, name) => {
    const own = typeof name === 'string' && !['toJSON', 'then'].includes(name); // not the engine's
    if (own && !(name in target)) unsent.add(name);
    return target[name];
  };
  const watched = (value) => {
    if (Array.isArray(value)) return value.map(watched);
    if (value === null || typeof value !== 'object') return value;
    const parts = Object.entries(value).map(([name, part]) => [name, watched(part)]);
    return new Proxy(Object.fromEntries(parts), { get });
  };
  JSON.parse = (text) => watched(parse(text));
})()"""
"""Writes down each name that is read of what was sent, and was not."""
BROKEN = """(() => {
  const say = Number.prototype.toLocaleString;
  Number.prototype.toLocaleString = () => { throw new Error('broken') };
  window.mend = () => { Number.prototype.toLocaleString = say; };
})()"""
CONTRAST = """(() => {
  const parsed = (text) => (text.match(/[\\d.]+/g) ?? []).map(Number);
  const linear = (part) => (part <= 10 ? part / 3294.6 : ((part / 255 + 0.055) / 1.055) ** 2.4);
  const light = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  const behind = (one) => {
    for (let at = one; at; at = at.parentElement) {
      const colour = parsed(getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const bad = [];
  for (const one of document.querySelectorAll('body *')) {
    const own = [...one.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!own || !one.checkVisibility() || one.closest('svg, dialog:not([open]), option')) continue;
    const [a, b] = [light(parsed(getComputedStyle(one).color)), light(behind(one))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) bad.push(`${ratio.toFixed(2)} ${one.outerHTML.slice(0, 120)}`);
  }
  return bad;
})()"""
