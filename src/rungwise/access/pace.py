"""May this caller ask once more just now? Its rate, and how much it has open."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rungwise.errors import TooFast
from rungwise.types import Caller

__all__ = ["LocalPace"]

MANY = 1024
"""Callers; with more, those who have been quiet are forgotten."""


@dataclass(slots=True)
class _Asker:
    tokens: float
    at: float
    open: int = 0


class LocalPace:
    """A token bucket and a counter for each caller (see contracts.Pace).

    A bucket holds a minute's worth: so much may come at once, and then one every 60 /
    requests_per_minute seconds. Counted in this process alone: with several servers behind a load
    balancer each allows as much.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic, *, what: str = "ask") -> None:
        """`what` is done so often, for those who are told to wait."""
        self._now, self._what = now, what
        self._askers: dict[str, _Asker] = {}

    @contextmanager
    def permit(self, caller: Caller) -> Iterator[None]:
        if caller.requests_per_minute is None and caller.concurrent is None:
            yield
            return
        asker = self._admitted(caller)
        asker.open += 1
        try:
            yield
        finally:
            asker.open -= 1

    def _admitted(self, caller: Caller) -> _Asker:
        asker, now = self._asker(caller), self._now()
        if caller.concurrent is not None and asker.open >= caller.concurrent:
            raise TooFast(
                f"this key has {asker.open} requests open and may have {caller.concurrent}; wait "
                "for one to end",
                retry_after_s=1.0,
                code="too_many_at_once",
            )
        if caller.requests_per_minute is not None:
            self._draw(asker, caller.requests_per_minute, now)
        return asker

    def _draw(self, asker: _Asker, per_minute: int, now: float) -> None:
        rate = per_minute / 60
        asker.tokens = min(per_minute, asker.tokens + (now - asker.at) * rate)
        asker.at = now
        if asker.tokens < 1:
            raise TooFast(
                f"this key may {self._what} {per_minute} times a minute",
                retry_after_s=(1 - asker.tokens) / rate,
                code="rate_limit_exceeded",
            )
        asker.tokens -= 1

    def _asker(self, caller: Caller) -> _Asker:
        found = self._askers.get(caller.name)
        if found is None:
            if len(self._askers) >= MANY:
                self._forget()
            found = _Asker(tokens=caller.requests_per_minute or math.inf, at=self._now())
            self._askers[caller.name] = found
        return found

    def _forget(self) -> None:
        """Those with nothing open whose bucket is full again: a minute fills any."""
        since = self._now() - 60
        self._askers = {n: a for n, a in self._askers.items() if a.open or a.at > since}
