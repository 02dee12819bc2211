"""Does the page show what the ledger holds? The real routes on a real ledger, small and large."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rungwise.access.static import StaticKeyring
from rungwise.contracts import Keyring
from rungwise.edge.page import PageRoutes
from rungwise.lab.bench.ledger import DAYS, drawn
from rungwise.ledger.sql import SqlLedger
from rungwise.store.database import Database
from rungwise.store.sql import Store
from rungwise.types import Entry, Outcome, StepType
from tests.browser import opened, read, serving_on_a_thread
from tests.edge.looking import NOW, STEP, Keys, looked_at
from tests.page.double import HOSTILE

if TYPE_CHECKING:
    from playwright.sync_api import Browser

LARGE = 100_000
VIEWS = ("", "routes", "routes?by=key", "answers", "calibration", "gpu", "alarms")


@contextmanager
def kept(place: Path, entries: Sequence[Entry], keyring: Keyring | None = None) -> Iterator[str]:
    """The address of a server that reads these."""
    database, ledger = Database(place), SqlLedger(Store(place))
    database.open()
    for begin in range(0, len(entries), 20_000):
        (fault,) = database.write([partial(ledger.insert, entries=entries[begin : begin + 20_000])])
        assert fault is None
    database.close()
    store = Store(place)
    app = looked_at(store, keyring=keyring or StaticKeyring(()))

    @asynccontextmanager
    async def life(_: object):  # type: ignore[no-untyped-def]
        await store.start()
        yield
        await store.stop()

    page = PageRoutes()
    app.add_route("/ui", page.root)
    app.add_route("/ui/{name:path}", page.file)
    app.router.lifespan_context = life
    with serving_on_a_thread(app) as url:
        yield url


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    place = tmp_path_factory.mktemp("large") / "ledger.db"
    with kept(place, list(drawn(LARGE, begin=NOW - DAYS * 86_400))) as url:
        yield url


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("phone", [False, True], ids=["desk", "phone"])
def test_a_hundred_thousand_answers_are_shown(
    browser: Browser, large: str, view: str, phone: bool
) -> None:
    with opened(browser, phone=phone) as page:
        page.goto(f"{large}/ui#/{view}")
        page.wait_for_selector("main[data-ready]")
        text = read(page)
        assert "NaN" not in text and "undefined" not in text
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def test_every_count_is_the_ledgers(browser: Browser, large: str) -> None:
    with opened(browser) as page:
        page.goto(f"{large}/ui#/?days=all")
        page.wait_for_selector("main[data-ready]")
        told = page.evaluate("fetch('../v1/figures?by=route').then((said) => said.json())")
        assert told["all"]["steps"] == LARGE
        card = read(page, ".route.whole")
        assert f"{LARGE:,} steps" in card
        assert f"{100 * told['all']['accuracy']:.1f} %" in card


def test_a_story_is_reached_from_the_list(browser: Browser, large: str) -> None:
    with opened(browser) as page:
        page.goto(f"{large}/ui#/answers")
        page.wait_for_selector("main[data-ready=answers]")
        page.click("tbody tr:nth-child(2) a")
        page.wait_for_selector(".story .rung")


def test_a_key_that_sees_only_its_own_is_shown_nothing_of_others(
    browser: Browser, tmp_path: Path
) -> None:
    entries = [
        replace(
            STEP, id=f"req_{n}", at=NOW - n, caller=caller, task=f"task of {caller}", route=f"r{n}"
        )
        for n, caller in enumerate(("team", "rival", "rival", "team", "rival"))
    ]
    with (
        kept(tmp_path / "ledger.db", entries, Keys()) as url,
        opened(browser, expected=("Failed to load resource",)) as page,
    ):
        page.goto(f"{url}/ui")
        page.fill("#door-key", "team")
        page.keyboard.press("Enter")
        page.wait_for_selector("main[data-ready=overview]")
        whole, *cards = [read(card, "") for card in page.locator(".route").all()]
        assert "2 steps" in whole and "Latency p95\n1.00 s" in whole and "not kept" not in whole
        assert "Not for this key" not in read(page), "what it may not see is left out beside it"
        for card in cards:  # of one key's steps by route they are not kept
            assert "Latency p95\n1.00 s" in card and "of all your steps" in card
        page.wait_for_selector("text=The course of latencies is not kept by key")
        for view in ("routes", "routes?by=key", "answers"):
            page.goto(f"{url}/ui#/{view}")
            page.wait_for_selector(f"main[data-ready={view.partition('?')[0]}] table")
            assert "rival" not in page.content()
            assert ("kept of all its steps together" in read(page)) is (view == "routes")
        for view in ("calibration", "gpu", "alarms"):
            page.goto(f"{url}/ui#/{view}")
            page.wait_for_selector(f"main[data-ready={view}]")
            assert "Not for this key" in read(page) and "--sees-all" in read(page)
        page.goto(f"{url}/ui#/answer/req_1")
        page.wait_for_selector("text=no answer 'req_1'")


def test_hostile_names_of_a_real_ledger_are_text(browser: Browser, tmp_path: Path) -> None:
    entries = [
        replace(
            STEP,
            id=f"req_{number}",
            at=NOW - number,
            route=name,
            caller=name,
            task=name,
            plan_why=name,
            attempts=tuple(
                replace(one, tier=name, model=name, reason=name) for one in STEP.attempts
            ),
            outcome=Outcome(right=True),
            step_type=StepType.OPEN_CHAT,
        )
        for number, name in enumerate(name.replace("\x00", "") for name in HOSTILE)
    ]
    views = (*VIEWS, *(f"answer/{entry.id}" for entry in entries))
    with kept(tmp_path / "ledger.db", entries) as url, opened(browser, phone=True) as page:
        for view in views:
            page.goto(f"{url}/ui#/{view}")
            page.wait_for_selector("main[data-ready]")
            assert page.evaluate("window.hurt") is None
            assert not page.query_selector("main script, main img, a[href^='javascript:']")
            assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, view
            page.goto("about:blank")
