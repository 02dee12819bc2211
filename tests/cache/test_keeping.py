"""Which answers are given again, through the whole cascade, and which never are?"""

import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from rungwise.access.free import FreePurse
from rungwise.cache.keeping import REST_S, SAY_S, Keeping
from rungwise.cache.memory import MemoryShelf
from rungwise.cache.redis import RedisShelf
from rungwise.cache.sql import SqlShelf
from rungwise.cascade import Cascade
from rungwise.confidence.gate import CalibratedGate
from rungwise.config import GateConfig, PriceConfig
from rungwise.contracts import Cache
from rungwise.drafts import collect
from rungwise.errors import RungwiseError, StoreError
from rungwise.store.answers import pieces_from_json
from rungwise.store.sql import Store
from rungwise.story import Clock
from rungwise.tiers.scripted import Script, ScriptedTier, call, decline, fail, say, script
from rungwise.types import (
    Caller,
    Chat,
    Message,
    Piece,
    Released,
    Remembered,
    Sampling,
    Settled,
    StepType,
    Wish,
)
from rungwise.verify.checks import Checks
from tests.cache.test_memory import Hand
from tests.confidence.test_calibration import windowed
from tests.routed import routed
from tests.test_cascade import ListLedger, text_of

pytestmark = pytest.mark.anyio

CHAT = Chat(messages=(Message(role="user", text="what is it"),), sampling=Sampling(temperature=0))
ANSWER = Remembered(
    id="req_0", tier="t1", model="m", step_type=StepType.OPEN_CHAT, pieces=(Piece("hi"),)
)


