"""Which plan pays most: against every plan there is, in worlds small enough to look at it all."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rungwise.policy.pays import (
    Prospect,
    Rung,
    Worth,
    best,
    best_of_each,
    promising,
    prospects,
)

Number = Any
"""A float, or an array of many."""


@dataclass(frozen=True)
class Spread:
    """A confidence that knows the truth with this probability, and else says what was foreseen."""

    knows: float

    def confidences(self, p: float) -> list[tuple[float, float]]:
        """Each with its probability; calibrated."""
        return [(1.0, self.knows * p), (p, 1 - self.knows), (0.0, self.knows * (1 - p))]

    def chance(self, bar: Number, p: Number) -> Number:
        above = [np.where(v >= bar, share, 0.0) for v, share in self.confidences(p)]
        return sum(above) if np.ndim(bar + p) else float(sum(above))

    def right(self, bar: Number, p: Number) -> Number:
        above = [np.where(v >= bar, v * share, 0.0) for v, share in self.confidences(p)]
        return sum(above) if np.ndim(bar + p) else float(sum(above))


@dataclass(frozen=True)
class Link:
    """How much rungs are right together: 0 is as chance has it, 1 is as much as can be."""

    pull: float
    right: Mapping[str, Number]

    def __call__(self, refused: str, confidence: Number, tier: str, p: Number) -> Number:
        own = self.right[refused]
        most = np.minimum(own * (1 - p), p * (1 - own))
        told = p + self.pull * most * (confidence / own - (1 - confidence) / (1 - own))
        return told if np.ndim(told) else float(told)


def linked(pull: float, rungs: Sequence[Rung[Any]]) -> Link:
    return Link(pull, {rung.tier: rung.right for rung in rungs})


def rung(tier: str, right: Number, nano: Number, knows: float = 0.5, **more: Any) -> Rung[Any]:
    return Rung(tier=tier, right=right, nano=nano, seconds=1.0, reach=Spread(knows), **more)


@st.composite
def ladders(draw: st.DrawFn, most: int = 3) -> list[Rung[float]]:
    count = draw(st.integers(1, most))
    told = st.tuples(st.floats(0.02, 0.98), st.floats(1.0, 1e7), st.floats(0, 5), st.floats(0, 1))
    found = [draw(told) for _ in range(count)]
    return [
        Rung(tier=f"t{k}", right=p, nano=nano, seconds=s, reach=Spread(knows))
        for k, (p, nano, s, knows) in enumerate(found)
    ]


worths = st.builds(Worth, right_usd=st.floats(1e-5, 0.1), second_usd=st.floats(0, 1e-3))
pulls = st.floats(0, 1)


def solved(rungs: Sequence[Rung[float]], pull: float, worth: Worth) -> list[Prospect[float]]:
    return prospects(rungs, linked(pull, rungs), worth, larger=max)


def gained(
    rungs: Sequence[Rung[float]],
    after: Any,
    worth: Worth,
    plan: Sequence[int],
    bars: Sequence[float],
    told: tuple[int, float] | None = None,
) -> float:
    """What this plan gains with these bars, by walking through all that can happen; `told` is the
    rung that was refused last, and whether it was right."""
    (place, *above), own = plan, rungs[plan[0]]
    p = own.right if told is None else after(rungs[told[0]].tier, told[1], own.tier, own.right)
    gain = -own.nano - worth.second_usd * 1e9 * own.seconds
    if not above:
        return gain + worth.right_usd * 1e9 * p
    for v, share in own.reach.confidences(own.right):  # type: ignore[attr-defined]
        for truth, as_foreseen, now in ((1.0, own.right, p), (0.0, 1 - own.right, 1 - p)):
            of_these = share * (v if truth else 1 - v) / as_foreseen * now
            if v >= bars[0]:
                gain += of_these * truth * worth.right_usd * 1e9
            else:
                gain += of_these * gained(rungs, after, worth, above, bars[1:], (place, truth))
    return gain


GRID = (0.0, 0.2, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1)


@settings(max_examples=150)
@given(ladders(), pulls, worths)
def test_no_plan_gains_more_with_any_bars(
    rungs: list[Rung[float]], pull: float, worth: Worth
) -> None:
    found = best(solved(rungs, pull, worth))
    at_stake = worth.right_usd * 1e9 + sum(rung.nano for rung in rungs)
    for length in range(1, len(rungs) + 1):
        for plan in itertools.combinations(range(len(rungs)), length):
            for bars in itertools.product(GRID, repeat=length - 1):
                assert (
                    gained(rungs, linked(pull, rungs), worth, plan, bars)
                    <= found.gain + 1e-9 * at_stake
                )


@settings(max_examples=150)
@given(ladders(4), pulls, worths)
def test_what_is_foreseen_of_a_plan_is_what_comes_of_it(
    rungs: list[Rung[float]], pull: float, worth: Worth
) -> None:
    at_stake = worth.right_usd * 1e9 + sum(rung.nano for rung in rungs)
    for found in solved(rungs, pull, worth):
        told = gained(rungs, linked(pull, rungs), worth, found.rungs, found.bars)
        assert found.gain == pytest.approx(told, abs=1e-9 * at_stake)
        again = worth.right_usd * found.right - worth.second_usd * found.seconds
        assert found.gain == pytest.approx(again * 1e9 - found.nano, abs=1e-9 * at_stake)
        assert all(0 <= bar <= 1 for bar in found.bars) and 0 <= found.right <= 1 + 1e-9


def test_a_dice_roll_agrees() -> None:
    """Three rungs, 200,000 steps, rolled one by one."""
    rungs = [rung("a", 0.6, 1e5, 0.7), rung("b", 0.7, 6e5, 0.6), rung("c", 0.95, 4e6)]
    after, worth, rng = linked(0.3, rungs), Worth(right_usd=0.01), np.random.default_rng(0)
    found = next(p for p in solved(rungs, 0.3, worth) if p.rungs == (0, 1, 2))
    steps = 200_000
    nano, right = np.zeros(steps), np.zeros(steps, bool)
    going, truth, last = np.ones(steps, bool), np.zeros(steps), None
    for own, bar in zip(rungs, (*found.bars, 0.0), strict=True):
        p = np.full(steps, own.right) if last is None else after(last, truth, own.tier, own.right)
        is_right = rng.random(steps) < p
        knows = rng.random(steps) < own.reach.knows  # type: ignore[attr-defined]
        v = np.where(knows, is_right, own.right)
        nano += going * own.nano
        right |= going & (v >= bar) & is_right
        going, truth, last = going & (v < bar), is_right, own.tier
    assert right.mean() == pytest.approx(found.right, abs=0.004)
    assert nano.mean() == pytest.approx(found.nano, rel=0.01)


@settings(max_examples=150)
@given(ladders(4), pulls, st.lists(st.floats(1e-5, 0.1), min_size=2, max_size=5))
def test_the_more_a_right_answer_is_worth_the_more_are_right(
    rungs: list[Rung[float]], pull: float, told: list[float]
) -> None:
    found = [best(solved(rungs, pull, Worth(right_usd=usd))) for usd in sorted(told)]
    for less, more in itertools.pairwise(found):
        assert more.right >= less.right - 1e-6 and more.nano >= less.nano * (1 - 1e-6)


@given(ladders(4), pulls)
def test_where_a_right_answer_is_worth_nothing_the_cheapest_rung_drafts(
    rungs: list[Rung[float]], pull: float
) -> None:
    found = best(solved(rungs, pull, Worth(right_usd=0.0)))
    cheapest = min(rung.nano for rung in rungs)
    assert [rungs[place].nano for place in found.rungs] == pytest.approx([cheapest])


@given(st.lists(st.floats(1.0, 1e7), min_size=1, max_size=4, unique=True), st.floats(0.05, 0.95))
def test_of_rungs_that_are_right_together_the_cheapest_drafts_alone(
    nanos: list[float], p: float
) -> None:
    rungs = [rung(f"t{k}", p, nano) for k, nano in enumerate(nanos)]
    found = best(solved(rungs, 1.0, Worth(right_usd=0.01)))
    assert found.nano == pytest.approx(min(nanos)) and len(found.rungs) == 1


def test_time_counts_like_money() -> None:
    slow = Rung(tier="slow", right=0.95, nano=0.0, seconds=9.0, reach=Spread(1.0))
    quick = rung("quick", 0.9, 1e6)
    for second_usd, expected in ((0.0, (0,)), (0.01, (1,))):
        found = prospects(
            [slow, quick],
            linked(0.0, [slow, quick]),
            Worth(right_usd=0.1, second_usd=second_usd),
            larger=max,
            singles=True,
        )
        assert best(found).rungs == expected


def test_the_bar_of_two_rungs_is_where_climbing_pays_nothing() -> None:
    """At the bar: right_usd b = right_usd (b P(c | right) + (1 - b) P(c | wrong)) - cost."""
    low, high = rung("low", 0.6, 1e4), rung("high", 0.9, 2e6)
    (bar,) = next(p for p in solved([low, high], 0.2, Worth(right_usd=0.01)) if p.bars).bars
    climbed = linked(0.2, [low, high])("low", bar, "high", 0.9) * 0.01 - 0.002
    assert 0 < bar < 1 and 0.01 * bar == pytest.approx(climbed)


# ---- judged, and promised --------------------------------------------------------------------


def test_after_a_rung_that_nobody_judges_none_goes_on() -> None:
    rungs = [rung("a", 0.5, 1e4), rung("b", 0.7, 1e5, judged=False), rung("c", 0.9, 1e6)]
    found = {p.rungs for p in solved(rungs, 0.2, Worth(right_usd=0.01))}
    assert found == {(0,), (1,), (2,), (0, 1), (0, 2)}


def test_a_promise_is_kept_where_it_asks_for_more_than_pays() -> None:
    low, high = rung("low", 0.6, 1e4, 0.0), rung("high", 0.9, 2e6)
    worth = Worth(right_usd=0.003)
    (bar,) = solved([low, high], 0.0, worth)[-1].bars
    assert bar < 0.6, "what is foreseen is sure enough to be given out"
    promised = replace(low, promised=0.8)
    assert solved([promised, high], 0.0, worth)[-1].nano == pytest.approx(2e6 + 1e4)
    never = replace(low, promised=float("inf"))
    assert solved([never, high], 0.0, worth)[-1].nano == pytest.approx(2e6 + 1e4)


def test_under_a_promise_a_plan_ends_at_the_highest_rung_or_where_nobody_judges() -> None:
    rungs = [rung("a", 0.5, 1e4), rung("b", 0.7, 1e5, judged=False), rung("c", 0.9, 1e6)]
    found = promising(solved(rungs, 0.2, Worth(right_usd=0.01)), rungs)
    assert {p.rungs for p in found} == {(1,), (2,), (0, 1), (0, 2)}


# ---- many at once ----------------------------------------------------------------------------


def at(many: Rung[Any], chat: int) -> Rung[float]:
    told = {name: float(getattr(many, name)[chat]) for name in ("right", "nano", "seconds")}
    return replace(many, **told)


@settings(max_examples=60)
@given(
    st.integers(1, 4),
    st.integers(0, 2**32 - 1),
    pulls,
    worths,
    st.sampled_from([lambda found, _: found, promising]),
)
def test_many_chats_at_once_are_planned_as_each_alone(
    count: int, seed: int, pull: float, worth: Worth, kept: Callable[..., Any]
) -> None:
    rng, chats = np.random.default_rng(seed), 7
    many: list[Rung[Any]] = [
        Rung(
            tier=f"t{k}",
            right=rng.uniform(0.05, 0.95, chats),
            nano=rng.uniform(1, 1e7, chats),
            seconds=rng.uniform(0, 3, chats),
            reach=Spread(float(rng.uniform())),
            judged=bool(rng.uniform() < 0.8),
            promised=float(rng.choice([0.0, 0.5, np.inf])),
        )
        for k in range(count)
    ]
    told = prospects(many, linked(pull, many), worth, larger=np.maximum)
    chosen = best_of_each(kept(told, many), count)
    for chat in range(chats):
        one = [at(rung, chat) for rung in many]
        found = best(kept(solved(one, pull, worth), one))
        assert chosen.plans[chosen.plan[chat]] == found.rungs
        assert chosen.gain[chat] == pytest.approx(found.gain)
        assert chosen.right[chat] == pytest.approx(found.right)
        assert chosen.nano[chat] == pytest.approx(found.nano)
        bars = chosen.bars[chat][list(found.rungs)]
        assert bars[:-1] == pytest.approx(list(found.bars)) and np.isnan(bars[-1])
