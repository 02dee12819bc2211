"""What does every rung of this ladder make of the same steps? Each drafts all of them.

The rungs of a step are asked one after the other, and `concurrency` steps are open at once: the
latency of a draft is the wall time from asking to its end under that load. With one step open the
rungs do not compete, and share whatever else keeps the machine busy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from rungwise.confidence.signals import likeliest_for
from rungwise.contracts import Tier
from rungwise.lab.calibration.label import Progress, all_of, is_right, read_pieces
from rungwise.lab.chats import chat_of
from rungwise.lab.ladders.rows import Result, Row
from rungwise.lab.steps import Step
from rungwise.types import Chat, Done, Piece

__all__ = ["record_ladder", "row_of_step", "template_of"]

NANO = 1e-9
PLACES = 9
"""Decimals of a cost in dollars: nano-dollars are whole."""


async def record_ladder(
    tiers: Sequence[Tier],
    steps: Sequence[Step],
    signals: Mapping[str, Sequence[str]],
    *,
    concurrency: int,
    clock: Callable[[], float],
    progress: Progress,
) -> list[Row]:
    """Draft every step on every tier. `signals` are read of the tiers that it names, where they
    give log-probabilities. A draft that was cut off is wrong. Raises TierError."""

    async def one(step: Step) -> Row:
        results: dict[str, Result] = {}
        for tier in tiers:
            read = signals.get(tier.name, ())
            results[tier.name] = await _drafted(tier, step, read, clock)
            progress()
        return row_of_step(step, results)

    return await all_of(one, steps, concurrency, lambda: None)


def template_of(step: Step) -> str:
    """Steps of one family and difficulty are one text with other names and numbers."""
    return f"{step.step_type}/{step.difficulty}"


def row_of_step(step: Step, tiers: Mapping[str, Result]) -> Row:
    chat = chat_of(step)
    return Row(
        id=step.id,
        group=template_of(step),
        step_type=step.step_type,
        prompt=chat.messages[-1].text,
        system="\n".join(m.text for m in chat.messages[:-1]),
        tools=chat.tools,
        schema=None if chat.shape is None else chat.shape.schema,
        tiers=tiers,
    )


async def _drafted(
    tier: Tier, step: Step, signals: Sequence[str], clock: Callable[[], float]
) -> Result:
    chat, began = chat_of(step), clock()
    pieces, done = await _pieces(tier, chat, signals)
    latency_s, cost = clock() - began, tier.cost_nano(done)
    read = read_pieces(chat, pieces, signals) if signals else None
    return Result(
        correct=is_right(step, pieces),
        cost_usd=None if cost is None else round(cost * NANO, PLACES),
        latency_ms=round(latency_s * 1e3, 1),
        readings={} if read is None else read.readings,
        output_tokens=done.usage.completion_tokens,
    )


async def _pieces(tier: Tier, chat: Chat, signals: Sequence[str]) -> tuple[list[Piece], Done]:
    drafting = tier.draft(chat, read=bool(signals), likeliest=likeliest_for(signals))
    try:
        pieces = [piece async for piece in drafting]
    finally:
        await drafting.aclose()
    return pieces, drafting.spent()
