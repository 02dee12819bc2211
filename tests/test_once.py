"""Is a request with an Idempotency-Key answered once?"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

import pytest

from rungwise.errors import OverBudget, RepeatOpen, TierError, UnknownModel
from rungwise.once import Once
from rungwise.types import (
    Bid,
    Caller,
    Chat,
    Message,
    Piece,
    Plan,
    Quote,
    Released,
    Remembered,
    Settled,
    StepType,
    Usage,
    Wish,
)

pytestmark = pytest.mark.anyio

Event = Released | Piece | Settled
CALLER = Caller(name="ci")
PLAIN = Chat(messages=(Message(role="user", text="hi"),))
KEYED = Chat(messages=PLAIN.messages, wish=Wish(once="k"))
RELEASED = Released(id="a", tier="t2", model="m", rungs_tried=2, step_type=StepType.PLANNING)
SETTLED = Settled(usage=Usage(input=3, output=2), cost_nano=7, attempts=())
ANSWER: list[Event] = [RELEASED, Piece("hel"), Piece("lo", finish="stop"), SETTLED]
KEPT = Remembered(
    id="a",
    tier="t2",
    model="m",
    step_type=StepType.PLANNING,
    pieces=(Piece("hel"), Piece("lo", finish="stop")),
)


@dataclass
class Script:
    """A cascade that does as it is told."""

    steps: Sequence[Event | Exception | asyncio.Event] = field(default_factory=lambda: ANSWER)
    nano: int | None = 5
    asked: list[str] = field(default_factory=list)
    closed: int = 0

    def quote(self, chat: Chat, caller: Caller) -> Quote:
        if caller.name == "nobody":
            raise UnknownModel("no")
        plan = Plan(rungs=("t1",), step_type=StepType.PLANNING, why="")
        bid = Bid(tier="t1", nano=self.nano, escalation=False)
        return Quote(plan=plan, bids=(bid,), least_nano=0)

    async def answer(self, chat: Chat, caller: Caller, *, id: str) -> AsyncGenerator[Event, None]:
        self.asked.append(id)
        try:
            for step in self.steps:
                if isinstance(step, Exception):
                    raise step
                if isinstance(step, asyncio.Event):
                    await step.wait()
                else:
                    yield step
        finally:
            self.closed += 1


@dataclass
class Memory:
    """See contracts.Repeats; of one key."""

    open: bool = False
    kept: Remembered | None = None
    ends: list[tuple[Remembered | None, bool]] = field(default_factory=list)
    slow: asyncio.Event | None = None

    async def begin(self, chat: Chat, id: str) -> Remembered | None:
        if self.open:
            raise RepeatOpen("wait")
        self.open = self.kept is None
        if self.slow is not None:
            await self.slow.wait()
        return self.kept

    async def end(self, chat: Chat, answer: Remembered | None, *, billed: bool) -> None:
        await asyncio.sleep(0)
        self.ends.append((answer, billed))
        self.open, self.kept = False, answer


async def ask(once: Once, chat: Chat = KEYED, *, id: str = "a") -> list[Event]:
    return [event async for event in once.answer(chat, CALLER, id=id)]


async def test_a_chat_without_a_key_passes_through() -> None:
    script, memory = Script(), Memory()
    assert await ask(Once(script, memory), PLAIN) == ANSWER
    assert memory.ends == []


async def test_the_second_time_it_is_given_again_for_nothing_under_its_first_id() -> None:
    script, memory = Script(), Memory()
    once = Once(script, memory)
    assert await ask(once) == ANSWER
    assert memory.ends == [(KEPT, True)]
    again = await ask(once, id="b")
    assert again == [
        Released(
            id="a", tier="t2", model="m", rungs_tried=0, step_type=StepType.PLANNING, recalled=True
        ),
        *KEPT.pieces,
        Settled(usage=Usage(), cost_nano=0, attempts=()),
    ]
    assert script.asked == ["a"]


async def test_it_is_kept_before_its_end_is_told() -> None:
    memory = Memory()
    events = Once(Script(), memory).answer(KEYED, CALLER, id="a")
    async for event in events:
        assert bool(memory.ends) == isinstance(event, Settled)


async def test_while_it_is_being_answered_nothing_else_is_asked() -> None:
    script, memory = Script(), Memory()
    once = Once(script, memory)
    async with aclosing(once.answer(KEYED, CALLER, id="a")) as events:
        await anext(events)
        with pytest.raises(RepeatOpen):
            await ask(once, id="b")
    assert script.asked == ["a"]


@pytest.mark.parametrize("error", [OverBudget("no"), TierError("t1", "broken", "half")])
@pytest.mark.parametrize(("nano", "billed"), [(5, True), (None, True), (0, False)])
async def test_what_failed_may_have_been_billed_where_its_plan_could_be(
    error: Exception, nano: int | None, billed: bool
) -> None:
    memory = Memory()
    with pytest.raises(type(error)):
        await ask(Once(Script([RELEASED, error], nano=nano), memory))
    assert memory.ends == [(None, billed)]


async def test_a_caller_who_goes_away_ends_it_and_the_work() -> None:
    script, memory = Script(), Memory()
    async with aclosing(Once(script, memory).answer(KEYED, CALLER, id="a")) as events:
        await anext(events)
        await anext(events)
    assert memory.ends == [(None, True)] and script.closed == 1


async def test_cancelled_in_the_middle_it_still_ends() -> None:
    memory, reached = Memory(), asyncio.Event()
    script = Script([RELEASED, asyncio.Event()])

    async def listen() -> None:
        async for _ in Once(script, memory).answer(KEYED, CALLER, id="a"):
            reached.set()

    task = asyncio.create_task(listen())
    async with asyncio.timeout(20):
        await reached.wait()
    task.cancel()
    await asyncio.wait((task,))
    assert memory.ends == [(None, True)] and script.closed == 1


async def test_cancelled_while_it_claims_its_key_it_lets_go_of_it() -> None:
    script, memory = Script(), Memory(slow=asyncio.Event())
    assert memory.slow is not None
    task = asyncio.create_task(ask(Once(script, memory)))
    await asyncio.sleep(0.01)
    task.cancel()
    memory.slow.set()
    await asyncio.wait((task,))
    assert task.cancelled() and memory.ends == [(None, False)] and script.asked == []


async def test_a_request_that_cannot_be_planned_claims_no_key() -> None:
    memory = Memory()
    with pytest.raises(UnknownModel):
        async for _ in Once(Script(), memory).answer(KEYED, Caller(name="nobody"), id="a"):
            pass
    assert not memory.open and memory.ends == []
