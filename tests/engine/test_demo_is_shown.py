"""Do the page, the JSON behind it and the boards show a run of the demo as its ledger has it?

The demo's own processes run once, with fewer steps; a real Prometheus watches them, and a real
browser looks afterwards. What they show is compared with a recount of the ledger's entries.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from tests.boards import Shown, agree, asked_of_engines, shown_since, unshown
from tests.browser import opened, read
from tests.prometheus import Prometheus, prometheus
from tests.recount import bin_of, counters, cumulated, figures, grouped, judged, slots

from rungwise.demo.ladder import DemoServer, demo_ladder
from rungwise.demo.run import demo_steps, send_all
from rungwise.ledger.lines import Line
from rungwise.ledger.report import read_report
from rungwise.ledger.sql import read_entries
from rungwise.types import Attempt, Entry

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator

pytestmark = [pytest.mark.engine, pytest.mark.filterwarnings("ignore")]

CONFIG = Path(__file__).parents[2] / "configs" / "demo.yaml"
STEPS = 36
"""Sent twice by each of four routes: what the second time is counted was seen before."""
BUCKET, DRAWN = 0.01, 0.124
"""How near percentiles are that are told, and those that are only drawn."""
AUDITED = 'sum(rungwise_audits_total{became=~"agreed|disagreed|undecided|failed"})'
BEGUN = 'sum(rungwise_audits_total{became="begun"})'


@dataclass(frozen=True, slots=True)
class Run:
    """What is left of the run: who still answers, what was written down, what Prometheus saw."""

    url: str
    entries: Sequence[Entry]
    audits: Sequence[Entry]
    shown: Shown
    before: Line
    after: Line
    counted: Mapping[str, Mapping[tuple[str, ...], float]]
    spread: Mapping[float, float]
    """How many answers took no longer than so many seconds."""
    empty: Sequence[str]
    """Of the panels of engines."""

    def told(self, path: str, **given: Any) -> Any:
        answer = httpx.get(f"{self.url}/v1/{path}", params=given, trust_env=False)
        assert answer.status_code == 200, answer.text
        return answer.json()

    @property
    def climbed(self) -> Entry:
        """One that was doubted, by its confidence, and answered higher up."""
        return next(
            entry
            for entry in self.entries
            if entry.route == "auto"
            and [a.state for a in entry.attempts][:2] == ["abandoned", "released"]
            and entry.attempts[0].confidence is not None
        )


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    folder = tmp_path_factory.mktemp("demo")
    with demo_ladder(CONFIG, folder, 0, lambda _: None) as server:
        yield asyncio.run(watched(server))


async def watched(server: DemoServer) -> Run:
    async with prometheus(int(server.url.rsplit(":", 1)[1])) as seen:
        await seen.scraped()
        await send(server)
        await seen.scraped()
        before, began = read_report(server.ledger).all, await seen.number("time()")
        await seen.scraped()
        await send(server)
        await seen.until(f"{AUDITED} == on () {BEGUN}")
        await seen.scraped()
        after, shown = read_report(server.ledger).all, await shown_since(seen, began)
        written = list(read_entries(server.ledger, audits=True))
        steps = [entry for entry in written if entry.audits is None]
        return Run(
            url=server.url,
            entries=steps,
            audits=[entry for entry in written if entry.audits is not None],
            shown=shown,
            before=before,
            after=after,
            counted={expr: await by_labels(seen, expr) for expr in counters(steps)},
            spread=await spread(seen),
            empty=await unshown(seen, asked_of_engines()),
        )


async def send(server: DemoServer) -> None:
    answered = await send_all(server.url, demo_steps(STEPS), concurrency=8, progress=lambda: None)
    assert [step.error for step in answered if step.error] == []


async def by_labels(seen: Prometheus, expr: str) -> Mapping[tuple[str, ...], float]:
    """What is not zero, by the labels that it names, in that order."""
    labels = expr.removeprefix("sum by (").partition(")")[0].split(", ")
    samples = [sample for sample in await seen.ask(expr) if sample.value]
    return {tuple(sample.labels[name] for name in labels): sample.value for sample in samples}


async def spread(seen: Prometheus) -> Mapping[float, float]:
    samples = await seen.ask("sum by (le) (rungwise_answer_seconds_bucket)")
    return {float(sample.labels["le"]): sample.value for sample in samples}


# ---- the JSON --------------------------------------------------------------------------------


def same(told: Mapping[str, Any], counted: Mapping[str, Any], *but: str) -> None:
    """Each figure that was counted is told: counts exactly, percentiles by their buckets."""
    for name, value in counted.items():
        if name in but:
            continue
        if name == "rungs":
            assert [{key: rung[key] for key in value[0]} for rung in told[name]] == [
                {key: near(number) for key, number in rung.items()} for rung in value
            ]
        elif name == "against":
            assert told[name].keys() == value.keys()
            for tier, one in value.items():
                assert told[name][tier] == pytest.approx(one, rel=1e-12), (name, tier)
        elif re.match(r"(first_byte_)?p\d\d_ms", name):
            assert told[name] == pytest.approx(value, rel=BUCKET), name
        else:
            assert told[name] == near(value), name


def near(value: Any) -> Any:
    """Sums of the same floats in another order."""
    kinds = float, dict
    return pytest.approx(value, rel=1e-12) if isinstance(value, kinds) else value


BY = {
    "route": lambda entry: entry.route,
    "step_type": lambda entry: entry.step_type.value,
    "key": lambda entry: entry.caller,
    "day": lambda entry: datetime.fromtimestamp(entry.at, UTC).date().isoformat(),
}


def test_the_run_is_whole(run: Run) -> None:
    assert len(run.entries) == 2 * 4 * STEPS + 1, "and the first answer, before it was watched"
    assert {entry.state for entry in run.entries} == {"answered"}
    assert sum(entry.outcome is not None for entry in run.entries) == 2 * 4 * STEPS


@pytest.mark.parametrize("by", BY)
def test_figures_are_what_the_entries_add_up_to(run: Run, by: str) -> None:
    told = run.told("figures", by=by)
    groups = grouped(run.entries, BY[by])
    unknown = [name for name in told["all"] if "task" in name] if by == "step_type" else []
    assert told["all"]["steps"] == len(run.entries)
    same(told["all"], figures(run.entries), *unknown)
    assert {group[by] for group in told["groups"]} == groups.keys()
    for group in told["groups"]:
        same(group, figures(groups[group[by]]), *unknown)


def test_audits_are_told_apart(run: Run) -> None:
    told = run.told("figures")
    attempts = [attempt for audit in run.audits for attempt in audit.attempts]
    assert sum(looked["attempts"] for looked in told["audits"]) == len(attempts)
    cost = sum(attempt.cost_nano or 0 for attempt in attempts) / 1e9
    assert told["audited"]["cost_usd"] == pytest.approx(cost, rel=1e-12)


def test_each_slot_is_what_its_entries_add_up_to(run: Run) -> None:
    told = run.told("series", window="3h")
    counted = slots(run.entries, told["slot_s"])
    assert counted.keys() <= set(told["at"])
    for place, at in enumerate(told["at"]):
        one = counted.get(at)
        assert told["steps"][place] == (one["steps"] if one else 0)
        for name, value in (one or {}).items():
            if name == "answers":
                given = {tier: column[place] for tier, column in told[name].items()}
                assert {tier: count for tier, count in given.items() if count} == value
            else:
                off = DRAWN if name.endswith("_ms") else 1e-12
                assert told[name][place] == pytest.approx(value, rel=off), name


def test_every_answer_is_listed_as_it_was_written_down(run: Run) -> None:
    listed: list[dict[str, Any]] = []
    more: dict[str, str] = {}
    while more is not None:
        page = run.told("answers", limit=200, **more)
        listed += page["data"]
        more = {"before": page["next"]} if page["next"] else None  # type: ignore[assignment]
    newest = sorted(run.entries, key=lambda entry: (entry.at, entry.id), reverse=True)
    assert [row["id"] for row in listed] == [entry.id for entry in newest]
    for row, entry in zip(listed, newest, strict=True):
        assert (row["at"], row["route"], row["tier"]) == (entry.at, entry.route, entry.tier)
        assert row["step_type"] == entry.step_type.value and row["state"] == entry.state
        assert row["latency_ms"] == pytest.approx(1000 * entry.latency_s, abs=0.001)
        assert row["cost_usd"] == pytest.approx((entry.cost_nano or 0) / 1e9, rel=1e-12)
        drafts = [a for a in entry.attempts if a.role == "draft"]
        assert [(one["tier"], one["state"]) for one in row["tried"]] == [
            (draft.tier, draft.state) for draft in drafts
        ]
        assert [one["confidence"] for one in row["tried"]] == [sure(draft) for draft in drafts]
        right = entry.outcome.right if entry.outcome else None
        assert (row["outcome"] or {"right": None})["right"] == right


def test_one_answer_is_told_whole(run: Run) -> None:
    entry = run.climbed
    told = run.told(f"answers/{entry.id}")
    for one, attempt in zip(told["attempts"], entry.attempts, strict=True):
        assert (one["tier"], one["role"], one["state"]) == (
            attempt.tier,
            attempt.role,
            attempt.state,
        )
        assert one["reason"] == attempt.reason and one["threshold"] == attempt.threshold
        assert (one["confidence"] or {}).get("probability") == sure(attempt)
        assert one["readings"] == {r.signal: r.value for r in attempt.readings}


def test_the_bins_of_a_calibration_are_its_drafts(run: Run) -> None:
    for told in run.told("calibrations")["data"]:
        drafts = judged(run.entries, told["tier"])
        assert told["labelled"] == len(drafts) == sum(one["count"] for one in told["bins"])
        for one in told["bins"]:
            counted = bin_of(drafts, one["low"], one["high"])
            assert {name: one[name] for name in counted} == pytest.approx(counted, rel=1e-12)


def sure(attempt: Attempt) -> float | None:
    return attempt.confidence.probability if attempt.confidence else None


# ---- the boards ------------------------------------------------------------------------------


def test_raw_counters_are_what_the_entries_add_up_to(run: Run) -> None:
    for expr, counted in counters(run.entries).items():
        assert run.counted[expr] == pytest.approx(counted, rel=1e-9), expr


def test_buckets_of_latency_hold_the_entries(run: Run) -> None:
    took = [entry.latency_s for entry in run.entries]
    assert run.spread == {bound: cumulated(took, bound) for bound in run.spread}
    assert run.spread[float("inf")] == len(took)


def test_the_head_of_the_overview_agrees_with_the_ledger(run: Run) -> None:
    agree(run.shown, run.before, run.after, near=0.05)


def test_every_panel_of_engines_shows_the_demos(run: Run) -> None:
    assert not run.empty, "\n" + "\n".join(run.empty)


# ---- the page --------------------------------------------------------------------------------


def bigs(card: Locator) -> dict[str, str]:
    """The large numbers of a card, by their heads."""
    heads, values = card.locator(".big dt"), card.locator(".big dd:not(.under)").all()
    return dict(zip(heads.all_inner_texts(), [read(one, "") for one in values], strict=True))


def number(text: str) -> float:
    """What a person reads, in milliseconds, dollars or per cent."""
    found = re.search(r"[\d,]+(?:\.\d+)?", text)
    assert found, text
    value = float(found[0].replace(",", ""))
    return 1000 * value if text.endswith(" s") else value


@pytest.mark.parametrize("route", ["auto", "tier1", "tier2", "tier3", None])
def test_the_overview_shows_the_ledgers_numbers(
    run: Run, browser: Browser, route: str | None
) -> None:
    counted = figures([e for e in run.entries if route in (None, e.route)])
    with opened(browser) as page:
        page.goto(f"{run.url}/ui#/")
        page.wait_for_selector("main[data-ready]")
        link = page.get_by_role("link", name=route or "", exact=True)
        card = page.locator(".route.whole" if route is None else ".grid .route")
        card = card if route is None else card.filter(has=link)
        told, text = bigs(card), read(card, "")
    assert number(told["Accuracy"]) == pytest.approx(100 * counted["accuracy"], abs=0.051)
    p95 = counted["p95_ms"]
    rounded = 5 if p95 >= 990 else 0  # over a second it is shown to 10 ms
    assert number(told["Latency p95"]) == pytest.approx(p95, abs=max(6, 0.011 * p95 + rounded))
    assert number(told["Cost per task"]) == pytest.approx(counted["cost_per_task_usd"], rel=6e-3)
    saved = counted["against"]["tier3"]["saved"]
    assert number(told["Saved"].replace("\u2212", "")) == pytest.approx(abs(100 * saved), abs=0.051)
    assert f"{counted['steps']} steps" in text and f"{counted['labelled']} labels" in text
    for tier, share in counted["share"].items():
        (shown,) = re.findall(rf"{tier}\s+([\d.]+) %", text)
        assert float(shown) == pytest.approx(100 * share, abs=0.051)


def test_a_story_shows_its_rungs_and_confidences(run: Run, browser: Browser) -> None:
    entry = run.climbed
    with opened(browser) as page:
        page.goto(f"{run.url}/ui#/answer/{entry.id}")
        page.wait_for_selector("main[data-ready=answer]")
        rungs = [read(rung, "") for rung in page.locator(".story").first.locator(".rung").all()]
        told = bigs(page.locator(".panel").first)
    assert len(rungs) == len(entry.attempts)
    for text, attempt in zip(rungs, entry.attempts, strict=True):
        assert attempt.tier in text and attempt.model in text and attempt.reason in text
        if (said := sure(attempt)) is not None and attempt.threshold is not None:
            assert f"Confidence {p(said)}, threshold {p(attempt.threshold)}" in text
    assert "Climbs: " in rungs[0] and "given to the caller" in rungs[-1]
    assert told["Answered by"] == entry.tier
    assert number(told["Cost"]) == pytest.approx((entry.cost_nano or 0) / 1e9, rel=6e-3)


def p(value: float) -> str:
    """As the page tells a probability."""
    return f"{value:.3f}" if 0.995 < value < 1 else f"{value:.2f}"


def test_the_calibration_view_shows_the_ledgers_bins(run: Run, browser: Browser) -> None:
    with opened(browser) as page:
        page.goto(f"{run.url}/ui#/calibration")
        page.wait_for_selector("main[data-ready=calibration]")
        found = {
            panel.locator("h3").inner_text(): panel.locator(".bin title").all_text_contents()
            for panel in page.locator(".panel.calibration").all()
        }
    calibrations = run.told("calibrations")["data"]
    assert found.keys() == {told["tier"] for told in calibrations} and any(found.values())
    for told in calibrations:
        drafts, titles = judged(run.entries, told["tier"]), found[told["tier"]]
        bins = [bin_of(drafts, one["low"], one["high"]) for one in told["bins"]]
        for title, counted in zip(titles, bins, strict=True):
            said, right, count = map(float, re.findall(r"\d+(?:\.\d+)?", title))
            assert said == pytest.approx(counted["said"], abs=0.0051)
            assert right == pytest.approx(100 * counted["right"], abs=0.051)
            assert count == counted["count"]


@pytest.mark.parametrize("view", ["routes", "answers", "gpu", "alarms"])
def test_every_other_view_shows_the_run(run: Run, browser: Browser, view: str) -> None:
    with opened(browser) as page:
        page.goto(f"{run.url}/ui#/{view}")
        page.wait_for_selector("main[data-ready]")
        text = read(page)
    assert "NaN" not in text and "undefined" not in text
    if view == "gpu":
        assert "tier1" in text and "demo-bottom" in text
