"""Which signals are there, what must be read for them, and which way do they point?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal, Protocol

from rungwise.confidence.logprob import (
    CoveredMass,
    Entropy,
    FirstLogprob,
    LogLength,
    Margin,
    MeanLogprob,
    MinimumLogprob,
    QuantileLogprob,
    WorstWindowLogprob,
)
from rungwise.contracts import Signal

__all__ = ["ALL", "DEFAULT", "SIGNALS", "Kind", "best_of", "likeliest_for", "new_signal"]

ALL = "all_"
"""Before a signal's name: over every token of the answer, and not only those that decide."""

DEFAULT = ("mean_logprob", "worst_window_logprob", "min_logprob")
"""What is read where nothing says otherwise: the sampled tokens' own numbers cost least."""


class _Counter(Protocol):
    def feed(self, logprob: float, likeliest: Sequence[float]) -> None: ...

    def value(self) -> float | None: ...

    def best(self) -> float | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """`likeliest` tokens must be read at each place. `surer` is +1 where a higher value speaks for
    the draft, -1 where a lower one does; `best` is the surest value there is, None is "any"."""

    make: Callable[[], _Counter] | None
    likeliest: int = 0
    surer: Literal[1, -1] = 1
    best: float | None = 0.0


SIGNALS: dict[str, Kind] = {
    "mean_logprob": Kind(make=MeanLogprob),
    "min_logprob": Kind(make=MinimumLogprob),
    "worst_window_logprob": Kind(make=WorstWindowLogprob),
    "first_logprob": Kind(make=FirstLogprob),
    "q05_logprob": Kind(make=partial(QuantileLogprob, 0.05)),
    "q10_logprob": Kind(make=partial(QuantileLogprob, 0.10)),
    "q25_logprob": Kind(make=partial(QuantileLogprob, 0.25)),
    "q50_logprob": Kind(make=partial(QuantileLogprob, 0.50)),
    "log_length": Kind(make=LogLength, surer=-1),
    "mean_margin": Kind(make=partial(Margin, least=False), likeliest=2, best=None),
    "min_margin": Kind(make=partial(Margin, least=True), likeliest=2, best=None),
    "mean_entropy": Kind(make=partial(Entropy, most=False), likeliest=5, surer=-1),
    "max_entropy": Kind(make=partial(Entropy, most=True), likeliest=5, surer=-1),
    "covered_mass": Kind(make=CoveredMass, likeliest=5, best=1.0),
    # paid for, and known only once a finished draft was asked about
    "self_check": Kind(make=None, best=1.0),
    "agreement": Kind(make=None, best=1.0),
    "judge": Kind(make=None, best=1.0),
}
SIGNALS |= {ALL + name: kind for name, kind in SIGNALS.items() if kind.make is not None}


class _Named:
    """A counter under the name it was asked for by (see contracts.Signal)."""

    def __init__(self, name: str, counter: _Counter) -> None:
        self.name = name
        self.feed, self.value, self.best = counter.feed, counter.value, counter.best


def new_signal(name: str) -> Signal | None:
    """A fresh signal; None where the reading comes from a probe. KeyError for an unknown name."""
    make = SIGNALS[name].make
    return None if make is None else _Named(name, make())


def likeliest_for(names: Sequence[str]) -> int:
    """How many likeliest tokens must be asked for at each place, so that all can be read."""
    return max((SIGNALS[name].likeliest for name in names), default=0)


def best_of(name: str) -> float | None:
    """The surest value that a signal can have; None is "any"."""
    return SIGNALS[name].best
