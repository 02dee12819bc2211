"""When is an engine started again, and when no more? Its failures in a row, counted."""

from __future__ import annotations

from rungwise.config import RestartConfig

__all__ = ["Backoff"]


class Backoff:
    """Waits `first_wait_s`, then twice as long each time, at most `most_wait_s`; gives up once
    `tries` starts in a row failed. One after which the engine died before it ran `settled_s` has
    failed, too. A death after that begins a new row, and so does the first thing that goes wrong:
    a row that begins with a death has no failed start yet, so there is one start at the least."""

    def __init__(self, config: RestartConfig) -> None:
        self._config = config
        self._waits = self._deaths = 0
        self.failed = 0
        """Starts in a row."""

    def start_failed(self) -> None:
        self.failed += 1

    def died(self, ran_s: float) -> None:
        if ran_s >= self._config.settled_s:
            self.failed = self._waits = self._deaths = 0
        if self.failed or self._deaths:
            self.failed += 1
        self._deaths += 1

    def wait_s(self) -> float | None:
        """Seconds until the next start, which counts as waited for; None where there is none."""
        if self.failed >= self._config.tries:
            return None
        doubled = self._config.first_wait_s * 2.0 ** min(self._waits, 64)
        self._waits += 1
        return min(doubled, self._config.most_wait_s)

    @property
    def next_start(self) -> str:
        """Which one of the row would come next."""
        return f"start {self.failed + 1} of {self._config.tries}"

    def over(self, why: str) -> str:
        """How it is told that there is none: `why` the last one failed, and the mend."""
        mend = "mend that, then restart the server"
        if not self._config.tries:
            return f"{why}; restart.tries is 0, so it is not started again: {mend}"
        return f"{self._row()}{why}; {mend}"

    def _row(self) -> str:
        if self._deaths > self.failed:
            return f"it died {self._deaths} times in a row, the last time: "
        if self._deaths > 1:
            return f"{self.failed} starts in a row failed, or it died soon after; the last: "
        if self.failed > 1:
            return f"{self.failed} starts in a row failed, the last: "
        return "its start failed: "
