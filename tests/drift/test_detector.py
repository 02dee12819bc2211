"""False alarms are as rare as promised, though the usual is only estimated; falls are called."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rungwise.drift.both import Both
from rungwise.drift.bounds import at_most
from rungwise.drift.calibrated import Calibrated
from rungwise.drift.detector import REST, Detector, Statistic
from rungwise.drift.evidence import RISK, grow, needed, total
from rungwise.drift.share import Share, Side
from rungwise.drift.slower import Slower
from rungwise.drift.spread import Spread
from rungwise.drift.voices import Voices


def share(side: Side = "fall", calm: int = 100) -> Share:
    return Share(side=side, calm=calm, fall=0.05, risk=RISK)


def twice(fall: float = 0.05) -> Both:
    return Both(plain=Calibrated(fall=fall), even=Calibrated(fall=fall))


def both(calm: int = 100) -> Both:
    return Both(plain=share(calm=calm), even=share(calm=calm))


def watched(stat: Statistic | Share, every: int = 500, calm: int = 100) -> Detector:
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
            lambda: twice(),
            lambda r: (float(r.random() < 0.8), 0.8),
        ),
    ],
)
def test_calm_streams_ring_no_oftener_than_the_bound(
    name: str,
    fresh: Callable[[], Statistic | Share],
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
        found = watched(twice(0.0001), 3)
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
    fresh: Callable[[], Statistic | Share],
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
    drawn, found = random.Random(2), watched(twice())
    rang = until(found, lambda: (float(drawn.random() < 0.6), 0.9), 200)
    assert rang is not None and found.now is not None and found.now < 0


def test_confidences_of_one_never_ring_by_their_number_alone() -> None:
    found = watched(twice(), every=100)
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


# ---- audits and several keys --------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_what_audits_find_is_no_single_keys_word(seed: int) -> None:
    drawn, found = random.Random(seed), watched(share())
    for place in range(200):
        found.take(float(drawn.random() < 0.9), voice="ab"[place % 2])
    for place in range(4000):
        voice = "ab"[place // 10 % 2] if place % 10 == 0 else None
        if found.take(float(drawn.random() < (0.6 if voice is None else 0.95)), voice=voice):
            break
    assert found.alarmed and found.alone is None


def test_a_key_that_comes_after_many_and_lies_is_no_unseen_one() -> None:
    drawn, found = random.Random(5), watched(share())
    for place in range(400):
        found.take(float(drawn.random() < 0.9), voice=f"key{place % 40}")
    for _ in range(400):
        found.take(float(drawn.random() < 0.9), voice="key0")
        found.take(0.0, voice="liar")
    assert found.alarmed and found.alone == REST


def fall(right: dict[str, float], often: dict[str, float], seed: int) -> int | None:
    """A detector learns what both keys say, 90 % right; then each is right so often: after how
    many outcomes it rings."""
    drawn, voices, found = random.Random(seed), Voices(), watched(both(500), 1_000_000)

    def hear(p: dict[str, float]) -> bool:
        (key,) = drawn.choices(list(often), list(often.values()))
        even = voices.lets_in(key, 0.5, drawn.random)
        x = float(drawn.random() < p[key])
        return found.take(x, voice=key, even=even) == "began"

    for _ in range(6000):
        assert not hear({"loud": 0.9, "quiet": 0.9})
    return next((place for place in range(1, 4000) if hear(right)), None)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("few", [0.01, 0.02, 0.2])
def test_a_key_that_says_little_cannot_silence_the_loud_one(few: float, seed: int) -> None:
    rang = fall({"loud": 0.5, "quiet": 1.0}, {"loud": 1 - few, "quiet": few}, seed)
    assert rang is not None and rang < 200


@pytest.mark.parametrize("seed", range(3))
def test_a_key_that_says_much_cannot_hide_what_the_other_says(seed: int) -> None:
    rang = fall({"loud": 0.9, "quiet": 0.3}, {"loud": 0.95, "quiet": 0.05}, seed)
    assert rang is not None and rang < 2500


def test_one_key_alone_is_weighed_as_by_one_half() -> None:
    drawn, one, two = random.Random(6), watched(share()), watched(both())
    for place in range(600):
        x = float(drawn.random() < (0.9 if place < 300 else 0.7))
        one.take(x)
        two.take(x)
        if not one.alarmed:
            assert one.total == pytest.approx(two.total)


def test_calm_streams_of_two_keys_ring_no_oftener_than_the_bound() -> None:
    every, most = 200, 400
    alarms = watched_so_long = 0
    for seed in range(100):
        drawn, voices, found = random.Random(seed), Voices(), watched(both(), every)
        rang = 0
        for place in range(300 + most):
            key = "loud" if drawn.random() < 0.9 else "quiet"
            even = voices.lets_in(key, 0.5, drawn.random)
            if found.take(float(drawn.random() < 0.9), voice=key, even=even) == "began":
                rang = place
                break
        alarms += rang > 0
        watched_so_long += rang or most
    assert alarms <= watched_so_long / every


def test_the_half_that_did_not_ring_holds_no_alarm_on() -> None:
    drawn, found = random.Random(7), watched(both())
    for _ in range(100):
        found.take(float(drawn.random() < 0.9), voice="loud")
    while found.take(float(drawn.random() < 0.5), voice="loud", even=False) != "began":
        pass
    assert not found.told.even
    heard = [found.take(float(drawn.random() < 0.9), voice="loud", even=False) for _ in range(200)]
    assert "ended" in heard


def test_a_half_that_had_not_learned_when_it_rang_learns_once_the_alarm_is_over() -> None:
    found, drawn = watched(both(calm=50), every=200), random.Random(3)
    for place in range(120):
        found.take(float(drawn.random() < 0.9), voice="ab"[place % 2], even=place % 10 == 0)
    rang = until(found, lambda: (0.0, 1.0), 1000)
    assert rang is not None and isinstance(found.stat, Both) and found.stat.even.usual is None
    found.calm_down()
    for _ in range(60):
        found.take(float(drawn.random() < 0.9))
    assert found.stat.even.usual is not None
