"""Answers in this process: which go first, and when."""

import pytest

from rungwise.cache.memory import EACH, MemoryShelf

pytestmark = pytest.mark.anyio


class Hand:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        return self.at


def shelf(*, texts: int = 10, ttl_s: float = 60.0) -> tuple[MemoryShelf, Hand]:
    now = Hand()
    return MemoryShelf(ttl_s=ttl_s, most_bytes=texts * (EACH + 10), now=now), now


async def test_what_was_put_is_got_and_the_later_one_stands() -> None:
    kept, _ = shelf()
    assert await kept.get("k") is None
    await kept.put("k", "me", "a" * 10)
    await kept.put("k", "me", "b" * 10)
    assert await kept.get("k") == "b" * 10 and kept.bytes == EACH + 10


async def test_the_least_recently_used_goes_first() -> None:
    kept, _ = shelf(texts=2)
    await kept.put("a", "me", "x" * 10)
    await kept.put("b", "me", "x" * 10)
    await kept.get("a")
    await kept.put("c", "me", "x" * 10)
    assert [await kept.get(key) is not None for key in "abc"] == [True, False, True]


async def test_it_never_holds_more_than_its_bound() -> None:
    kept, _ = shelf(texts=5)
    for i in range(100):
        await kept.put(str(i % 30), "me", "x" * (i % 40))
        assert kept.bytes <= 5 * (EACH + 10)
    await kept.put("huge", "me", "x" * 100_000)
    assert await kept.get("huge") is None and kept.bytes == 0


async def test_an_old_one_is_forgotten() -> None:
    kept, now = shelf(ttl_s=60)
    await kept.put("k", "me", "text")
    now.at = 59.9
    assert await kept.get("k") == "text"
    now.at = 60.0
    assert await kept.get("k") is None and kept.bytes == 0


async def test_nothing_outlives_the_end() -> None:
    kept, _ = shelf()
    await kept.put("k", "me", "text")
    await kept.stop()
    assert await kept.get("k") is None
