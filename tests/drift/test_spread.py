"""Confidences that share one value, as a calibration's flat top has them, are watched both ways."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import asdict
from typing import TypeAlias

import pytest
from pydantic import TypeAdapter, ValidationError

from rungwise.config import DriftConfig
from rungwise.drift.detector import Detector
from rungwise.drift.fresh import fresh
from rungwise.drift.spread import Spread

Draw: TypeAlias = Callable[[random.Random], float]


def top(share: float, below: Draw) -> Draw:
    """So many at .98, the others elsewhere."""
    return lambda r: 0.98 if r.random() < share else below(r)


def constant(value: float) -> Draw:
    return lambda r: value


def anywhere(r: random.Random) -> float:
    return r.uniform(0.3, 0.9)


def learned(draw: Draw, drawn: random.Random, every: int = 10_000) -> Detector:
    found = fresh("confidence", DriftConfig(calm=200, false_alarm_every=every))
    while found.stat.usual is None:
        found.take(draw(drawn))
    return found


def until(found: Detector, draw: Draw, drawn: random.Random, most: int) -> int | None:
    """After how many observations it rings."""
    return next((n for n in range(1, most + 1) if found.take(draw(drawn)) == "began"), None)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    ("calm", "later"),
    [
        (top(0.8, constant(0.6)), constant(0.6)),
        (top(0.8, anywhere), anywhere),
        (constant(0.95), constant(0.5)),
        (constant(0.95), constant(0.99)),
        (constant(0.2), constant(0.9)),
        (constant(0.2), constant(0.1)),
        (lambda r: 0.2 if r.random() < 0.8 else anywhere(r), anywhere),
    ],
)
def test_what_leaves_the_value_of_most_rings_soon(calm: Draw, later: Draw, seed: int) -> None:
    drawn = random.Random(seed)
    found = learned(calm, drawn)
    assert until(found, calm, drawn, 200) is None
    rang = until(found, later, drawn, 30)
    assert rang is not None
    assert "ended" in {found.take(calm(drawn)) for _ in range(1000)}


@pytest.mark.parametrize("seed", range(3))
def test_fewer_at_the_top_ring_too(seed: int) -> None:
    drawn = random.Random(seed)
    found = learned(top(0.9, anywhere), drawn)
    assert until(found, top(0.5, anywhere), drawn, 200) is not None


@pytest.mark.parametrize(
    "draw",
    [
        top(0.8, constant(0.6)),
        top(0.5, constant(0.6)),
        top(0.76, anywhere),
        constant(0.95),
        lambda r: r.betavariate(8, 2),
    ],
)
def test_calm_ones_with_ties_ring_no_oftener_than_the_bound(draw: Draw) -> None:
    """As in test_detector.py: each stream is watched for so long, or until it rings."""
    every, most, streams = 100, 300, 60
    alarms = watched = 0
    for seed in range(streams):
        drawn = random.Random(seed)
        rang = until(learned(draw, drawn, every), draw, drawn, most)
        alarms += rang is not None
        watched += rang or most
    assert alarms <= watched / every


def test_a_part_of_the_risk_is_each_streams_and_ties_alone_make_more_of_them() -> None:
    drawn = random.Random(0)
    for draw, streams in [
        (constant(0.95), 2),
        (top(0.5, constant(0.6)), 4),
        (anywhere, 3),
    ]:
        stat = learned(draw, drawn).stat
        assert isinstance(stat, Spread) and stat.cuts == sorted(set(stat.cuts))
        assert [share.risk for share in stat.shares] == [stat.risk / streams] * streams


def test_what_is_kept_is_restored_and_what_an_older_server_kept_is_learned_anew() -> None:
    drawn = random.Random(0)
    found, kind = learned(top(0.8, constant(0.6)), drawn), TypeAdapter(Detector)
    kept = kind.dump_json(found)
    assert kind.validate_json(kept) == found
    old = asdict(found)
    old["stat"]["form"] = "spread"
    with pytest.raises(ValidationError):  # States says so in one line, and begins anew
        kind.validate_python(old)
