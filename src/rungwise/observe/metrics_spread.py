"""How were the values spread, for each series of a histogram? The library's histograms, but faster.

Histograms are most of what Prometheus is told: with fifty routes the library takes longer to write
theirs than a scrape may take. Here a series' lines are made once, and only numbers change.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import accumulate

from prometheus_client.core import HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from rungwise.observe.exposition import number, written

__all__ = ["Histogram"]


class _Spread:
    """One series."""

    __slots__ = ("_bounds", "_counts", "_heads", "_total", "values")

    def __init__(
        self, name: str, labels: Sequence[str], values: Sequence[str], told: _Bounds
    ) -> None:
        self._bounds, self.values = told.bounds, tuple(values)
        self._counts, self._total = [0] * (len(told.bounds) + 1), 0.0
        own = tuple(zip(labels, values, strict=True))
        of = written(own)
        buckets = (f"{name}_bucket{{{written((*own, ('le', le)))}}} " for le in told.written)
        self._heads = (*buckets, f"{name}_count{{{of}}} ", f"{name}_sum{{{of}}} ")

    def observe(self, value: float) -> None:
        self._counts[bisect_left(self._bounds, value)] += 1
        self._total += value

    def now(self) -> tuple[list[int], float]:
        """How many were up to each bound, and their sum."""
        return list(accumulate(list(self._counts))), self._total

    def lines(self) -> str:
        counts, total = self.now()
        told = [*map(number, map(float, (*counts, counts[-1]))), number(total)]
        return "".join([f"{head}{value}\n" for head, value in zip(self._heads, told, strict=True)])


class _Bounds:
    """The bounds of buckets, and how they are written."""

    __slots__ = ("bounds", "written")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = tuple(bounds)
        self.written = tuple(number(bound) for bound in (*bounds, float("inf")))


class Histogram(Collector):
    """`of` gives the method that observes, by the values of the labels. Observed in one thread,
    read from any."""

    def __init__(
        self, name: str, told: str, labels: Sequence[str], bounds: Sequence[float]
    ) -> None:
        self._name, self._told, self._labels = name, told, tuple(labels)
        self._bounds = _Bounds(bounds)
        self._series: list[_Spread] = []
        self.of: Callable[..., Callable[[float], None]] = cache(self._begin)

    def _begin(self, *values: str) -> Callable[[float], None]:
        spread = _Spread(self._name, self._labels, values, self._bounds)
        self._series.append(spread)
        return spread.observe

    def collect(self) -> Iterator[Metric]:
        """As the library wants it."""
        family = HistogramMetricFamily(self._name, self._told, labels=self._labels)
        for spread in list(self._series):
            counts, total = spread.now()
            buckets = list(zip(self._bounds.written, map(float, counts), strict=True))
            family.add_metric(spread.values, buckets, total)
        yield family

    def written(self) -> str:
        """The same as Prometheus' text."""
        head = f"# HELP {self._name} {self._told}\n# TYPE {self._name} histogram\n"
        return head + "".join([spread.lines() for spread in list(self._series)])
