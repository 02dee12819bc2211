"""What does Prometheus see of local engines? Whether they run, how busy, and their own figures."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from typing import Protocol

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from rungwise.observe.exposition import number

__all__ = ["Engine", "EngineMetrics", "Measured"]


class Engine(Protocol):
    """A local rung whose engine is kept alive."""

    @property
    def name(self) -> str: ...

    @property
    def up(self) -> bool: ...

    @property
    def restarts(self) -> int:
        """How often it was started again."""
        ...


class Stood(Protocol):
    """See tiers.local.standing."""

    @property
    def up_s(self) -> float: ...
    @property
    def busy_s(self) -> float: ...
    @property
    def idle_joules(self) -> float: ...
    @property
    def idle_nano(self) -> int | None: ...


class Spread(Protocol):
    """How a number was spread."""

    @property
    def bounds(self) -> Sequence[float]: ...
    @property
    def counts(self) -> Sequence[int]:
        """Under each bound and over the one before, and one more for what is over them all."""
        ...

    @property
    def total(self) -> float: ...


class Stats(Protocol):
    """See tiers.local.engine_stats."""

    @property
    def running(self) -> int: ...
    @property
    def waiting(self) -> int: ...
    @property
    def kv_use(self) -> float | None: ...
    @property
    def queried(self) -> int: ...
    @property
    def hits(self) -> int: ...
    @property
    def prompt(self) -> int: ...
    @property
    def written(self) -> int: ...
    @property
    def preempted(self) -> int: ...
    @property
    def guessed(self) -> int | None: ...
    @property
    def guessed_right(self) -> int: ...
    @property
    def ended(self) -> dict[str, int]: ...
    @property
    def first_token(self) -> Spread: ...
    @property
    def inter_token(self) -> Spread: ...


class Measured(Protocol):
    """A local rung with an engine of its own."""

    @property
    def name(self) -> str: ...

    def standing(self) -> Stood: ...

    @property
    def stats(self) -> Stats | None:
        """None where its engine tells nothing."""
        ...


_GAUGES: tuple[tuple[str, str, Callable[[Stats], float | None]], ...] = (
    ("rungwise_engine_running", "Generations in the batch", lambda s: s.running),
    ("rungwise_engine_waiting", "Generations that wait for it", lambda s: s.waiting),
    ("rungwise_engine_kv_cache_use", "Share of the KV cache in use", lambda s: s.kv_use),
)
_COUNTERS: tuple[tuple[str, str, Callable[[Stats], float | None]], ...] = (
    (
        "rungwise_engine_prefix_cache_queried_tokens",
        "Prompt tokens that were looked up in the prefix cache",
        lambda s: s.queried,
    ),
    (
        "rungwise_engine_prefix_cache_hit_tokens",
        "Prompt tokens that were in the prefix cache",
        lambda s: s.hits,
    ),
    ("rungwise_engine_prompt_tokens", "Tokens read, cached ones included", lambda s: s.prompt),
    ("rungwise_engine_generation_tokens", "Tokens written", lambda s: s.written),
    ("rungwise_engine_preemptions", "Requests put back to make room", lambda s: s.preempted),
    ("rungwise_engine_guessed_tokens", "Tokens guessed ahead", lambda s: s.guessed),
    (
        "rungwise_engine_guessed_right_tokens",
        "Tokens guessed ahead that were right",
        lambda s: None if s.guessed is None else s.guessed_right,
    ),
)
_SPREADS: tuple[tuple[str, str, Callable[[Stats], Spread]], ...] = (
    (
        "rungwise_engine_first_token_seconds",
        "Its begin to a draft's first token",
        lambda s: s.first_token,
    ),
    (
        "rungwise_engine_inter_token_seconds",
        "Mean time between a draft's tokens",
        lambda s: s.inter_token,
    ),
)
_STOOD: tuple[tuple[str, str, Callable[[Stood], float | None]], ...] = (
    ("rungwise_engine_up_seconds", "Ready for drafts", lambda s: s.up_s),
    ("rungwise_engine_busy_seconds", "Ready, and holding a draft", lambda s: s.busy_s),
    ("rungwise_engine_idle_joules", "Energy while it held none", lambda s: s.idle_joules),
    (
        "rungwise_engine_idle_cost_usd",
        "What its idle time cost",
        lambda s: None if s.idle_nano is None else s.idle_nano / 1e9,
    ),
)


class EngineMetrics(Collector):
    """Every family is there; a series only where there is something to tell."""

    def __init__(self) -> None:
        self.engines: list[Engine] = []
        self.measured: list[Measured] = []

    def collect(self) -> Iterator[Metric]:
        yield from self._lives()
        stood = [(each.name, each.standing()) for each in self.measured]
        told = [(each.name, each.stats) for each in self.measured]
        stats = [(name, found) for name, found in told if found is not None]
        for name, line, of_stood in _STOOD:
            yield _filled(_counter(name, line), ((tier, of_stood(s)) for tier, s in stood))
        for name, line, of in _COUNTERS:
            yield _filled(_counter(name, line), ((tier, of(s)) for tier, s in stats))
        for name, line, of in _GAUGES:
            yield _filled(_gauge(name, line), ((tier, of(s)) for tier, s in stats))
        ended = CounterMetricFamily(
            "rungwise_engine_requests", "Drafts that ended", labels=("tier", "ended")
        )
        for tier, s in stats:
            for how, count in list(s.ended.items()):
                ended.add_metric((tier, how), count)
        yield ended
        for name, line, spread_of in _SPREADS:
            yield _spread(name, line, [(tier, spread_of(s)) for tier, s in stats])

    def _lives(self) -> Iterator[Metric]:
        up = _gauge("rungwise_engine_up", "1 while the engine of a local rung can draft")
        restarts = _counter(
            "rungwise_engine_restarts", "Starts of an engine that died, or had not started"
        )
        yield _filled(up, ((engine.name, float(engine.up)) for engine in self.engines))
        yield _filled(restarts, ((engine.name, engine.restarts) for engine in self.engines))


def _counter(name: str, line: str) -> CounterMetricFamily:
    return CounterMetricFamily(name, line, labels=("tier",))


def _gauge(name: str, line: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, line, labels=("tier",))


def _filled(
    family: CounterMetricFamily | GaugeMetricFamily, told: Iterator[tuple[str, float | None]]
) -> Metric:
    for tier, value in told:
        if value is not None:
            family.add_metric((tier,), value)
    return family


def _spread(name: str, line: str, spreads: Sequence[tuple[str, Spread]]) -> Metric:
    family = HistogramMetricFamily(name, line, labels=("tier",))
    for tier, spread in spreads:
        under = map(float, accumulate(list(spread.counts)))
        buckets = list(zip(map(number, (*spread.bounds, math.inf)), under, strict=True))
        family.add_metric((tier,), buckets, spread.total)
    return family
