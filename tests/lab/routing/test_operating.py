"""One setting, counted under any weights."""

from dataclasses import replace

import numpy as np
import pytest

from rungwise.lab.routing.operating import operating
from rungwise.lab.routing.policies.walk import one_rung
from tests.lab.foretold import columns

COLUMNS = columns(20)
WALK = one_rung(np.array([0, 1] * 10), 3)


def test_the_figures_are_means_shares_and_percentiles() -> None:
    found = operating(WALK, COLUMNS).figures(np.ones(20))
    right, seconds = WALK.right(COLUMNS), np.sort(WALK.seconds(COLUMNS))
    assert found["accuracy"] == pytest.approx(right.mean())
    assert found["cost_usd"] == pytest.approx(0.00055)
    assert found["cost_per_right_usd"] == pytest.approx(0.011 / right.sum())
    assert (found["share.t1"], found["share.t2"], found["share.t3"]) == (0.5, 0.5, 0.0)
    assert found["latency_p50_s"] == seconds[9] and found["latency_p95_s"] == seconds[18]


def test_a_weight_is_a_number_of_copies() -> None:
    weight = np.arange(20) % 3
    copies = np.repeat(np.arange(20), weight)
    twice = operating(one_rung(WALK.answered[copies], 3), COLUMNS.take(copies))
    expected = twice.figures(np.ones(len(copies)))
    assert operating(WALK, COLUMNS).figures(weight.astype(float)) == pytest.approx(expected)


def test_where_a_latency_is_missing_there_is_no_percentile() -> None:
    seconds = COLUMNS.seconds.copy()
    seconds[3, 1] = np.nan
    found = operating(WALK, replace(COLUMNS, seconds=seconds)).figures(np.ones(20))
    assert np.isnan(found["latency_p50_s"]) and not np.isnan(found["accuracy"])
