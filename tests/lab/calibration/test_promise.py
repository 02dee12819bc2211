"""The promise holds as often as it says, the naive threshold does not, and lacks are counted."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rungwise.lab.calibration.promise import (
    Aim,
    Chosen,
    allowed,
    candidates,
    choose,
    groups_to_test,
    least_labels,
    more_labels,
    naive_threshold,
)
from rungwise.lab.calibration.readings import Bools, Floats
from rungwise.lab.intervals import binomial_cdf

LOSS = Aim(limit=0.05, confidence=0.95)
SPENDING = Aim(kind="spending", limit=0.3, confidence=0.95)
GRID = np.linspace(0, 0.99, 100)


def population(count: int, seed: int) -> tuple[Floats, Bools]:
    """P as it is said, and whether accepting loses: honest probabilities, many of them high."""
    rng = np.random.default_rng(seed)
    p = rng.beta(4, 1, count)
    return p, rng.random(count) > p


def chosen(sure: Floats, lost: Bools, aim: Aim = LOSS, level: float = 0.05) -> Chosen:
    return choose(sure, lost, GRID, aim, level=level, share=1.0)


@given(st.integers(1, 400), st.floats(0.001, 0.5), st.floats(0.0001, 0.2))
def test_allowed_is_where_the_exact_p_value_passes_the_level(
    labels: int, limit: float, level: float
) -> None:
    most = allowed(labels, limit, level)
    if most >= 0:
        assert binomial_cdf(most, labels, limit) <= level * (1 + 1e-9)
    if most < labels:
        assert binomial_cdf(most + 1, labels, limit) >= level * (1 - 1e-9)


def test_the_promise_breaks_no_more_often_than_stated_and_the_naive_one_does() -> None:
    """400 draws of 400 labels against the loss of the whole population."""
    everyone, lost = population(200_000, 99)
    true_loss = {t: float(np.mean(lost & (everyone >= t))) for t in GRID}
    broken = found = naive_broken = 0
    for seed in range(400):
        p, gone = population(400, seed)
        threshold = chosen(p, gone).threshold
        if threshold is not None:
            found += 1
            broken += true_loss[threshold] > LOSS.limit
        naive = naive_threshold(p, gone, LOSS.limit)
        naive_broken += float(np.mean(lost & (everyone >= naive))) > LOSS.limit
    assert found > 350, "400 labels are enough to find one"
    assert broken <= 30, "20 expected at most; 31 has a chance near 1 % if the promise holds"
    assert naive_broken > 120, "what people do is a coin's throw"


def test_all_promises_of_several_step_types_hold_at_once() -> None:
    everyone, lost = population(200_000, 99)
    true_loss = {t: float(np.mean(lost & (everyone >= t))) for t in GRID}
    tested = groups_to_test(dict.fromkeys("abcdef", 400), LOSS)
    assert math.isclose(tested.level, 0.05 / 6)
    broken = 0
    for seed in range(200):
        made = [chosen(*population(400, 1000 * seed + k), level=tested.level) for k in range(6)]
        found = [c.threshold for c in made if c.threshold is not None]
        broken += any(true_loss[t] > LOSS.limit for t in found)
    assert broken <= 18, "10 expected at most"


def test_a_promise_on_spending_holds_and_is_used_up() -> None:
    everyone, _ = population(200_000, 99)
    broken, shares = 0, []
    for seed in range(200):
        found = chosen(*population(400, seed), SPENDING)
        assert found.threshold is not None
        shares.append(float(np.mean(everyone < found.threshold)))
        broken += shares[-1] > SPENDING.limit
    assert broken <= 18
    assert np.mean(shares) > 0.2, "of the 30 % that may climb"


def test_the_more_may_be_lost_the_more_is_accepted() -> None:
    p, lost = population(2000, 0)
    shares = [chosen(p, lost, Aim(limit=limit, confidence=0.95)).accepted for limit in (0.02, 0.1)]
    assert 0 < shares[0] < shares[1]
    strict, lax = (chosen(p, lost, level=level).accepted for level in (0.001, 0.2))
    assert strict < lax


def test_nothing_can_be_shown_with_too_few_labels() -> None:
    sure, none = np.full(100, 0.9), np.zeros(100, dtype=np.bool_)
    least = math.ceil(math.log(0.05) / math.log(0.98))
    found = choose(sure, none, GRID, Aim(limit=0.02, confidence=0.95), level=0.05, share=0.5)
    assert found == Chosen(threshold=None, labels=100, needed=2 * (least - 100 + 1))
    enough = np.full(least, 0.9)
    aim = Aim(limit=0.02, confidence=0.95)
    assert choose(enough, enough < 0, GRID, aim, level=0.05, share=0.5).threshold is not None
    assert choose(enough[1:], enough[1:] < 0, GRID, aim, level=0.05, share=1).threshold is None


@pytest.mark.parametrize(("labels", "bad"), [(100, 0), (149, 1), (300, 3), (1000, 15)])
def test_so_many_more_labels_would_do_and_no_fewer(labels: int, bad: int) -> None:
    needed = more_labels(labels, bad, limit=0.02, level=0.01, share=1.0)
    rate = bad / labels
    count = labels + needed
    assert binomial_cdf(math.ceil(rate * count - 1e-9), count, 0.02) <= 0.01
    count = labels + needed // 2
    assert binomial_cdf(math.ceil(rate * count - 1e-9), count, 0.02) > 0.01
    assert more_labels(labels, bad, limit=0.02, level=0.01, share=0.5) >= 2 * needed - 1


def test_more_of_the_same_does_not_help_where_the_surest_are_wrong() -> None:
    sure = np.full(500, 0.9)
    found = chosen(sure, np.arange(500) % 10 == 0)
    assert found.threshold is None and found.needed == 0


def test_a_threshold_that_accepts_nothing_is_none() -> None:
    found = chosen(np.full(500, 0.2), np.ones(500, dtype=np.bool_))
    assert found.threshold is None


def test_thin_step_types_are_told_by_their_counts() -> None:
    counts = {"a": 1000, "b": 30, "c": 85, "d": 400}
    tested = groups_to_test(counts, LOSS)
    assert tested.groups == (("a",), ("d",)) and tested.thin == ("b", "c")
    assert tested.least == least_labels(0.05, 0.05 / 4)
    assert math.isclose(tested.level, 0.05 / 2), "what cannot be tested takes no share"


def test_thin_step_types_are_tested_together_where_that_is_wanted() -> None:
    aim = Aim(limit=0.05, confidence=0.95, pool_thin=True)
    tested = groups_to_test({"a": 1000, "b": 30, "c": 60}, aim)
    assert tested.groups == (("a",), ("b", "c")) and tested.thin == ()
    still = groups_to_test({"a": 1000, "b": 3, "c": 8}, aim)
    assert still.groups == (("a",),) and still.thin == ("b", "c")


def test_thin_step_types_that_share_their_groups_have_fewer_labels_together() -> None:
    aim = Aim(limit=0.05, confidence=0.95, pool_thin=True)
    counts = {"a": 1000, "b": 60, "c": 60}
    apart = groups_to_test(counts, aim, together=lambda names: 120)
    shared = groups_to_test(counts, aim, together=lambda names: 60)
    assert apart.groups[-1] == ("b", "c") and shared.thin == ("b", "c")


def test_candidates_come_from_what_was_fitted_on() -> None:
    p = np.random.default_rng(0).random(5000)
    tried = candidates(p, LOSS)
    assert len(tried) <= 205 and (np.diff(tried) > 0).all()
    assert tried[0] == 0.5 and tried[-1] > 0.9999, "nothing that is rather wrong than right"
    assert candidates(0.6 + 0.3 * p, LOSS)[0] > 0.59, "nothing less sure than ever seen"
    assert candidates(p, SPENDING)[0] == 0
    assert (np.isin(candidates(np.array([0.7234567]), LOSS), [0.723456])).any(), "never above it"


def test_a_naive_threshold_keeps_the_limit_on_its_own_data_only() -> None:
    p, lost = population(400, 3)
    threshold = naive_threshold(p, lost, 0.05)
    assert threshold is not None and np.mean(lost & (p >= threshold)) <= 0.05
    assert naive_threshold(np.array([0.5]), np.array([True]), 0.05) is None
