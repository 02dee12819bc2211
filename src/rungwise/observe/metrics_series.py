"""What makes a series, and how many can there be? Known names alone, each found at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from prometheus_client import CollectorRegistry

from rungwise.observe.metrics_counts import Counter
from rungwise.observe.metrics_spread import Histogram

__all__ = ["OTHER", "SECONDS", "SHARES", "Known", "Series", "first_of"]

OTHER = "other"
"""What a label says for every name that is not known."""

SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
SHARES = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 1.0)

_MOST_LEARNT = 100


class Known(dict[str, str]):
    """The names that a label may have: itself for each of them, OTHER for any other."""

    def __init__(self, names: Iterable[str] | None) -> None:
        """None: the first hundred that are asked for."""
        super().__init__((name, name) for name in names or ())
        self._learns = names is None

    def __missing__(self, name: str) -> str:
        if self._learns and len(self) < _MOST_LEARNT:
            return self.setdefault(name, name)
        return OTHER


def first_of(seen: set[str], name: str, most: int) -> str:
    """The name itself while no more than so many were seen, OTHER from then on."""
    if name not in seen:
        if len(seen) >= most:
            return OTHER
        seen.add(name)
    return name


class Series:
    """Makes metrics in one registry. Each gives, by the values of its labels, the method that
    counts."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self.counters: list[Counter] = []
        self.histograms: list[Histogram] = []

    def counter(
        self, name: str, told: str, labels: Sequence[str]
    ) -> Callable[..., Callable[..., None]]:
        made = Counter(name, told, labels)
        self._registry.register(made)
        self.counters.append(made)
        return made.of

    def histogram(
        self, name: str, told: str, labels: Sequence[str], bounds: Sequence[float] = SECONDS
    ) -> Callable[..., Callable[[float], None]]:
        made = Histogram(name, told, labels, bounds)
        self._registry.register(made)
        self.histograms.append(made)
        return made.of
