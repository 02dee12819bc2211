"""Among the rungs that are left, which ones? What a chooser is given, what it answers, and the one
that takes them all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from rungwise.policy.affinity import stays
from rungwise.policy.difficulty import Difficulty
from rungwise.policy.expected import Expectations, tokens_of
from rungwise.policy.memory import Past
from rungwise.policy.sketch import Sketch, sketch_of
from rungwise.policy.window import Window
from rungwise.types import Attempt, Bar, Chat, Forecast, Onward, Plan, StepType

__all__ = ["Choice", "Chooser", "EveryRung", "Judged", "Judges", "Step", "rungs_above"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One chat, and what is known before anything is chosen."""

    chat: Chat
    step_type: StepType
    window: Window
    start: str
    """The rung of the window to begin at: the table's, or a higher one for which evidence spoke."""
    floor: str | None = None
    """The rung that evidence lets nobody go below, where it spoke: it may stand under `start`."""
    past: Past | None = None
    sketch: Sketch | None = None
    """Of the chat, where one was made already."""

    def sketched(self) -> Sketch:
        return sketch_of(self.chat) if self.sketch is None else self.sketch


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Rungs of the window, lowest first, at least one."""

    rungs: tuple[str, ...]
    bars: tuple[Bar, ...] = ()
    forecasts: tuple[Forecast, ...] = ()
    why: str = ""


class Chooser(Protocol):
    """Pure and fast; raises nothing."""

    def choose(self, step: Step) -> Choice: ...

    def onward(
        self, plan: Plan, chat: Chat, refused: Sequence[Attempt], past: Past | None = None
    ) -> Onward:
        """See contracts.Router."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What a rung's gate asks of its drafts for one step type."""

    reads: bool
    """Whether it has a calibration, and so a confidence of each draft."""
    least: float | None
    """The calibrated threshold; None: there is none, and without a waiving bar no draft leaves."""


Judges: TypeAlias = Callable[[str, StepType], Judged | None]
"""By tier; None for a rung whose drafts leave whatever their confidence."""


class EveryRung:
    """Every rung from the start upwards: the cascade with fixed thresholds.

    With a Difficulty the plan carries forecasts too, which change nothing. With Expectations a
    conversation stays higher up where that is cheaper than to move down from a warm prefix.
    """

    def __init__(
        self,
        difficulty: Difficulty | None = None,
        *,
        expectations: Expectations | None = None,
    ) -> None:
        self._difficulty, self._expectations = difficulty, expectations

    def choose(self, step: Step) -> Choice:
        start, why = self._start(step)
        told: Mapping[str, float] = {}
        if self._difficulty is not None:
            told = self._difficulty.forecast(step.sketched(), step.step_type)
        return Choice(
            rungs=step.window.above(start), forecasts=forecasts_of(told, step.window), why=why
        )

    def onward(
        self, plan: Plan, chat: Chat, refused: Sequence[Attempt], past: Past | None = None
    ) -> Onward:
        return Onward(rungs=rungs_above(plan, refused))

    def _start(self, step: Step) -> tuple[str, str]:
        """Where it begins; higher where the conversation has proved hard, or is warm there and
        staying is cheaper."""
        past, told, kind = step.past, self._expectations, step.step_type
        if past is not None and past.hard_at in step.window.above(step.start)[1:]:
            return past.hard_at, f"{past.hard_at} answered when this conversation climbed"
        above = step.window.above(step.start)[1:]
        if told is None or past is None or past.tier not in above:
            return step.start, ""
        warm, size = told.warm(past.tier, past), tokens_of(step.chat, past)
        stay = warm > 0 and stays(
            warm_nano=told.of(past.tier, size, kind, warm).nano,
            cold_nano=told.of(step.start, size, kind).nano,
            climbs=told.refused(step.start, kind),
        )
        if not stay:
            return step.start, ""
        return past.tier, f"{past.tier} has read the conversation, and staying there is cheaper"


def rungs_above(plan: Plan, refused: Sequence[Attempt]) -> tuple[str, ...]:
    """The rungs of the plan above the last refused one."""
    return plan.rungs[plan.rungs.index(refused[-1].tier) + 1 :]


def forecasts_of(told: Mapping[str, float], window: Window) -> tuple[Forecast, ...]:
    """Of the window's rungs."""
    return tuple(Forecast(tier=r, probability=told[r]) for r in window.rungs if r in told)
