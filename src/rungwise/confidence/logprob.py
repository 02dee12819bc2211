"""What do the tokens' own log-probabilities say of a draft? Signals, one token at a time.

All values are natural logarithms. A signal takes O(1) for a token. It knows the surest value that
it can still reach, so that the gate can tell a doubtful draft from a lost one.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence

__all__ = [
    "CoveredMass",
    "Entropy",
    "FirstLogprob",
    "LogLength",
    "Margin",
    "MeanLogprob",
    "MinimumLogprob",
    "QuantileLogprob",
    "WorstWindowLogprob",
    "entropy",
    "margin",
]

WINDOW = 8
"""Tokens in the worst window: long enough to smooth one odd name, short enough for one field."""


class MeanLogprob:
    """The mean over the tokens."""

    def __init__(self) -> None:
        self._sum, self._count = 0.0, 0

    def feed(self, logprob: float, likeliest: Sequence[float]) -> None:
        self._sum += logprob
        self._count += 1

    def value(self) -> float | None:
        return self._sum / self._count if self._count else None

    def best(self) -> float | None:
        """Enough sure tokens can still bring any mean up to zero."""
        return 0.0


class MinimumLogprob:
    """The least sure single token."""

    def __init__(self) -> None:
        self._least: float | None = None

    def feed(self, logprob: float, likeliest: Sequence[float]) -> None:
        if self._least is None or logprob < self._least:
            self._least = logprob

    def value(self) -> float | None:
        return self._least

    def best(self) -> float | None:
        return 0.0 if self._least is None else self._least


class WorstWindowLogprob:
    """The lowest mean over any `WINDOW` tokens in a row; over all of them where fewer came.

    DeepConf (arXiv 2508.15260) calls the same number the lowest group confidence.
    """

    def __init__(self) -> None:
        self._window: deque[float] = deque(maxlen=WINDOW)
        self._sum = 0.0
        self._worst = math.inf

    def feed(self, logprob: float, likeliest: Sequence[float]) -> None:
        window = self._window
        if len(window) == WINDOW:
            self._sum -= window[0]
        window.append(logprob)
        self._sum += logprob
        if len(window) == WINDOW and self._sum < self._worst * WINDOW:
            self._worst = self._sum / WINDOW

    def value(self) -> float | None:
        if not self._window:
            return None
        return self._worst if self._worst < math.inf else self._sum / len(self._window)

    def best(self) -> float | None:
        """Only a full window binds: a short draft's mean can still be lifted."""
        return self._worst if self._worst < math.inf else 0.0


class QuantileLogprob:
    """The log-probability that `share` of the tokens do not exceed (nearest rank)."""

    def __init__(self, share: float) -> None:
        self._share = share
        self._seen: list[float] = []

    def feed(self, logprob: float, likeliest: Sequence[float]) -> None:
        self._seen.append(logprob)

    def value(self) -> float | None:
        if not self._seen:
            return None
        rank = math.ceil(self._share * len(self._seen)) - 1
        return sorted(self._seen)[max(0, rank)]

    def best(self) -> float | None:
        return 0.0


class FirstLogprob:
    """The first token's: in an answer that is a label, the one that decides."""

    def __init__(self) -> None:
        self._first: float | None = None

    def feed(self, logprob: float, likeliest: Sequence[float]) -> None:
        if self._first is None:
            self._first = logprob

    def value(self) -> float | None:
        return self._first

    def best(self) -> float | None:
        return 0.0 if self._first is None else self._first


class LogLength:
    """ln(1 + tokens): long drafts have more places to go wrong."""

    def __init__(self) -> None:
        self._count = 0

    def feed(self, logprob: float, likeliest: Sequence[float]) -> None:
        self._count += 1

    def value(self) -> float | None:
        return math.log1p(self._count) if self._count else None

    def best(self) -> float | None:
        return math.log1p(self._count)


class Margin:
    """How far each token stands above the likeliest other one: the mean of it, or the least."""

    def __init__(self, *, least: bool) -> None:
        self._least = math.inf if least else None
        self._sum, self._count, self._unread = 0.0, 0, False

    def feed(self, logprob: float, likeliest: Sequence[float]) -> None:
        found = margin(logprob, likeliest)
        if found is None:
            self._unread = True
            return
        self._sum += found
        self._count += 1
        if self._least is not None and found < self._least:
            self._least = found

    def value(self) -> float | None:
        if self._unread or not self._count:
            return None
        return self._sum / self._count if self._least is None else self._least

    def best(self) -> float | None:
        return self._least if self._least is not None and self._count else None


class Entropy:
    """How open each choice of a token was, in nats: the mean of it, or the most."""

    def __init__(self, *, most: bool) -> None:
        self._most = 0.0 if most else None
        self._sum, self._count, self._unread = 0.0, 0, False

    def feed(self, logprob: float, likeliest: Sequence[float]) -> None:
        if len(likeliest) < 2:
            self._unread = True
            return
        found = entropy(likeliest)
        self._sum += found
        self._count += 1
        if self._most is not None and found > self._most:
            self._most = found

    def value(self) -> float | None:
        if self._unread or not self._count:
            return None
        return self._sum / self._count if self._most is None else self._most

    def best(self) -> float | None:
        return 0.0 if self._most is None else self._most


class CoveredMass:
    """The mean probability that the likeliest tokens have together: how much of the entropy is
    seen, and not bounded from below."""

    def __init__(self) -> None:
        self._sum, self._count = 0.0, 0

    def feed(self, logprob: float, likeliest: Sequence[float]) -> None:
        if likeliest:
            self._sum += min(1.0, sum(map(math.exp, likeliest)))
            self._count += 1

    def value(self) -> float | None:
        return self._sum / self._count if self._count else None

    def best(self) -> float | None:
        return 1.0


def margin(logprob: float, likeliest: Sequence[float]) -> float | None:
    """`logprob` over the likeliest other token's; below zero where that one was likelier.

    Under a grammar a place may have a single possible token: no other, no margin.
    """
    if len(likeliest) < 2:
        return None
    other = likeliest[1] if logprob >= likeliest[0] - 1e-6 else likeliest[0]
    return logprob - other


def entropy(likeliest: Sequence[float]) -> float:
    """A lower bound on the entropy of a distribution of which only the likeliest are known, nats.

    The unseen rest r is at most as likely, token by token, as the last seen one, so it adds at
    least -r ln p_k. One bucket for the rest would say -r ln r, which is wrong for a large rest.
    """
    seen = [math.exp(value) for value in likeliest]
    rest = max(0.0, 1.0 - sum(seen))
    known = -sum(p * value for p, value in zip(seen, likeliest, strict=True))
    return known - rest * likeliest[-1]
