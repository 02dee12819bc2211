"""APGR and CPT of orders whose figures are known, and what must hold for any order."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rungwise.lab.routing.figures import NoGap, apgr, cpt, oracle_score, ranking

WEAK = np.array([0, 1, 0, 1])
STRONG = np.array([1, 1, 1, 1])


@st.composite
def marked(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores with ties, and marks of two models of which the strong one is better."""
    rows = draw(
        st.lists(
            st.tuples(st.integers(0, 5), st.booleans(), st.booleans()), min_size=1, max_size=40
        )
    )
    score, weak, strong = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    return np.append(score, 3.0), np.append(weak, 0.0), np.append(strong, 1.0 + weak.sum())


def test_two_of_four_gain_and_come_first_or_last() -> None:
    assert apgr([4, 1, 3, 2], WEAK, STRONG) == pytest.approx(0.75)
    assert apgr([1, 4, 2, 3], WEAK, STRONG) == pytest.approx(0.25)
    assert cpt([4, 1, 3, 2], WEAK, STRONG, 0.5) == pytest.approx(0.25)
    assert cpt([4, 1, 3, 2], WEAK, STRONG, 0.8) == pytest.approx(0.4)
    assert cpt([1, 4, 2, 3], WEAK, STRONG, 1.0) == pytest.approx(1.0)


def test_steps_of_equal_score_are_mixed_and_not_taken_in_the_order_of_the_file() -> None:
    assert apgr([7, 7, 7, 7], WEAK, STRONG) == pytest.approx(0.5)
    assert apgr([7, 7, 7, 7], WEAK[::-1], STRONG) == pytest.approx(0.5)
    assert cpt([7, 7, 7, 7], WEAK, STRONG, 0.8) == pytest.approx(0.8)


def test_a_random_score_has_an_apgr_of_a_half_in_expectation() -> None:
    rng = np.random.default_rng(3)
    weak, strong = rng.random(400) < 0.5, rng.random(400) < 0.8
    found = [apgr(rng.random(400), weak, strong) for _ in range(400)]
    assert abs(np.mean(found) - 0.5) < 4 * np.std(found) / math.sqrt(400)


@given(marked())
def test_no_order_is_better_than_the_oracles(
    told: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    score, weak, strong = told
    best = oracle_score(weak, strong)
    assert apgr(score, weak, strong) <= apgr(best, weak, strong) + 1e-9
    assert cpt(score, weak, strong, 0.5) >= cpt(best, weak, strong, 0.5) - 1e-9


@given(marked())
def test_only_the_order_of_the_scores_counts(
    told: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    score, weak, strong = told
    for same in (3 * score - 7, np.exp(score), score**3):
        assert apgr(same, weak, strong) == pytest.approx(apgr(score, weak, strong))
        assert cpt(same, weak, strong, 0.8) == pytest.approx(cpt(score, weak, strong, 0.8))


@given(marked())
def test_the_reverse_order_recovers_the_rest(
    told: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    score, weak, strong = told
    assert apgr(score, weak, strong) + apgr(-score, weak, strong) == pytest.approx(1.0)


@given(marked(), st.data())
def test_a_weight_is_a_number_of_copies(
    told: tuple[np.ndarray, np.ndarray, np.ndarray], data: st.DataObject
) -> None:
    score, weak, strong = told
    times = data.draw(st.lists(st.integers(0, 3), min_size=len(score) - 1, max_size=len(score) - 1))
    weight = np.array([*times, 1])
    copies = [np.repeat(column, weight) for column in told]
    try:
        expected = apgr(*copies)
    except NoGap:
        with pytest.raises(NoGap):
            apgr(score, weak, strong, weight)
        return
    assert apgr(score, weak, strong, weight) == pytest.approx(expected)
    assert cpt(score, weak, strong, 0.5, weight) == pytest.approx(cpt(*copies, 0.5))


@given(marked(), st.floats(0, 1), st.floats(0, 1))
def test_more_of_the_gap_takes_no_fewer_calls(
    told: tuple[np.ndarray, np.ndarray, np.ndarray], one: float, other: float
) -> None:
    score, weak, strong = told
    low, high = sorted((one, other))
    assert cpt(score, weak, strong, low) <= cpt(score, weak, strong, high) + 1e-9


def test_only_scores_of_one_fold_are_compared() -> None:
    score = np.array([4.0, 1, 3, 2])
    fold = [0, 0, 1, 1]
    apart = ranking(score, WEAK, STRONG, fold)
    level = np.array([100.0, 100, 0, 0])
    assert ranking(score + level, WEAK, STRONG, fold).apgr() == pytest.approx(apart.apgr())
    assert apart.apgr() == pytest.approx(0.75) and apart.cpt(0.5) == pytest.approx(0.25, abs=1e-3)
    assert ranking(np.array(fold), WEAK, STRONG, fold).apgr() == pytest.approx(0.5)


@given(marked())
def test_of_one_fold_the_folds_change_nothing(
    told: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    one, same = ranking(*told), ranking(*told, fold=np.ones(len(told[0])))
    assert one.apgr() == same.apgr() and one.cpt(0.8) == same.cpt(0.8)


@given(marked())
def test_over_folds_it_is_the_mean_of_their_curves_by_the_gap(
    told: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    score, weak, strong = (np.concatenate((column, column)) for column in told)
    fold = np.repeat([0, 1], len(told[0]))
    twice, once = ranking(score, weak, strong, fold), ranking(*told)
    assert twice.apgr() == pytest.approx(once.apgr())
    calls, recovered = twice.curve()
    assert recovered.tolist() == pytest.approx(np.interp(calls, *once.curve()).tolist())


def test_a_fold_of_which_nothing_is_drawn_does_not_count() -> None:
    found = ranking([4, 1, 3, 2], WEAK, STRONG, [0, 0, 1, 1])
    assert found.apgr([1, 1, 0, 0]) == pytest.approx(apgr([4, 1], WEAK[:2], STRONG[:2]))


def test_where_the_strong_model_is_no_better_there_is_nothing_to_recover() -> None:
    for strong in ([1, 0], [0, 0]):
        with pytest.raises(NoGap):
            apgr([1, 2], [0, 1], strong)


def test_scores_must_be_numbers_one_for_each_step() -> None:
    with pytest.raises(ValueError, match="not a number"):
        ranking([1, math.nan], [0, 1], [1, 1])
    with pytest.raises(ValueError, match="one length"):
        ranking([1], [0, 1], [1, 1])
