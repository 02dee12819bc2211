"""Does an engine that holds requests still work on them, or does it hang?"""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Stall"]


class Stall:
    """For how long nothing came from an engine that held requests, as looks at it found.

    A look that finds none held, or news since the last one, begins anew: so a long time between
    two looks is no stall.
    """

    def __init__(self, after_s: float | None, now: Callable[[], float]) -> None:
        """`after_s` without a result it hangs; None: it never does."""
        self._after_s, self._now = after_s, now
        self._heard: int | None = None
        self._since = now()

    def look(self, *, held: int, heard: int) -> float | None:
        """`held` requests now, and results `heard` of since it came up. Seconds without any, once
        they are too many."""
        now = self._now()
        if not held or heard != self._heard:
            self._heard, self._since = heard if held else None, now
        silent_s = now - self._since
        return silent_s if self._after_s is not None and silent_s >= self._after_s else None
