"""Rows are written as they are, and counts add up, on both databases and in any number."""

from collections.abc import AsyncIterator
from functools import partial

import pytest
from sqlalchemy import select

from rungwise.errors import StoreError
from rungwise.store.sql import Store
from rungwise.store.statements import add_rows, insert_rows
from rungwise.store.tables import spending, time_tally

pytestmark = pytest.mark.anyio

KEY = (1, "auto", "planning", "a", "t1")


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    store = Store(store_url)
    await store.start()
    yield store
    await store.stop()


async def test_counts_grow_by_what_is_added_and_new_keys_begin_with_it(store: Store) -> None:
    for rows in ([(*KEY, 7, 1, 0)], [(*KEY, 7, 2, 1), (*KEY, 8, 5, 0), (*KEY, 7, 4, 1)], []):
        await store.write(partial(add_rows, table=time_tally, rows=rows))
    found = await store.read(lambda c: set(map(tuple, c.execute(select(time_tally)))))
    assert found == {(*KEY, 7, 7, 2), (*KEY, 8, 5, 0)}


async def test_rows_are_inserted_once_also_under_names_that_sql_keeps_for_itself(
    store: Store,
) -> None:
    rows = [("a", "all", "day", 0, 1, 2**62), ("b", "all", "day", 0, 3, 4)]
    await store.write(partial(insert_rows, table=spending, rows=iter(rows)))
    with pytest.raises(StoreError):
        await store.write(partial(insert_rows, table=spending, rows=rows[1:]))
    assert await store.read(lambda c: list(map(tuple, c.execute(select(spending))))) == rows
