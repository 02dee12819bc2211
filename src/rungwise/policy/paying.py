"""Which rungs pay most for this chat? Routing and climbing by one objective, and routing alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rungwise.config import WorthConfig
from rungwise.policy.choosing import Choice, Judges, Step, forecasts_of, rungs_above
from rungwise.policy.difficulty import Difficulty
from rungwise.policy.expected import Expectations
from rungwise.policy.foreseen import Asked, Foresight, Unpriced, sureness
from rungwise.policy.limits import Limits
from rungwise.policy.memory import Past
from rungwise.policy.planning import Planner
from rungwise.policy.saying import probability
from rungwise.types import Attempt, Bar, Chat, Onward, Plan

__all__ = ["BestRung", "PayingRungs"]


class _Foreseeing:
    """What the two choosers below share. See choosing.Chooser."""

    def __init__(
        self, name: str, difficulty: Difficulty, foresight: Foresight, planner: Planner
    ) -> None:
        self._name, self._difficulty = name, difficulty
        self._foresight, self._planner = foresight, planner

    def choose(self, step: Step) -> Choice:
        told = self._difficulty.forecast(step.sketched(), step.step_type)
        forecasts = forecasts_of(told, step.window)
        rungs, bars, why = self._best(step, {f.tier: f.probability for f in forecasts})
        return Choice(
            rungs=rungs,
            bars=bars,
            forecasts=forecasts,
            why=f"{self._name}: {why}",
        )

    def _best(
        self, step: Step, right: Mapping[str, float]
    ) -> tuple[tuple[str, ...], tuple[Bar, ...], str]:
        usual, wish = step.window.above(step.start), step.chat.wish
        asked = Asked(
            chat=step.chat,
            step_type=step.step_type,
            rungs=step.window.rungs if step.floor is None else step.window.above(step.floor),
            usual=usual,
            right=right,
            prior=right,
            past=step.past,
            limits=Limits(
                least_right=wish.least_right, nano=wish.most_nano, seconds=wish.deadline_s
            ),
        )
        if not any(name in asked.right for name in asked.rungs):
            return usual, (), "nothing is foreseen of these rungs, so as the table says"
        try:
            found = self._planner.best(asked)
        except Unpriced as error:
            return usual, (), f"{error}, so as the table says"
        return found.rungs, found.bars, found.why

    def onward(
        self, plan: Plan, chat: Chat, refused: Sequence[Attempt], past: Past | None = None
    ) -> Onward:
        names = rungs_above(plan, refused)
        right = {told.tier: told.probability for told in plan.forecasts}
        if len(names) < 2 or not any(name in right for name in names):
            return Onward(rungs=names)
        asked = Asked(
            chat=chat,
            step_type=plan.step_type,
            rungs=names,
            usual=names,
            right=self._foresight.after(right, refused),
            prior=right,
            past=past,
            limits=_left(chat, refused),
        )
        try:
            found = self._planner.best(asked)
        except Unpriced:
            return Onward(rungs=names)
        if found.rungs == names:
            return Onward(rungs=names, bars=found.bars)
        last = refused[-1]
        why = f"after {last.tier} (p {probability(sureness(last))}) {found.why}"
        return Onward(rungs=found.rungs, bars=found.bars, why=why)


def _left(chat: Chat, refused: Sequence[Attempt]) -> Limits:
    """What the caller allows, less what is spent. A cost that is not known spends nothing here:
    the caller's caps are kept elsewhere."""
    wish, spent = chat.wish, sum(attempt.cost_nano or 0 for attempt in refused)
    return Limits(
        least_right=wish.least_right,
        nano=None if wish.most_nano is None else wish.most_nano - spent,
        seconds=None if wish.deadline_s is None else wish.deadline_s - refused[-1].ended_s,
    )


class PayingRungs(_Foreseeing):
    """Before each rung: draft there, pass it over, or stop, whichever is foreseen to pay most."""

    def __init__(
        self,
        difficulty: Difficulty,
        expectations: Expectations,
        worth: WorthConfig,
        *,
        keeps_promise: bool,
        judges: Judges | None = None,
    ) -> None:
        """`judges` tells what each gate asks for; without it every draft is taken to be judged by
        what pays alone."""
        foresight = Foresight(difficulty, expectations, judges, keeps_promise=keeps_promise)
        planner = Planner(foresight, worth, singles=False, keeps_promise=keeps_promise)
        super().__init__("pays", difficulty, foresight, planner)


class BestRung(_Foreseeing):
    """The one rung that is foreseen to pay most: its draft is checked, but no confidence is asked
    of it, and those above it are there for when it fails."""

    def __init__(
        self,
        difficulty: Difficulty,
        expectations: Expectations,
        worth: WorthConfig,
    ) -> None:
        foresight = Foresight(difficulty, expectations, None, keeps_promise=False)
        planner = Planner(foresight, worth, singles=True, keeps_promise=False)
        super().__init__("route", difficulty, foresight, planner)
