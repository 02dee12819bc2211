"""Fits are spread over processes that inherit their work."""

import os

import pytest

from rungwise.lab.predictors.spread import spread


@pytest.mark.parametrize("workers", [1, 2])
def test_results_come_in_order_and_progress_is_told_after_each(workers: int) -> None:
    made = list[int]()
    factor = 3  # the work is no function that could be pickled
    found = spread(lambda n: factor * n, 5, workers=workers, progress=lambda: made.append(1))
    assert found == [0, 3, 6, 9, 12] and len(made) == 5


def test_one_worker_is_this_process_and_several_are_not() -> None:
    (here,) = spread(lambda _: os.getpid(), 1, workers=1, progress=lambda: None)
    there = spread(lambda _: os.getpid(), 4, workers=2, progress=lambda: None)
    assert here == os.getpid() and here not in there


def test_what_a_worker_raises_is_raised_here() -> None:
    def fail(number: int) -> None:
        raise ValueError(f"number {number}")

    with pytest.raises(ValueError, match="number 0"):
        spread(fail, 2, workers=2, progress=lambda: None)
