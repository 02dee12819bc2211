"""What do the tokens' own log-probabilities say of a draft? Signals, one token at a time.

All values are natural logarithms. Each signal is O(1) per token and knows the best value it can
still reach, so that the gate can tell a doubtful draft from a lost one.
"""

from __future__ import annotations

import math
from collections import deque

from rungwise.contracts import Signal

__all__ = ["SIGNALS", "MeanLogprob", "MinimumLogprob", "WorstWindowLogprob", "new_signals"]

WINDOW = 8
"""Tokens in the worst window: long enough to smooth one odd name, short enough for one field."""


class MeanLogprob:
    """The mean over the tokens that decide."""

    name = "mean_logprob"

    def __init__(self) -> None:
        self._sum, self._count = 0.0, 0

    def feed(self, logprob: float) -> None:
        self._sum += logprob
        self._count += 1

    def value(self) -> float | None:
        return self._sum / self._count if self._count else None

    def best(self) -> float | None:
        """Unbounded: enough sure tokens can still bring any mean up to zero."""
        return 0.0


class MinimumLogprob:
    """The least sure single token."""

    name = "min_logprob"

    def __init__(self) -> None:
        self._least: float | None = None

    def feed(self, logprob: float) -> None:
        self._least = logprob if self._least is None else min(self._least, logprob)

    def value(self) -> float | None:
        return self._least

    def best(self) -> float | None:
        return self._least if self._least is not None else 0.0


class WorstWindowLogprob:
    """The lowest mean over any `WINDOW` tokens in a row; over all of them where fewer came.

    DeepConf (arXiv 2508.15260) calls the same number the lowest group confidence.
    """

    name = "worst_window_logprob"

    def __init__(self) -> None:
        self._window: deque[float] = deque(maxlen=WINDOW)
        self._sum = 0.0
        self._worst = math.inf

    def feed(self, logprob: float) -> None:
        full = len(self._window) == WINDOW
        if full:
            self._sum -= self._window[0]
        self._window.append(logprob)
        self._sum += logprob
        if full or len(self._window) == WINDOW:
            self._worst = min(self._worst, self._sum / WINDOW)

    def value(self) -> float | None:
        if not self._window:
            return None
        return self._worst if self._worst < math.inf else self._sum / len(self._window)

    def best(self) -> float | None:
        """Only a full window binds: a short draft's mean can still be lifted."""
        return self._worst if self._worst < math.inf else 0.0


SIGNALS: dict[str, type[MeanLogprob] | type[MinimumLogprob] | type[WorstWindowLogprob]] = {
    MeanLogprob.name: MeanLogprob,
    MinimumLogprob.name: MinimumLogprob,
    WorstWindowLogprob.name: WorstWindowLogprob,
}


def new_signals(names: tuple[str, ...]) -> tuple[Signal, ...]:
    """A fresh signal for each name, in order. KeyError for a name that no signal has."""
    return tuple(SIGNALS[name]() for name in names)
