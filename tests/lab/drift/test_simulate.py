"""Rivals are tuned to the run that they are said to have, and call what they should."""

from __future__ import annotations

import numpy as np
import pytest

from rungwise.lab.drift.rivals import Cusum, Window, tuned


def test_a_cusum_is_tuned_to_its_run() -> None:
    found = tuned(lambda h: Cusum(usual=0.9, fall=0.1, limit=h), 0.9, 200, 0)
    drawn = np.random.default_rng(1)
    runs = [found.run(drawn.random(2000) < 0.9) or 2000 for _ in range(300)]
    assert np.mean(runs) == pytest.approx(200, rel=0.3)


@pytest.mark.parametrize(
    "rival", [Cusum(usual=0.9, fall=0.1, limit=4), Window(usual=0.9, size=50, limit=4)]
)
def test_rivals_call_a_fall_and_leave_what_is_right_in_peace(rival: Cusum | Window) -> None:
    assert rival.run(np.ones(1000, dtype=bool)) is None
    assert rival.run(np.zeros(1000, dtype=bool)) is not None


def test_a_window_that_is_not_full_says_nothing() -> None:
    assert Window(usual=0.9, size=50, limit=4).run(np.zeros(10, dtype=bool)) is None
