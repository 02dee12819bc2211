"""The thread that writes does what it is given in turn, and tells whoever waits."""

import asyncio
import threading

import pytest

from rungwise.store.writer import Writer, tell

pytestmark = pytest.mark.anyio


async def test_work_is_done_in_turn_in_one_thread_beside_the_loop() -> None:
    writer, order = Writer(), list[int]()

    def note(number: int) -> int:
        order.append(number)
        return threading.get_ident()

    threads = await asyncio.gather(*(writer.done(lambda n=n: note(n)) for n in range(50)))
    writer.end()
    assert order == list(range(50))
    assert len(set(threads)) == 1 and threading.get_ident() not in threads


async def test_what_the_work_raises_is_heard_and_the_next_is_done() -> None:
    writer = Writer()
    with pytest.raises(ZeroDivisionError):
        await writer.done(lambda: 1 // 0)
    assert await writer.done(lambda: 1) == 1
    writer.end()


async def test_what_was_given_before_the_end_is_done() -> None:
    writer = Writer()
    doing = [asyncio.ensure_future(writer.done(lambda n=n: n)) for n in range(50)]
    await asyncio.sleep(0)
    writer.end()
    assert await asyncio.gather(*doing) == list(range(50))


async def test_who_has_given_up_is_told_nothing() -> None:
    waiting: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    waiting.cancel()
    tell(waiting, 1)
    tell(waiting, ValueError())
    assert waiting.cancelled()


def test_a_loop_that_is_closed_is_told_nothing() -> None:
    begun, go, told = threading.Event(), threading.Event(), list[object]()

    def work() -> None:
        begun.set()
        go.wait()

    async def leave() -> Writer:
        writer = Writer()
        writer.do(work, told.append)
        return writer

    writer = asyncio.run(leave())
    assert begun.wait(10)
    (thread,) = (t for t in threading.enumerate() if t.name == "store-writer")
    go.set()
    writer.end()
    thread.join(10)
    assert not thread.is_alive() and not told
