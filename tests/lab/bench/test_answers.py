"""Answers are read as they come, however their bytes are cut."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rungwise.lab.bench.answers import Answered, Unframed, read_answer

pytestmark = pytest.mark.anyio

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
ROLE = b'data: {"choices":[{"delta":{"role":"assistant","content":""}}]}\n\n'
QUOTE = b'data: {"choices":[{"delta":{"content":"\\"a"}}]}\n\n'
SPACED = b'data: {"choices": [{"delta": {"content": "b"}}]}\n\n'
USAGE = (
    b'data: {"choices":[],"usage":{"completion_tokens":9,"prompt_tokens":30,'
    b'"prompt_tokens_details":{"cached_tokens":16}}}\n\n'
)
DONE = b"data: [DONE]\n\n"


def framed(*parts: bytes) -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


@given(parts=st.lists(st.binary(min_size=1, max_size=40), max_size=6), data=st.data())
def test_chunks_are_taken_off_wherever_the_bytes_are_cut(
    parts: list[bytes], data: st.DataObject
) -> None:
    sent = framed(*parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(sent)), max_size=8)))
    body, found = Unframed(), b""
    for begin, end in zip([0, *cuts], [*cuts, len(sent)], strict=True):
        assert not body.ended or begin == end == len(sent)
        found += body.feed(sent[begin:end])
    assert body.ended and found == b"".join(parts)


async def read(*reads: bytes) -> Answered:
    """Each of them comes as one read."""
    reader = asyncio.StreamReader()
    reading = asyncio.create_task(read_answer(reader))
    for data in (HEAD, *reads):
        await asyncio.sleep(0.002)
        reader.feed_data(data)
    await asyncio.sleep(0)
    reader.feed_eof()
    return await reading


async def test_each_event_with_text_has_the_time_of_its_read() -> None:
    two = framed(QUOTE + SPACED, USAGE, DONE)
    found = await read(framed(ROLE)[:-5], b": beat\n\n".join([b"8\r\n", b"\r\n"]), two)
    assert (found.written, found.prompt, found.cached) == (9, 30, 16)
    texts = found.texts
    assert len(texts) == 2 and texts[0] == texts[1]
    assert found.first is not None and found.first < texts[0] <= found.end


async def test_an_event_may_be_cut_in_two() -> None:
    sent = framed(ROLE, QUOTE, USAGE, DONE)
    found = await read(sent[:90], sent[90:])
    assert len(found.texts) == 1


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        (framed(QUOTE), "without"),
        (framed(QUOTE)[:-5], "cut off"),
        (framed(b'data: {"error":{"message":"x"}}\n\n', DONE), "broke off"),
    ],
)
async def test_a_stream_that_fails_is_no_answer(sent: bytes, told: str) -> None:
    with pytest.raises(RuntimeError, match=told):
        await read(sent)
