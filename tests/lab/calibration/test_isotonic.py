"""The rising curve: never falls, never certain, and the same as the gate computes."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rungwise.confidence.calibration import Table
from rungwise.lab.calibration.isotonic import rising

PAIRS = st.lists(st.tuples(st.floats(-50, 50), st.booleans()), min_size=1, max_size=60)


@given(PAIRS)
def test_it_never_decreases_and_is_never_certain(pairs: list[tuple[float, bool]]) -> None:
    z, right = (np.array(column) for column in zip(*pairs, strict=True))
    found = rising(z, right)
    assert (np.diff(found.z) >= 0).all() and (np.diff(found.p) >= 0).all()
    assert found.p[0] > 0 and found.p[-1] < 1


@given(PAIRS, st.floats(-60, 60))
def test_the_gate_reads_the_same(pairs: list[tuple[float, bool]], asked: float) -> None:
    z, right = (np.array(column) for column in zip(*pairs, strict=True))
    found = rising(z, right)
    table = Table(z=tuple(found.z.tolist()), p=tuple(found.p.tolist()))
    assert float(found.at(np.array([asked]))[0]) == table.at(asked)


def test_neighbours_out_of_order_are_pooled() -> None:
    z = np.array([0.0, 1.0, 2.0, 3.0])
    found = rising(z, np.array([False, True, False, True]))
    assert abs(found.at(np.array([1.5]))[0] - 0.5) < 1e-6


def test_it_finds_a_step() -> None:
    rng = np.random.default_rng(0)
    z = rng.uniform(-1, 1, 4000)
    right = rng.random(4000) < np.where(z > 0, 0.95, 0.3)
    low, high = rising(z, right).at(np.array([-0.5, 0.5]))
    assert abs(low - 0.3) < 0.06 and abs(high - 0.95) < 0.03


def test_drafts_of_an_outer_block_keep_their_order() -> None:
    z = np.linspace(-1, 1, 200)
    found = rising(z, z > 0)
    assert (np.diff(found.at(np.linspace(0.6, 1, 9))) > 0).all()
