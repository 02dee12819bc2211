"""Is the day's money for audits never passed, however many run at once? With the real purse."""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rungwise.access.budget import AUDITS
from rungwise.config import PriceConfig
from rungwise.ledger.report import read_report
from rungwise.tiers.scripted import Script, ScriptedTier, fail, pause, say
from rungwise.types import Chat, Outcome, OutputShape, Usage
from tests.access.accounts import account
from tests.auditing.doubles import AT, CHAT, accepted, auditor, ended, words

pytestmark = pytest.mark.anyio

PROSE = "It rained all day in Paris, says a report that is long enough not to be a label at all."
NANO = 1_000
"""Of a token written; one read costs nothing."""


def rung(costs: list[int], most: int) -> ScriptedTier:
    """Its drafts use so many tokens each, in order, and none more than it says."""
    left = list(costs)

    def draft(chat: Chat) -> object:
        tokens = left.pop() if left else 1
        used = Usage(output=min(tokens, most))
        if tokens % 7 == 0:
            return say("half", finish=None, usage=used) + pause(0.001) + fail("broken")
        return pause(0.001) + say("0" if chat.labels else "Other words", usage=used)

    price = PriceConfig(input=0, output=NANO / 1000, cache_read=0)
    made = ScriptedTier("top", draft, local=False, price=price)  # type: ignore[arg-type]
    made.most = most * NANO
    return made


@given(
    costs=st.lists(st.integers(1, 40), max_size=30),
    most=st.integers(10, 40),
    audits=st.integers(1, 8),
    concurrent=st.integers(1, 8),
    budget=st.integers(0, 500),
)
@settings(max_examples=25)
def test_the_cap_of_a_day_is_never_passed(
    costs: list[int], most: int, audits: int, concurrent: int, budget: int
) -> None:
    async def main(folder: str) -> None:
        top = rung(costs, most)
        async with account(str(Path(folder) / "a.db")) as books:
            async with auditor(
                ScriptedTier("low"),
                top,
                ledger=books.ledger,
                purse=books.purse,
                concurrent=concurrent,
                usd_per_day=budget * NANO / 1e9,
            ) as made:
                for number in range(audits):
                    made.see(CHAT, words(PROSE), accepted(f"req_{number}"))
                    if number % 2:
                        await asyncio.sleep(0.002)
                        told = await books.books()
                        assert all(sum(used) <= budget * NANO for used in told.values())
                await ended(made)
            told = await books.books()
            assert not await books.open(), "nothing stays set aside"
            paid = sum(cost or 0 for cost in await books.costs())
            if made.counts.begun:
                spent, aside = told[AUDITS, "all", "day"]
                assert (spent, aside) == (paid, 0) and spent <= budget * NANO
            counts = made.counts
            assert counts.drawn == counts.begun + counts.skipped.total() == audits

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(main(folder))


async def test_usd_per_day_of_nothing_audits_nothing(tmp_path: Path) -> None:
    top = rung([], 10)
    async with (
        account(str(tmp_path / "a.db")) as books,
        auditor(
            ScriptedTier("low"), top, ledger=books.ledger, purse=books.purse, usd_per_day=0.0
        ) as made,
    ):
        made.see(CHAT, words(PROSE), accepted())
        await ended(made)
    assert not top.chats and made.counts.skipped == {"budget": 1}


@pytest.mark.parametrize(("text", "right"), [(PROSE, True), ("no JSON at all", False)])
async def test_the_ledger_keeps_the_outcome_and_the_audit_apart(
    tmp_path: Path, text: str, right: bool
) -> None:
    chat = CHAT if right else replace(CHAT, shape=OutputShape(schema={"type": "object"}))
    top = ScriptedTier("top", say(PROSE if right else "{}"), local=False, price=PriceConfig())
    async with account(str(tmp_path / "a.db")) as books:
        await books.ledger.record(accepted("req_1"))
        async with auditor(
            ScriptedTier("low"), top, ledger=books.ledger, purse=books.purse
        ) as made:
            made.see(chat, words(text), accepted("req_1"))
            await ended(made)
        audited, audit = await books.ledger.find("req_1"), await books.ledger.find("aud_1")
    assert audited is not None and audit is not None
    assert audited.outcome is not None
    assert (audited.outcome.right, audited.outcome.source) == (right, "audit")
    assert audited.cost_nano == 0
    assert (audit.audits, audit.state, audit.outcome) == ("req_1", "audited", None)
    assert [attempt.role for attempt in audit.attempts] == ["audit"]


async def test_the_report_has_audits_and_their_cost_on_a_line_of_their_own(tmp_path: Path) -> None:
    def judge(chat: Chat) -> Script:
        return say("0" if chat.labels else "Other words", usage=Usage(output=3))

    price = PriceConfig(input=0, output=NANO / 1000, cache_read=0)
    top = ScriptedTier("top", judge, local=False, price=price)
    async with (
        account(str(tmp_path / "a.db")) as books,
        auditor(ScriptedTier("low"), top, ledger=books.ledger, purse=books.purse) as made,
    ):
        for number in range(2):
            await books.ledger.record(accepted(f"req_{number}"))
            made.see(CHAT, words(PROSE), accepted(f"req_{number}"))
        await ended(made)
    report = read_report(str(tmp_path / "a.db"), ("route",))
    (line,) = report.lines
    assert (line.steps, line.answered, line.labelled, line.accuracy) == (2, 2, 2, 1.0)
    assert line.cost_per_step_nano == 0 and line.share == {"low": 1.0}
    told = report.audits
    assert (told.asked, told.audited, told.agreed) == (2, 2, 2)
    assert told.cost_nano == 2 * 3 * (3 * NANO) and not told.unpriced


async def test_what_the_caller_says_itself_is_believed_before_an_audit(tmp_path: Path) -> None:
    top = ScriptedTier("top", say(PROSE), local=False)
    async with account(str(tmp_path / "a.db")) as books:
        await books.ledger.record(accepted("req_1"))
        await books.ledger.label("req_1", Outcome(right=False, source="caller", at=AT))
        async with auditor(
            ScriptedTier("low"), top, ledger=books.ledger, purse=books.purse
        ) as made:
            made.see(CHAT, words(PROSE), accepted("req_1"))
            await ended(made)
        audited = await books.ledger.find("req_1")
    assert made.counts.agreed == 1 and audited is not None
    assert audited.outcome is not None and audited.outcome.source == "caller"
    assert not audited.outcome.right


async def test_what_was_cut_off_is_settled_too(tmp_path: Path) -> None:
    top = ScriptedTier("top", pause(30.0), local=False)
    top.most = 100
    async with account(str(tmp_path / "a.db")) as books:
        async with auditor(
            ScriptedTier("low"), top, ledger=books.ledger, purse=books.purse
        ) as made:
            made.see(CHAT, words(PROSE), accepted())
            await ended(made, begun=1)
            assert (await books.books())[AUDITS, "all", "day"] == (0, 300)
        assert not await books.open()
        assert [state for _, state in await books.entries()] == ["audited"]
