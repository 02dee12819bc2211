"""When is an engine started again, and when no more? Its failures in a row, counted."""

from __future__ import annotations

from rungwise.config import RestartConfig

__all__ = ["Backoff"]


class Backoff:
    """Waits `first_wait_s`, then twice as long each time, at most `most_wait_s`; gives up once
    `tries` starts in a row failed. An engine that died before it ran `settled_s` counts as one
    that did not start; one that died later begins a new row."""

    def __init__(self, config: RestartConfig) -> None:
        self._config = config
        self._waits = 0
        self.failed = 0
        """Starts in a row."""

    def start_failed(self) -> None:
        self.failed += 1

    def died(self, ran_s: float) -> None:
        if ran_s >= self._config.settled_s:
            self.failed = self._waits = 0
        else:
            self.failed += 1

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
        if self.failed == 1:
            return f"its start failed: {why}; {mend}"
        return f"{self.failed} starts in a row failed, the last: {why}; {mend}"
