"""Does the server take new work? Until it begins to close: then open answers may end, in a time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from fastapi import FastAPI

from rungwise.edge.refusals import Draining

__all__ = ["Closing", "closing_of"]


class Closing:
    """One for an app: its door asks it, whoever runs the server begins it."""

    def __init__(self, *, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._ends: float | None = None
        self.open = self.awaited = 0
        """Answers that have begun, with the arrival of their bodies, and not ended: now, and when
        it began to close."""

    @property
    def begun(self) -> bool:
        return self._ends is not None

    @property
    def left_s(self) -> float:
        """Of the time that open answers have; not below 0, and endless before it begins."""
        return float("inf") if self._ends is None else max(0.0, self._ends - self._now())

    def begin(self, grace_s: float) -> None:
        """From now on. A second time changes nothing."""
        if self._ends is None:
            self._ends, self.awaited = self._now() + grace_s, self.open

    @contextmanager
    def answer(self) -> Iterator[None]:
        """For as long as one lasts. Raises Draining where none may begin any more."""
        if self._ends is not None:
            raise Draining(retry_after_s=self.left_s)
        self.open += 1
        try:
            yield
        finally:
            self.open -= 1


def closing_of(app: FastAPI) -> Closing:
    closing = app.state.closing
    assert isinstance(closing, Closing)
    return closing
