"""How soon is a fall of accuracy called, and how often is a calm stream? The server's own detector.

Every stream begins with the calm outcomes from which the detector learns. Delays are counted from
the fall in labelled steps, and in steps at the share of them that has labels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rungwise.config import DriftConfig
from rungwise.drift.fresh import fresh
from rungwise.lab.drift.rivals import Bits, Cusum, Window, tuned

__all__ = ["BASES", "DriftFigures", "Watched", "simulate"]

BASES, FALL, LABELLED = (0.9, 0.8, 0.97), 0.10, 0.05
LONGEST, CALM_RUN = 20_000, 50_000
WINDOW = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What one method made of the streams of one accuracy."""

    delays: tuple[int, ...]
    """Labelled steps from the fall to the alarm; LONGEST where there was none."""
    runs: tuple[tuple[int, bool], ...]
    """Of calm streams: how long until the first alarm, and whether there was one."""

    def delay(self, share: float) -> float:
        return float(np.quantile(self.delays, share))

    @property
    def false_per_10_000(self) -> float:
        """First alarms, for each 10,000 labelled observations watched."""
        return 10_000 * sum(rang for _, rang in self.runs) / sum(n for n, _ in self.runs)

    @property
    def early(self) -> float:
        """The share of calm streams with a false alarm among their first 10,000 observations."""
        return sum(rang and n <= 10_000 for n, rang in self.runs) / len(self.runs)

    @property
    def soon(self) -> float:
        """How many calm observations one stream in twenty goes without an alarm, at most: the runs
        of those that learned from an odd sample."""
        return float(np.quantile([n for n, _ in self.runs], 0.05))


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftFigures:
    streams: int
    config: DriftConfig
    found: Mapping[float, Mapping[str, Watched]]
    """By accuracy, by method."""

    def as_json(self) -> dict[str, object]:
        return {
            "streams": self.streams,
            "fall": FALL,
            "labelled_share": LABELLED,
            "calm": self.config.calm,
            "false_alarm_every": self.config.false_alarm_every,
            "bound_false_per_10_000": 10_000 / self.config.false_alarm_every,
            "calm_run": CALM_RUN,
            "longest": LONGEST,
            "by_accuracy": {
                str(base): {name: _told(watched) for name, watched in methods.items()}
                for base, methods in self.found.items()
            },
        }

    def as_lines(self) -> list[str]:
        lines = [
            f"a fall of {FALL:.0%}, {LABELLED:.0%} of steps labelled, {self.streams} streams each; "
            f"bound: {10_000 / self.config.false_alarm_every:g} false alarms in 10,000 labels",
            f"{'right':>6}  {'':<28}{'labels':>7}{'steps to the alarm (5-95 %)':>32}"
            f"{'false / 10,000 labels':>23}{'calm, false':>13}{'1 in 20 by':>12}",
        ]
        for base, methods in self.found.items():
            for name, w in methods.items():
                middle, low, high = (w.delay(q) / LABELLED for q in (0.5, 0.05, 0.95))
                lines.append(
                    f"{base:>6.0%}  {name:<28}{w.delay(0.5):>7.0f}"
                    f"{f'{middle:,.0f} ({low:,.0f}-{high:,.0f})':>32}"
                    f"{w.false_per_10_000:>23.3f}{w.early:>13.1%}{w.soon:>12,.0f}"
                )
        return [
            *lines,
            "calm, false: streams with a false alarm within 10,000 labels; 1 in 20 by: so soon one "
            "calm stream in twenty has one, in labels",
        ]


def simulate(
    streams: int = 400, seed: int = 0, progress: Callable[[], object] = lambda: None
) -> DriftFigures:
    """`progress` is called once for each accuracy. Deterministic."""
    config, found = DriftConfig(), {}
    for place, base in enumerate(BASES):
        found[base] = _of(base, config, streams, seed + place)
        progress()
    return DriftFigures(streams=streams, config=config, found=found)


def _of(base: float, config: DriftConfig, streams: int, seed: int) -> Mapping[str, Watched]:
    every = config.false_alarm_every
    cusum = tuned(lambda h: Cusum(usual=base, fall=FALL, limit=h), base, every, seed)
    window = tuned(lambda h: Window(usual=base, size=WINDOW, limit=h), base, every, seed)
    runners: Mapping[str, Callable[[Bits, Bits], int | None]] = {
        "rungwise": lambda calm, then: _detect(config, calm, then),
        "CUSUM, accuracy known": lambda calm, then: cusum.run(then),
        "CUSUM, accuracy estimated": lambda calm, then: _cusum(calm, cusum.limit).run(then),
        "window, accuracy estimated": lambda calm, then: _window(calm, then, window.limit),
    }
    drawn = np.random.default_rng([seed, 1])
    calms = [drawn.random(config.calm) < base for _ in range(streams)]
    fallen = [drawn.random(LONGEST) < base - FALL for _ in range(streams)]
    quiet = [drawn.random(CALM_RUN) < base for _ in range(streams)]
    return {
        name: Watched(
            delays=tuple(run(c, then) or LONGEST for c, then in zip(calms, fallen, strict=True)),
            runs=_runs(run, calms, quiet),
        )
        for name, run in runners.items()
    }


def _runs(
    run: Callable[[Bits, Bits], int | None], calms: Sequence[Bits], quiet: Sequence[Bits]
) -> tuple[tuple[int, bool], ...]:
    ends = [run(calm, then) for calm, then in zip(calms, quiet, strict=True)]
    return tuple((CALM_RUN, False) if end is None else (end, True) for end in ends)


def _detect(config: DriftConfig, calm: Bits, then: Bits) -> int | None:
    detector = fresh("accuracy", config)
    for x in calm.tolist():
        detector.take(float(x))
    for place, x in enumerate(then.tolist(), start=1):
        if detector.take(float(x)) == "began":
            return place
    return None


def _cusum(calm: Bits, limit: float) -> Cusum:
    return Cusum(usual=float(calm.mean()), fall=FALL, limit=limit)


def _window(calm: Bits, then: Bits, limit: float) -> int | None:
    """The window is full when the stream begins."""
    window = Window(usual=float(calm.mean()), size=WINDOW, limit=limit)
    place = window.run(np.concatenate([calm[-WINDOW:], then]))
    return None if place is None else max(1, place - WINDOW)


def _told(watched: Watched) -> dict[str, object]:
    delays = {f"{q:g}": watched.delay(q) for q in (0.05, 0.5, 0.95)}
    return {
        "labels_to_alarm": delays,
        "steps_to_alarm": {q: delay / LABELLED for q, delay in delays.items()},
        "not_called": sum(delay >= LONGEST for delay in watched.delays),
        "false_per_10_000_labels": watched.false_per_10_000,
        "false_per_10_000_steps": watched.false_per_10_000 * LABELLED,
        "calm_streams_with_a_false_alarm_in_10_000_labels": watched.early,
        "one_in_twenty_calm_streams_rings_within_labels": watched.soon,
        "observations_watched": sum(n for n, _ in watched.runs),
    }
