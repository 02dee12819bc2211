"""Which rungs may draft for this step type? The owner's table, narrowed by the caller's wish."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rungwise.config import RouteConfig, RoutingConfig
from rungwise.contracts import Tier
from rungwise.errors import CallerError
from rungwise.types import Chat, Plan, StepType, Wish

__all__ = ["StaticRouter"]


class StaticRouter:
    """step type -> start rung and ceiling, from configuration. No evidence is weighed here."""

    def __init__(self, ladder: Sequence[Tier], config: RoutingConfig) -> None:
        self._names = tuple(tier.name for tier in ladder)
        self._local = frozenset(tier.name for tier in ladder if tier.local)
        self._default = config.default_step_type
        self._routes: Mapping[StepType, RouteConfig] = config.step_types
        self._may_hurry = config.hurry

    def plan(self, chat: Chat) -> Plan:
        wish = chat.wish
        step_type = wish.step_type or self._default
        if wish.pin is not None:
            rungs = self._pinned(wish.pin, wish)
            why = f"pinned to {wish.pin}"
            return Plan(rungs=rungs, reach=rungs, step_type=step_type, why=why)
        route = self._routes.get(step_type, RouteConfig())
        start, ceiling, reasons = self._narrowed(route, step_type, wish)
        reach = self._names[: ceiling + 1]
        rungs = reach[start:]
        if wish.local_only:
            reach = tuple(name for name in reach if name in self._local)
            rungs = self._local_of(rungs, reach, wish)
            reasons.append("local only")
        hurry = wish.hurry and self._may_hurry
        if wish.hurry:
            reasons.append("the caller is in a hurry" + ("" if hurry else ", which is not allowed"))
        return Plan(
            rungs=rungs,
            reach=reach,
            step_type=step_type,
            why="; ".join(reasons),
            headstart_s=0.0 if hurry else route.headstart_s,
        )

    def _narrowed(
        self, route: RouteConfig, step_type: StepType, wish: Wish
    ) -> tuple[int, int, list[str]]:
        """The first and the last rung of the owner's table within the caller's limits, and why."""
        start = self._index(route.start, default=0)
        ceiling = self._index(route.ceiling, default=len(self._names) - 1)
        reasons = [f"{step_type.value} starts at {self._names[start]}"]
        if wish.step_type is None:
            reasons[0] += " (no step type was named)"
        if wish.floor is not None and self._index(wish.floor) > ceiling:
            raise CallerError(
                f"x-rungwise-floor: {wish.floor} stands above {self._names[ceiling]}, as far up "
                f"as {step_type.value} may climb here",
                param="x-rungwise-floor",
            )
        if wish.floor is not None and self._index(wish.floor) > start:
            start = self._index(wish.floor)
            reasons.append(f"the caller's floor is {wish.floor}")
        if wish.ceiling is not None and self._index(wish.ceiling) < ceiling:
            ceiling = self._index(wish.ceiling)
            start = min(start, ceiling)
            reasons.append(f"the caller's ceiling is {wish.ceiling}")
        return start, ceiling, reasons

    def _index(self, name: str | None, default: int = 0) -> int:
        return default if name is None else self._names.index(name)

    def _pinned(self, pin: str, wish: Wish) -> tuple[str, ...]:
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
        return (pin,)

    def _local_of(
        self, rungs: tuple[str, ...], reach: tuple[str, ...], wish: Wish
    ) -> tuple[str, ...]:
        """The local rungs of the plan. Where it has none, privacy wins over the owner's start
        rung, but never over a ceiling or the caller's own floor."""
        floor = self._names[self._index(wish.floor) :]
        local = tuple(r for r in rungs if r in reach) or tuple(r for r in reach if r in floor)
        if not local:
            raise CallerError(
                "the request is local only, but no tier of this machine may answer it",
                param="x-rungwise-local-only",
            )
        return local