class Texts:
    """A shelf that shows what is on it, and fails when it is told to."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}
        self.ill = False
        self.asked = 0

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def get(self, key: str) -> str | None:
        self._ask()
        return self.texts.get(key)

    async def put(self, key: str, tenant: str, text: str) -> None:
        self._ask()
        self.texts[key] = text

    def _ask(self) -> None:
        self.asked += 1
        if self.ill:
            raise StoreError("down")


def keeping(
    shelf: Texts | None = None,
    *,
    ladder: str = "a",
    any_temperature: bool = False,
    most_bytes: int = 10**6,
    now: Hand | None = None,
) -> Keeping:
    return Keeping(
        shelf or Texts(),
        ladder=ladder,
        any_temperature=any_temperature,
        most_bytes=most_bytes,
        now=now or Hand(),
    )


async def keeps(cache: Keeping, chat: Chat) -> bool:
    await cache.remember(chat, ANSWER)
    return await cache.recall(chat) is not None


# ---- for whom --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("temperature", "recall", "any_temperature", "kept"),
    [
        (0.0, None, False, True),
        (0.7, None, False, False),
        (None, None, False, False),
        (0.7, None, True, True),
        (None, None, True, True),
        (0.7, True, False, True),
        (None, True, False, True),
        (0.0, False, True, False),
        (0.7, False, True, False),
    ],
)
async def test_an_answer_that_chance_had_a_part_in_is_kept_only_where_that_is_asked(
    temperature: float | None, recall: bool | None, any_temperature: bool, kept: bool
) -> None:
    chat = replace(
        CHAT, sampling=Sampling(temperature=temperature, seed=1), wish=Wish(recall=recall)
    )
    assert await keeps(keeping(any_temperature=any_temperature), chat) is kept


async def test_a_question_for_probabilities_is_never_kept() -> None:
    assert not await keeps(keeping(any_temperature=True), replace(CHAT, labels=("yes", "no")))


async def test_who_will_not_have_a_remembered_answer_does_not_get_one() -> None:
    cache = keeping()
    await cache.remember(CHAT, ANSWER)
    assert await cache.recall(replace(CHAT, wish=Wish(recall=False))) is None
    assert await cache.recall(CHAT) == ANSWER


async def test_several_choices_and_log_probabilities_are_kept() -> None:
    sampling = Sampling(temperature=0, n=2, top_logprobs=1)
    assert await keeps(keeping(), replace(CHAT, sampling=sampling))


async def test_another_tenant_or_another_ladder_finds_nothing() -> None:
    shelf = Texts()
    await keeping(shelf).remember(CHAT, ANSWER)
    assert await keeping(shelf).recall(CHAT) == ANSWER
    assert await keeping(shelf).recall(replace(CHAT, tenant="other")) is None
    assert await keeping(shelf, ladder="b").recall(CHAT) is None


async def test_an_answer_over_the_bound_is_not_kept() -> None:
    assert await keeps(keeping(most_bytes=1000), CHAT)
    long = replace(ANSWER, pieces=(Piece("x" * 1000),))
    cache = keeping(most_bytes=1000)
    await cache.remember(CHAT, long)
    assert await cache.recall(CHAT) is None


# ---- when the shelf fails --------------------------------------------------------------------


async def test_a_shelf_that_fails_forgets_and_is_told_of_once_a_minute(
    caplog: pytest.LogCaptureFixture,
) -> None:
    shelf, now = Texts(), Hand()
    cache = keeping(shelf, now=now)
    await cache.remember(CHAT, ANSWER)
    shelf.ill = True
    with caplog.at_level(logging.WARNING):
        for _ in range(100):
            now.at += 1
            assert await cache.recall(CHAT) is None
            await cache.remember(CHAT, ANSWER)
    assert 100 / SAY_S <= len(caplog.records) <= 100 / SAY_S + 1
    assert shelf.asked < 2 + 100 / REST_S + 1, "it rests in between"
    shelf.ill = False
    now.at += REST_S
    assert await cache.recall(CHAT) == ANSWER


@pytest.mark.parametrize("text", ["", "{", "[]", '{"id":1}', '{"pieces":[{"x":1}]}', "é"])
async def test_a_text_that_is_no_answer_is_none(
    text: str, caplog: pytest.LogCaptureFixture
) -> None:
    shelf = Texts()
    cache = keeping(shelf)
    await cache.remember(CHAT, ANSWER)
    shelf.texts = dict.fromkeys(shelf.texts, text)
    assert await cache.recall(CHAT) is None
    assert "the answer cache forgets" in caplog.text
    await cache.remember(CHAT, ANSWER)
    assert await cache.recall(CHAT) == ANSWER, "and the next one stands in its place"


# ---- through the cascade ---------------------------------------------------------------------


def cascade(cache: Cache, ledger: ListLedger, *tiers: ScriptedTier) -> Cascade:
    seconds = iter(range(100_000))
    return Cascade(
        ladder=tiers,
        router=routed(tiers),
        gates={t.name: CalibratedGate(GateConfig(tier=t.name), windowed()) for t in tiers},
        verifier=Checks(),
        cache=cache,
        purse=FreePurse(),
        ledger=ledger,
        clock=Clock(now=lambda: float(next(seconds)), unix=lambda: 1e9),
    )


def tier(name: str, *scripts: Script) -> ScriptedTier:
    return ScriptedTier(name, *scripts, model=f"m-{name}", price=PriceConfig(input=1, output=2))


async def answered(
    built: Cascade, chat: Chat = CHAT, *, id: str = "req_1"
) -> tuple[Released, list[Piece], Settled]:
    first, *pieces, last = [e async for e in built.answer(chat, Caller(), id=id)]
    assert isinstance(first, Released) and isinstance(last, Settled)
    return first, [piece for piece in pieces if isinstance(piece, Piece)], last


async def test_the_same_again_costs_nothing_and_asks_nobody() -> None:
    low, high = tier("t1", say("wrong " * 30, logprob=-3.0)), tier("t2", say("it is right"))
    ledger = ListLedger()
    built = cascade(keeping(), ledger, low, high)
    first, told, paid = await answered(built, id="req_1")
    again, retold, free = await answered(built, id="req_2")
    assert (first.recalled, again.recalled) == (False, True)
    assert (again.tier, again.model, again.rungs_tried) == ("t2", "m-t2", 0)
    assert text_of(told) == text_of(retold) == "it is right"
    assert len(retold) < len(told) and retold[-1].finish == "stop"
    assert (paid.cost_nano or 0) > 0 and free.cost_nano == 0
    assert free.usage.prompt_tokens == free.usage.completion_tokens == 0
    assert len(low.chats) == len(high.chats) == 1
    entry = ledger.entries[-1]
    (attempt,) = entry.attempts
    assert (entry.id, entry.state, entry.tier) == ("req_2", "answered", "t2")
    assert (attempt.state, attempt.reason) == ("recalled", "the answer of req_1")
    assert attempt.confidence is None and not attempt.readings, "it is not judged again"


async def test_calls_choices_and_thoughts_are_given_again_as_they_were() -> None:
    two = say("one two", choice=0, reasoning="hm ") + say("three", choice=1)
    low = tier("t1", call("look", '{"a":1}'), two)
    built = cascade(keeping(), ListLedger(), low)
    for chat in (CHAT, replace(CHAT, sampling=Sampling(temperature=0, n=2))):
        _, told, _ = await answered(built, chat)
        again, retold, _ = await answered(built, chat)
        assert again.recalled and collect(told) == collect(retold)
    assert len(low.chats) == 2


async def test_streamed_or_whole_is_the_same_answer() -> None:
    built = cascade(keeping(), ListLedger(), tier("t1", say("hello")))
    await answered(built, replace(CHAT, stream=True))
    assert (await answered(built, replace(CHAT, stream=False)))[0].recalled


@pytest.mark.parametrize(
    "written",
    [
        decline(),
        script(Piece(refusal="I will not."), Piece(finish="stop")),
        say("half an answ", finish="length"),
        say("bad words", finish="content_filter"),
    ],
    ids=["declined", "declined and said so only in words", "cut", "filtered"],
)
async def test_what_was_declined_or_cut_short_is_not_kept(written: Script) -> None:
    low = tier("t1", written, say("whole"))
    built = cascade(keeping(), ListLedger(), low)
    await answered(built)
    again, pieces, _ = await answered(built)
    assert not again.recalled and text_of(pieces) == "whole"


async def test_what_broke_off_is_not_kept() -> None:
    low = tier("t1", say("half an", finish=None) + fail("broken"), say("whole"))
    built = cascade(keeping(), ListLedger(), low)
    with pytest.raises(RungwiseError):
        await answered(built)
    again, pieces, _ = await answered(built)
    assert not again.recalled and text_of(pieces) == "whole"


async def test_what_its_caller_left_is_not_kept() -> None:
    low = tier("t1", say("a long answer to come"))
    built = cascade(keeping(), ListLedger(), low)
    events = built.answer(CHAT, Caller(), id="req_1")
    await anext(events)
    await anext(events)
    await events.aclose()
    assert not (await answered(built))[0].recalled


async def test_of_a_draft_that_was_judged_away_nothing_is_kept() -> None:
    shelf = Texts()
    low, high = tier("t1", say("wrong " * 30, logprob=-3.0)), tier("t2", say("right"))
    await answered(cascade(keeping(shelf), ListLedger(), low, high))
    (text,) = shelf.texts.values()
    kept = pieces_from_json(text)
    assert kept.tier == "t2" and text_of(kept.pieces) == "right" and "wrong" not in text


async def test_two_callers_never_share_one() -> None:
    low = tier("t1", say("hello"))
    built = cascade(keeping(), ListLedger(), low)
    for tenant in ("a", "b"):
        assert not (await answered(built, replace(CHAT, tenant=tenant)))[0].recalled
    assert (await answered(built, replace(CHAT, tenant="a")))[0].recalled


async def test_a_failing_shelf_costs_no_answer() -> None:
    shelf = Texts()
    shelf.ill = True
    built = cascade(keeping(shelf), ListLedger(), tier("t1", say("hello")))
    for _ in range(3):
        assert text_of((await answered(built))[1]) == "hello"


@pytest.fixture(params=["memory", "redis", "sql"])
async def shelf(
    request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[MemoryShelf | RedisShelf | SqlShelf]:
    if request.param == "memory":
        yield MemoryShelf(ttl_s=60, most_bytes=10**6)
    elif request.param == "redis":
        yield RedisShelf(request.getfixturevalue("redis_url"), ttl_s=60)
    else:
        store = Store(request.getfixturevalue("postgres_url"))
        await store.start()
        yield SqlShelf(store, ttl_s=60, most_bytes=10**6)
        await store.stop()


async def test_an_answer_is_the_same_from_every_shelf(
    shelf: MemoryShelf | RedisShelf | SqlShelf,
) -> None:
    cache = Keeping(shelf, ladder="a", any_temperature=False, most_bytes=10**6)
    await cache.start()
    written = say("hé\x00llo there", reasoning="hm") + call("look", '{"a":1}')
    built = cascade(cache, ListLedger(), tier("t1", written, say("another")))
    _, told, _ = await answered(built)
    again, retold, settled = await answered(built)
    assert again.recalled and settled.cost_nano == 0
    assert collect(told) == collect(retold)
    assert not (await answered(built, replace(CHAT, tenant="other")))[0].recalled
    await cache.stop()
