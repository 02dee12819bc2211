"""What does stopping a doubtful draft early save, and what does it cost in judgement?

Every step is drafted twice on the local rung: with a gate that waits for the end, and with one
that may stop it. What the engine generated the second time is set against the first.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rungwise.contracts import Gate, Tier
from rungwise.drafts import collect
from rungwise.lab.calibration.quality import auroc
from rungwise.lab.chats import chat_of
from rungwise.lab.steps import Step
from rungwise.types import Chat, Draft, Escalate, Piece, Plan, StepType, Verdict

__all__ = ["Twice", "abort_figures", "draft_twice"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Twice:
    """One step, drafted to its end and then under a gate that stops early.

    `tokens` are what the engine generated, the tokens after the stop included; `p` is the gate's
    confidence when it decided.
    """

    step_type: str
    right: bool
    whole_tokens: int
    whole_p: float
    early_tokens: int
    early_p: float
    escalated: bool
    """By the gate that stops early."""
    would_escalate: bool
    """By the one that waits."""


async def draft_twice(
    tier: Tier,
    waiting: Gate,
    stopping: Gate,
    steps: Sequence[Step],
    *,
    concurrency: int,
    progress: Callable[[], object],
) -> list[Twice]:
    """Steps whose step type has no threshold, and drafts without a reading, are left out."""
    permits = asyncio.Semaphore(concurrency)

    async def one(step: Step) -> Twice | None:
        async with permits:
            found = await _twice(tier, waiting, stopping, step)
        progress()
        return found

    drafted = await asyncio.gather(*(one(step) for step in steps))
    return [found for found in drafted if found is not None]


async def _twice(tier: Tier, waiting: Gate, stopping: Gate, step: Step) -> Twice | None:
    plan = Plan(rungs=(tier.name,), step_type=StepType(step.step_type), why="bench abort")
    if stopping.hopeless(plan) is not None:
        return None
    chat = chat_of(step)
    whole = await _judged(tier, waiting, chat)
    early = await _judged(tier, stopping, chat)
    if whole.p is None or early.p is None:
        return None
    choice = collect(whole.pieces)[0]
    calls = [(call.name, call.arguments) for call in choice.tool_calls]
    return Twice(
        step_type=step.step_type,
        right=choice.finish != "length" and step.check(choice.text, calls),
        whole_tokens=whole.tokens,
        whole_p=whole.p,
        early_tokens=early.tokens,
        early_p=early.p,
        escalated=isinstance(early.verdict, Escalate),
        would_escalate=isinstance(whole.verdict, Escalate),
    )


@dataclass(frozen=True, slots=True)
class _Judged:
    pieces: list[Piece]
    verdict: Verdict
    tokens: int
    p: float | None


async def _judged(tier: Tier, gate: Gate, chat: Chat) -> _Judged:
    assert chat.wish.step_type is not None, "the suite names the step type"
    plan = Plan(rungs=(tier.name,), step_type=chat.wish.step_type, why="bench abort")
    judgement, pieces = gate.open(chat, plan), list[Piece]()
    verdict: Verdict | None = None
    drafting = tier.draft(chat, read=True, likeliest=gate.likeliest or 0)
    try:
        async for piece in drafting:
            pieces.append(piece)
            verdict = judgement.feed(piece)
            if verdict is not None:
                break
    finally:
        await drafting.aclose()
    if verdict is None:
        verdict = judgement.close(Draft(choices=collect(pieces)))
    usage, sure = drafting.spent().usage, judgement.confidence
    return _Judged(pieces, verdict, usage.output, None if sure is None else sure.probability)


def abort_figures(drafted: Sequence[Twice], seed: int = 0) -> Mapping[str, object]:
    """The saving, and the two areas under the curve, each with a 95 % bootstrap interval over
    steps. Raises ValueError where no step escalated, or all labels agree."""
    if not any(step.escalated for step in drafted):
        raise ValueError("no draft was escalated, so there is nothing to save")
    columns = _Columns(drafted)
    rng = np.random.default_rng(seed)
    draws = [columns.take(rng.integers(0, len(drafted), len(drafted))) for _ in range(1000)]
    drawn = [draw.figures() for draw in draws if draw.both_kinds()]
    found = columns.figures()
    names = ("tokens_saved_share", "auroc_end", "auroc_early", "auroc_lost")
    told: dict[str, object] = {"count": len(drafted), "escalated": int(columns.escalated.sum())}
    for place, name in enumerate(names):
        low, high = np.quantile([figures[place] for figures in drawn], (0.025, 0.975))
        told |= {name: found[place], f"{name}_interval": [float(low), float(high)]}
    given_up = sum(s.escalated and not s.would_escalate for s in drafted)
    told["given_up_though_it_would_pass"] = given_up / len(drafted)
    return told


class _Columns:
    def __init__(self, drafted: Sequence[Twice]) -> None:
        self.right = np.array([s.right for s in drafted])
        self.escalated = np.array([s.escalated for s in drafted])
        self.tokens = np.array([(s.whole_tokens, s.early_tokens) for s in drafted], dtype=float)
        self.p = np.array([(s.whole_p, s.early_p) for s in drafted])

    def take(self, index: NDArray[np.int64]) -> _Columns:
        taken = _Columns.__new__(_Columns)
        for name, column in vars(self).items():
            setattr(taken, name, column[index])
        return taken

    def both_kinds(self) -> bool:
        return bool(self.right.any() and not self.right.all() and self.escalated.any())

    def figures(self) -> tuple[float, float, float, float]:
        whole, early = self.tokens[self.escalated].sum(axis=0)
        end, stop = (auroc(self.p[:, k], self.right) for k in (0, 1))
        if end is None or stop is None:
            raise ValueError("all drafts are right, or all are wrong")
        return float(1 - early / whole), end, stop, end - stop
