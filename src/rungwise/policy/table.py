"""Where does a step of this type start, and how far up may it climb? The owner's table, or ours,
narrowed by the caller's wish."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal, TypeAlias

from rungwise.config import RouteConfig
from rungwise.contracts import Tier
from rungwise.errors import CallerError
from rungwise.policy.window import Window
from rungwise.types import Bar, StepType, Wish

__all__ = ["SHIPPED", "Table"]

Place: TypeAlias = Literal["low", "middle", "high"]

SHIPPED: Mapping[StepType, Place] = {
    StepType.CLASSIFICATION: "low",
    StepType.EXTRACTION: "low",
    StepType.FORMAT_CONVERSION: "low",
    StepType.TOOL_SELECTION: "low",
    StepType.OPEN_CHAT: "low",
    StepType.PLANNING: "middle",
    StepType.CODE_GENERATION: "middle",
    StepType.SUMMARISATION: "middle",
    StepType.MULTI_STEP_REASONING: "high",
}
"""Where a step type starts that the owner says nothing of."""


class Table:
    """step type -> Window, from configuration. No evidence is weighed here."""

    def __init__(self, ladder: Sequence[Tier], rows: Mapping[StepType, RouteConfig]) -> None:
        self._names = tuple(tier.name for tier in ladder)
        self._local = frozenset(tier.name for tier in ladder if tier.local)
        self._rows = rows

    def row(self, step_type: StepType) -> RouteConfig:
        return self._rows.get(step_type, RouteConfig())

    def asked(
        self, step_type: StepType, bars: Sequence[Bar], rungs: Sequence[str]
    ) -> tuple[Bar, ...]:
        """The bars, with one for each of these rungs where the owner's row asks for a confidence,
        and none of those lower than it asks."""
        least = self.row(step_type).least_confidence
        if least is None:
            return tuple(bars)
        found = {bar.tier: bar for bar in bars}
        for rung in rungs:
            bar = found.get(rung, Bar(tier=rung, confidence=least))
            found[rung] = replace(bar, confidence=max(bar.confidence, least), least=least)
        return tuple(found.values())

    def pinned(self, pin: str, wish: Wish) -> Window:
        """That rung alone. Raises CallerError where the rest of the wish excludes it."""
        if wish.local_only and pin not in self._local:
            raise CallerError(
                f"tier {pin!r} is not on this machine, but the request is local only",
                param="model",
            )
        last = len(self._names) - 1
        if not self._index(wish.floor) <= self._index(pin) <= self._index(wish.ceiling, last):
            raise CallerError(
                f"tier {pin!r} is pinned by the model's name, but the floor or ceiling excludes it",
                param="model",
            )
        return Window(rungs=(pin,), start=pin, reach=(pin,), why=(f"pinned to {pin}",))

    def window(self, step_type: StepType, wish: Wish) -> Window:
        """What the table leaves within the caller's limits. Raises CallerError where nothing.

        A rung that the step type passes over is not in it, and is not shown the request to grade
        a draft either; a floor or a ceiling may name it, and then begins, or ends, beside it.
        """
        row = self.row(step_type)
        most = self._index(row.ceiling, len(self._names) - 1)
        left = [at for at in range(most + 1) if self._names[at] not in row.without]
        start = _nearest(left, min(self._start(row, step_type), most))
        reasons = [f"{step_type.value} starts at {self._names[start]}"]
        if passed := [name for name in self._names[: most + 1] if name in row.without]:
            reasons.append(f"it passes over {', '.join(passed)}")
        floor = self._index(wish.floor)
        if floor > left[-1]:
            raise CallerError(
                f"x-rungwise-floor: {wish.floor} stands above {self._names[left[-1]]}, as far up "
                f"as {step_type.value} may climb here",
                param="x-rungwise-floor",
            )
        if floor > start:
            reasons.append(f"the caller's floor is {wish.floor}")
        if wish.ceiling is not None and self._index(wish.ceiling) < left[-1]:
            left = [at for at in left if at <= self._index(wish.ceiling)]
            reasons.append(f"the caller's ceiling is {wish.ceiling}")
        rungs = [at for at in left if at >= floor]
        if not rungs:
            raise CallerError(
                f"{step_type.value} passes over every rung that the floor and the ceiling leave",
                param="x-rungwise-ceiling",
            )
        window = Window(
            rungs=self._named(rungs),
            start=self._names[_nearest(rungs, start)],
            reach=self._named(left),
            why=tuple(reasons),
        )
        return self._kept_local(window) if wish.local_only else window

    def _start(self, row: RouteConfig, step_type: StepType) -> int:
        if row.start is not None:
            return self._index(row.start)
        last = len(self._names) - 1
        return {"low": 0, "middle": last // 2, "high": last}[SHIPPED[step_type]]

    def _kept_local(self, window: Window) -> Window:
        """The local rungs. Where none stands at or above the start, privacy wins over the table,
        but never over a ceiling or the caller's own floor."""
        rungs = tuple(rung for rung in window.rungs if rung in self._local)
        if not rungs:
            raise CallerError(
                "the request is local only, but no tier of this machine may answer it",
                param="x-rungwise-local-only",
            )
        usual = [rung for rung in window.usual if rung in self._local]
        return Window(
            rungs=rungs,
            start=usual[0] if usual else rungs[0],
            reach=tuple(rung for rung in window.reach if rung in self._local),
            why=(*window.why, "local only"),
        )

    def _named(self, places: Sequence[int]) -> tuple[str, ...]:
        return tuple(self._names[at] for at in places)

    def _index(self, name: str | None, default: int = 0) -> int:
        return default if name is None else self._names.index(name)


def _nearest(left: Sequence[int], wanted: int) -> int:
    """That place, else the next above it that is left, else the highest."""
    return next((at for at in left if at >= wanted), left[-1])
