"""Is money told as the ledger knows it? Never as nothing, and a step's never as a task's."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from rungwise.types import Baseline, Outcome
from tests.browser import opened, read
from tests.edge.looking import NOW, STEP
from tests.page.test_whole import kept

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PRICED = replace(STEP.attempts[0], cost_nano=1_000_000, uncached_nano=1_100_000)
UNPRICED = replace(PRICED, cost_nano=None, uncached_nano=None)
T2, T3 = Baseline(tier="t2", nano=None), Baseline(tier="t3", nano=4_000_000)
RIGHT = Outcome(right=True)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """`none`: 5 steps without a price. `some`: 10 of one task, the last one without."""
    none = [replace(STEP, route="none", attempts=(UNPRICED,), baselines=(T2, T3))] * 5
    some = [replace(STEP, route="some", attempts=(PRICED,), task="t", baselines=(T2, T3))] * 9
    some += [replace(some[0], attempts=(UNPRICED,))]
    entries = [
        replace(step, id=f"req_{n:02}", at=NOW - 20 + n, outcome=RIGHT)
        for n, step in enumerate((*none, *some))
    ]
    with kept(tmp_path_factory.mktemp("money") / "ledger.db", entries) as url:
        yield url


def show(page: Page, url: str, view: str) -> None:
    page.goto(f"{url}/ui#/{view}")
    page.wait_for_selector("main[data-ready]")


def cells(page: Page, table: str, row: str) -> dict[str, str]:
    """A row's cells, by their heads."""
    (line,) = page.locator(f"[aria-label='{table}'] tr:has(td:first-child:has-text('{row}'))").all()
    return {str(td.get_attribute("data-head")): read(td, "") for td in line.locator("td").all()}


def test_what_has_no_price_is_unknown_and_never_nothing(browser: Browser, url: str) -> None:
    with opened(browser) as page:
        show(page, url, "routes?days=all")
        line = cells(page, "Figures by route", "none")
        assert line["Cost"] == "unknown\n5 unpriced"
        assert line["Per task"] == line["Per correct"] == "unknown"
        one = cells(page, "Baselines", "t2")
        assert one["Would cost"] == one["Did cost"] == one["Saved"] == "unknown"
        assert one["Instead of"] == "t2\n0 of 15 answers"
        assert not re.search(r"\$0(?![.\d])", read(page))


def test_a_sum_says_how_many_prices_it_lacks(browser: Browser, url: str) -> None:
    with opened(browser) as page:
        show(page, url, "routes?days=all")
        assert cells(page, "Figures by route", "some")["Cost"] == "$0.00900\n1 unpriced"
        assert cells(page, "Figures by route", "All")["Cost"] == "$0.00900\n6 unpriced"
        assert "$0.000900\n6 unpriced" in read(page, "[aria-label^='Audits']")
        assert cells(page, "Rungs", "tier1")["Cost"] == "$0.00900\n6 unpriced"
        one = cells(page, "Baselines", "t3")
        assert (one["Instead of"], one["Would cost"]) == ("t3\n9 of 15 answers", "$0.0360")
        show(page, url, "?days=all")
        assert "against t3 alone: $0.0360 · 9 of 10 answers" in read(page, ".grid.routes")


def test_a_task_is_never_told_at_the_cost_of_a_step(browser: Browser, url: str) -> None:
    with opened(browser) as page:
        show(page, url, "routes?days=all")
        line = cells(page, "Figures by route", "some")
        assert line["Tasks"] == "1" and line["Per task"] == line["Per correct"] == "unknown"
        show(page, url, "?days=all")
        card = read(page.locator(".grid .route", has_text="some"), "")
        assert "Cost per task\nunknown" in card and "per correct one" not in card


@pytest.mark.parametrize("by", ["step_type", "tier"])
def test_where_steps_are_counted_money_is_theirs(browser: Browser, url: str, by: str) -> None:
    with opened(browser) as page:
        show(page, url, f"routes?by={by}&days=all&sort=-cost_per_task_usd")
        line = cells(page, f"Figures by {by.replace('_', ' ')}", "All")
        assert line["Per step"] == line["Per correct"] == "$0.00100" and "Per task" not in line
        assert "Per step" in page.inner_text("th[aria-sort=descending]")
