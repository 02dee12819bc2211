"""Which tokens are labels, and do label reads keep out of other drafts' way?"""

from __future__ import annotations

import asyncio
import time

import pytest

from rungwise.tiers.local.busy import BusyClock
from rungwise.tiers.local.vllm_labels import LabelReads, tokens_of
from rungwise.tiers.local.vllm_meter import EngineMeter
from rungwise.tiers.local.vllm_tap import Tap

pytestmark = pytest.mark.anyio

YES_NO = ("yes", "no")


class Vocabulary:
    """Takes the longest token that fits, letter by letter where none does."""

    def __init__(self, *tokens: str) -> None:
        self.tokens = [*tokens, *" abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"]

    def encode(self, text: str, add_special_tokens: bool) -> list[int]:
        assert not add_special_tokens
        found: list[int] = []
        while text:
            token = max((t for t in self.tokens if text.startswith(t)), key=len)
            found.append(self.tokens.index(token))
            text = text[len(token) :]
        return found

    def decode(self, ids: list[int]) -> str:
        return "".join(self.tokens[i] for i in ids)


WORDS = Vocabulary("yes", "no", " yes", " no", "Yes", "No", " Yes", " No")


def tap(*, top: int | None = None, likeliest: int = 0, read: bool = True) -> Tap:
    meter = EngineMeter(model="m", clock=BusyClock(time.perf_counter))
    return Tap(None, meter, read=read, top=top, likeliest=likeliest)


def reads(*, apart: bool = True, most: int = 20) -> LabelReads:
    return LabelReads(WORDS, most=most, apart=apart)


def test_every_spelling_of_a_label_the_plainest_first() -> None:
    found = [WORDS.tokens[i] for i in tokens_of(WORDS, YES_NO)]
    assert found[:8] == ["yes", "no", " yes", " no", "Yes", "No", " Yes", " No"]
    assert set(found[8:]) == {"Y", "N"}, "of YES and NO, which are no tokens here"


def test_a_small_vocabulary_has_the_first_letters() -> None:
    letters = Vocabulary()
    assert [letters.tokens[i] for i in tokens_of(letters, YES_NO)] == ["y", "n", "Y", "N"]


def test_a_token_that_begins_two_labels_stands_for_none() -> None:
    assert tokens_of(Vocabulary(), ("true", "tree")) == ()
    assert tokens_of(Vocabulary("tru"), ("true", "tree")) == (0,)


async def test_a_label_read_asks_for_the_labels_and_no_more_than_the_engine_gives() -> None:
    for most, count in ((20, 10), (4, 4)):
        subject, asking = reads(most=most), tap(top=20, read=False)
        async with subject.admitted(asking, YES_NO):
            assert (subject.most, len(asking.asked)) == (most, count)


async def test_other_drafts_ask_for_nothing_of_the_kind() -> None:
    for other in (tap(), tap(top=3), tap(likeliest=2)):
        async with reads().admitted(other, ()):
            assert other.asked == ()


@pytest.mark.parametrize("apart", [True, False])
async def test_beside_a_draft_that_wants_alternatives_a_label_read_takes_the_likeliest(
    apart: bool,
) -> None:
    subject, asking = reads(apart=apart), tap(top=20, read=False)
    async with subject.admitted(tap(likeliest=2), ()), subject.admitted(asking, YES_NO):
        assert bool(asking.asked) != apart
    later = tap(top=20, read=False)
    async with subject.admitted(later, YES_NO):
        assert later.asked


async def test_beside_a_draft_that_wants_none_it_asks_for_the_labels() -> None:
    subject, asking = reads(), tap(top=20, read=False)
    async with subject.admitted(tap(top=0), ()), subject.admitted(asking, YES_NO):
        assert asking.asked


async def test_a_draft_that_wants_alternatives_waits_for_label_reads() -> None:
    subject = reads()
    entered: list[str] = []

    async def enter(name: str, draft: Tap) -> None:
        async with subject.admitted(draft, ()):
            entered.append(name)

    async with subject.admitted(tap(top=20, read=False), YES_NO):
        waiting = asyncio.ensure_future(enter("wide", tap(likeliest=2)))
        await enter("narrow", tap())
        assert entered == ["narrow"]
        newcomer = tap(top=20, read=False)
        follower = asyncio.ensure_future(subject.admitted(newcomer, YES_NO).__aenter__())
        await asyncio.sleep(0)
        assert not newcomer.asked, "nobody overtakes the one who waits"
    await waiting
    assert entered == ["narrow", "wide"]
    await follower


async def test_without_need_nobody_waits() -> None:
    subject = reads(apart=False)
    async with (
        subject.admitted(tap(top=20, read=False), YES_NO),
        asyncio.timeout(1),
        subject.admitted(tap(likeliest=2), ()),
    ):
        pass


async def test_a_wait_that_is_cancelled_leaves_nothing_behind() -> None:
    subject, asking = reads(), tap(top=20, read=False)
    async with subject.admitted(tap(top=20, read=False), YES_NO):
        waiting = asyncio.ensure_future(subject.admitted(tap(top=3), ()).__aenter__())
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    async with subject.admitted(asking, YES_NO):
        assert asking.asked
