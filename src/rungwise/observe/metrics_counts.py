"""How often did it happen, for each series of a counter? The library's counters, but faster.

An answer counts in fifteen of them and more. The library locks each; here one thread counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache

from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

__all__ = ["Counter"]


class _Count:
    """One series."""

    __slots__ = ("total", "values")

    def __init__(self, values: Sequence[str]) -> None:
        self.values, self.total = tuple(values), 0.0

    def add(self, amount: float = 1.0) -> None:
        """`amount` is none below zero."""
        self.total += amount


class Counter(Collector):
    """`of` gives the method that counts, by the values of the labels. Counted in one thread, read
    from any."""

    def __init__(self, name: str, told: str, labels: Sequence[str]) -> None:
        self._name, self._told, self._labels = name, told, tuple(labels)
        self._series: list[_Count] = []
        self.of: Callable[..., Callable[..., None]] = cache(self._begin)

    def _begin(self, *values: str) -> Callable[..., None]:
        count = _Count(values)
        self._series.append(count)
        return count.add

    def collect(self) -> Iterator[Metric]:
        """As the library wants it."""
        family = CounterMetricFamily(self._name, self._told, labels=self._labels)
        for count in list(self._series):
            family.add_metric(count.values, count.total)
        yield family
