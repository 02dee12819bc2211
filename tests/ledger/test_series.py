"""Is what is drawn of a stretch of time near to what happened in it?"""

from dataclasses import replace

import pytest

from rungwise.ledger.books import Books
from rungwise.ledger.buckets import SLOT_S
from rungwise.ledger.series import Stretch
from rungwise.ledger.sql import SqlLedger
from rungwise.store.sql import Store
from tests.edge.looking import NOW, STEP, opened

pytestmark = pytest.mark.anyio


async def test_percentiles_are_within_12_per_cent_of_the_times(store_url: str) -> None:
    stretch = Stretch(window="3h", now=NOW)
    times = [1e-3 * 1.37**n for n in range(stretch.count)]
    async with opened(Store(store_url)) as store:
        ledger = SqlLedger(store)
        for at, latency in zip(stretch.at, times, strict=True):
            entry = replace(STEP, id=f"req_{at}", at=at + SLOT_S / 2, latency_s=latency)
            await ledger.record(entry)
        (drawn,) = await Books(store).latencies(stretch, (0.5,))
    assert drawn == [pytest.approx(latency, rel=0.123) for latency in times]
