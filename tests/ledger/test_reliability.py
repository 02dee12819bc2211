"""How are confidences held against what came of them?"""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rungwise.ledger.reliability import BINS, reliability, summed_up
from rungwise.store.sql import Store
from rungwise.types import Confidence, Outcome
from tests.edge.doubles import ATTEMPT
from tests.edge.looking import NOW, STEP, write

pytestmark = pytest.mark.anyio

TOLD = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=200)


@given(TOLD)
def test_every_draft_is_in_one_bin_and_bins_rise(told: list[tuple[float, bool]]) -> None:
    found = summed_up(told, 0.0)
    assert found.labelled == len(told) and len(found.bins) <= BINS
    assert sum(one.right for one in found.bins) == sum(right for _, right in told)
    assert all(low.high < high.low for low, high in zip(found.bins, found.bins[1:], strict=False))
    assert 0 <= found.error <= 1 + 1e-9


def test_bins_of_different_confidences_are_of_equal_counts() -> None:
    found = summed_up([(n / 100, n % 2 == 0) for n in range(100)], 0.0)
    assert [one.count for one in found.bins] == [10] * 10


def test_a_gap_of_a_tenth_everywhere_is_an_error_of_a_tenth() -> None:
    found = summed_up([(0.8, n < 70) for n in range(100)], 0.0)
    assert found.error == pytest.approx(0.1) and len(found.bins) == 1
    low, high = found.bins[0].interval
    assert low < 0.7 < high


async def test_the_newest_labelled_drafts_that_were_released_are_counted(store_url: str) -> None:
    store = Store(store_url)
    unsure = replace(ATTEMPT, confidence=None)
    doubted = replace(ATTEMPT, state="abandoned", tier="tier2")
    entries = [
        replace(STEP, id=f"req_{n}", at=NOW + n, outcome=Outcome(right=n != 2)) for n in range(5)
    ]
    others = [
        replace(STEP, id="a", at=NOW + 9, outcome=None),
        replace(STEP, id="b", at=NOW + 9, outcome=Outcome(right=True), attempts=(unsure,)),
        replace(STEP, id="c", at=NOW + 9, outcome=Outcome(right=True), attempts=(doubted,)),
    ]
    await store.start()
    await write(store, [*entries, *others])
    found = await store.read(lambda connection: reliability(connection, newest=6))
    nothing = await store.read(lambda connection: reliability(connection, newest=1))
    await store.stop()
    assert set(found) == {"tier1"}, "of two that are no drafts with a confidence, four are left"
    assert (found["tier1"].labelled, found["tier1"].since) == (4, NOW + 1)
    assert found["tier1"].bins[0].right == 3
    assert nothing == {}
    assert ATTEMPT.confidence == Confidence(probability=0.97, calibration="c")


async def test_a_ledger_without_outcomes_has_none(store_url: str) -> None:
    store = Store(store_url)
    await store.start()
    await write(store, [STEP])
    assert await store.read(reliability) == {}
    await store.stop()
