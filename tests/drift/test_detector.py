"""False alarms are as rare as promised, though the usual is only estimated; falls are called."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rungwise.drift.bounds import at_most
from rungwise.drift.calibrated import Calibrated
from rungwise.drift.detector import Detector, Statistic
from rungwise.drift.evidence import RISK, grow, needed, total
from rungwise.drift.share import Share, Side
from rungwise.drift.slower import Slower
from rungwise.drift.spread import Spread


def share(side: Side = "fall", calm: int = 100) -> Share:
    return Share(side=side, calm=calm, fall=0.05, risk=RISK)


def watched(stat: Statistic, every: int = 500, calm: int = 100) -> Detector:
    return Detector(stat=stat, every=every, calm=calm)


def until(found: Detector, draw: Callable[[], tuple[float, float]], most: int) -> int | None:
    """After how many observations it rings."""
    for place in range(1, most + 1):
        if found.take(*draw()) == "began":
            return place
    return None


@given(
    st.sampled_from(["fall", "rise", "both"]),
    st.integers(1, 400),
    st.data(),
)
def test_every_bet_is_fair_or_worse_as_long_as_the_share_is_usual(
    side: Side, calm: int, data: st.DataObject
) -> None:
    stat = share(side, calm)
    right = data.draw(st.integers(0, calm))
    for x in [1.0] * right + [0.0] * (calm - right):
        assert stat.take(x) is None
    assert stat.low is not None and stat.high is not None and stat.low <= stat.high
    p = stat.low + data.draw(st.floats(0, 1)) * (stat.high - stat.low)
    ones, zeros = stat.take(1.0), stat.take(0.0)
    assert ones is not None and zeros is not None
    for one, zero in zip(ones, zeros, strict=True):
        assert one >= 0 and zero >= 0
        assert p * one + (1 - p) * zero <= 1 + 1e-9
    x = data.draw(st.floats(0, 1))
    between = stat.take(x) or ()
    for f, one, zero in zip(between, ones, zeros, strict=True):
        assert f == pytest.approx(zero + x * (one - zero), abs=1e-9)


@given(st.floats(0, 1), st.floats(-1, 1))
def test_no_bet_gains_on_a_confidence_that_is_right(said: float, off: float) -> None:
    stat = Calibrated(fall=0.05)
    p = min(1.0, max(0.0, said + off * 0.025))
    for one, zero in zip(stat.take(1.0, said) or (), stat.take(0.0, said) or (), strict=True):
        assert p * one + (1 - p) * zero <= 1 + 1e-9


@pytest.mark.parametrize(
    ("name", "fresh", "draw"),
    [
        ("share", lambda: share("both"), lambda r: (float(r.random() < 0.9), 1.0)),
        ("fall", lambda: share(), lambda r: (float(r.random() < 0.9), 1.0)),
        ("slower", lambda: Slower(calm=100, fall=0.05, slower=1.5), lambda r: (r.random(), 1.0)),
        (
            "spread",
            lambda: Spread(calm=100, fall=0.05, risk=RISK),
            lambda r: (round(r.betavariate(8, 1), 2), 1.0),
        ),
        (
            "calibrated",
            lambda: Calibrated(fall=0.05),
            lambda r: (float(r.random() < 0.8), 0.8),
        ),
    ],
)
def test_calm_streams_ring_no_oftener_than_the_bound(
    name: str,
    fresh: Callable[[], Statistic],
    draw: Callable[[random.Random], tuple[float, float]],
) -> None:
    """Runs are at least `every` long on average, those cut off at `most` counted as that long
    only: alarms for each observation are compared with the bound, exactly and seeded."""
    every, most, streams = 200, 400, 150
    alarms = watched_so_long = 0
    for seed in range(streams):
        drawn = random.Random(f"{name} {seed}")
        found = watched(fresh(), every)
        while found.stat.usual is None:
            found.take(*draw(drawn))
        rang = until(found, lambda d=drawn: draw(d), most)  # type: ignore[misc]
        alarms += rang is not None
        watched_so_long += rang or most
    # were the mean run below `every`, more than this would ring in so long a time
    assert alarms <= watched_so_long / every


def test_a_bound_that_were_not_there_would_fail_the_test_above() -> None:
    """At a tenth of the evidence the same count breaks the same limit."""
    alarms = watched_so_long = 0
    for seed in range(150):
        drawn = random.Random(seed)
        found = watched(Calibrated(fall=0.0001), 3)
        rang = until(found, lambda d=drawn: (float(d.random() < 0.8), 0.8), 400)  # type: ignore[misc]
        alarms += rang is not None
        watched_so_long += rang or 400
    assert alarms > watched_so_long / 200


@pytest.mark.parametrize(
    ("fresh", "calm", "then"),
    [
        (share, lambda r: r.random() < 0.9, lambda r: r.random() < 0.6),
        (lambda: share("both"), lambda r: r.random() < 0.2, lambda r: r.random() < 0.6),
        (
            lambda: Slower(calm=100, fall=0.05, slower=1.5),
            lambda r: r.random(),
            lambda r: 2 * r.random(),
        ),
        (
            lambda: Spread(calm=100, fall=0.05, risk=RISK),
            lambda r: r.betavariate(8, 2),
            lambda r: r.betavariate(4, 2),
        ),
    ],
)
def test_a_change_rings_and_its_end_is_heard(
    fresh: Callable[[], Statistic],
    calm: Callable[[random.Random], float],
    then: Callable[[random.Random], float],
) -> None:
    drawn, found = random.Random(1), watched(fresh())
    assert until(found, lambda: (float(calm(drawn)), 1.0), 300) is None
    assert until(found, lambda: (float(then(drawn)), 1.0), 1000) is not None
    assert found.alarmed
    heard = [found.take(float(then(drawn))) for _ in range(400)]
    assert heard.count("began") == 0, "it rings once"
    heard += [found.take(float(calm(drawn))) for _ in range(600)]
    assert "ended" in heard
    found.take(float(calm(drawn)))
    assert found.total < found.bound


def test_overconfidence_rings_at_once_where_nothing_must_be_learned() -> None:
    drawn, found = random.Random(2), watched(Calibrated(fall=0.05))
    rang = until(found, lambda: (float(drawn.random() < 0.6), 0.9), 200)
    assert rang is not None and found.now is not None and found.now < 0


def test_confidences_of_one_never_ring_by_their_number_alone() -> None:
    found = watched(Calibrated(fall=0.05), every=100)
    assert until(found, lambda: (1.0, 1.0), 2000) is None


def test_one_bet_of_a_million_keeps_evidence_finite() -> None:
    evidence: list[float] = []
    for _ in range(1000):
        evidence = grow(evidence, [1e6, 0.0])
    assert total(evidence) < 1e101 and evidence[1] == 0


def test_a_wrongly_bounded_usual_is_paid_for_with_evidence() -> None:
    assert needed(950, 0.05) == pytest.approx(1000)
    assert at_most(0, 10, 0.05) == pytest.approx(1 - 0.05**0.1)


def test_a_key_that_lies_is_known_as_the_only_one_to_say_so() -> None:
    drawn, found = random.Random(3), watched(share())
    for _ in range(200):
        found.take(float(drawn.random() < 0.9), voice="honest")
    for _ in range(400):
        found.take(float(drawn.random() < 0.9), voice="honest")
        found.take(0.0, voice="liar")
        if found.alarmed:
            break
    assert found.alarmed and found.alone == "liar"


def test_what_all_keys_say_needs_no_single_one() -> None:
    drawn, found = random.Random(4), watched(share())
    for place in range(2000):
        p = 0.9 if place < 200 else 0.6
        found.take(float(drawn.random() < p), voice="abc"[place % 3])
    assert found.alarmed and found.alone is None
