"""Are a stream's events the same, however its bytes are cut, and the same as the SDK's?"""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai._streaming import SSEDecoder

from rungwise.tiers.hosted import hosted_events
from rungwise.tiers.hosted.hosted_events import Events, Fields, read_event
from rungwise.tiers.hosted.hosted_faults import Malformed

LINES = st.lists(
    st.sampled_from(
        [
            b"data: {}",
            b"data:x",
            b"data:  two spaces",
            b"data",
            b"data: \xe2\x82\xac",
            b": a comment",
            b"event: message_start",
            b"id: 7",
            b"database: no",
            b"",
            b"",
        ]
    ),
    max_size=12,
)
ENDS = st.sampled_from([b"\n", b"\r\n", b"\r"])


def cut(stream: bytes, places: list[int]) -> list[bytes]:
    borders = [0, *sorted(place % (len(stream) + 1) for place in places), len(stream)]
    return [stream[a:b] for a, b in pairwise(borders)]


def read(parts: list[bytes]) -> list[bytes]:
    events = Events()
    return [data for part in parts for data in events.feed(part)]


@given(LINES, ENDS, st.lists(st.integers(0, 400), max_size=8))
def test_the_network_may_cut_a_stream_anywhere(
    lines: list[bytes], end: bytes, places: list[int]
) -> None:
    stream = b"".join(line + end for line in lines)
    assert read(cut(stream, places)) == read([stream])
    assert read([stream[i : i + 1] for i in range(len(stream))]) == read([stream])


@given(LINES, ENDS)
def test_the_sdk_reads_the_same(lines: list[bytes], end: bytes) -> None:
    stream = b"".join(line + end for line in lines)
    theirs = [event.data.encode() for event in SSEDecoder().iter_bytes(iter([stream]))]
    # an event without data is nobody's: the SDK tells it as one of empty data
    assert [data for data in read([stream]) if data] == [data for data in theirs if data]


def test_an_event_without_its_blank_line_is_none() -> None:
    assert read([b"data: a\n\ndata: b\n"]) == [b"a"]


def test_lines_of_one_event_are_one() -> None:
    assert read([b"data: a\ndata: b\n\n"]) == [b"a\nb"]


@pytest.mark.parametrize("part", [b"x" * 40, b"data: " + b"x" * 34 + b"\n"])
def test_an_event_without_end_is_not_collected_for_ever(
    part: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hosted_events, "MOST_BYTES", 1000)
    events = Events()
    with pytest.raises(Malformed, match="event"):
        for _ in range(30):
            events.feed(part)


def test_many_events_are_not_one_long_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hosted_events, "MOST_BYTES", 1000)
    events = Events()
    for _ in range(200):
        assert events.feed(b"data: abcdefgh\n\ndata: ab") == [b"abcdefgh"]
        assert events.feed(b"\n\n") == [b"ab"]


def test_an_object_is_read_as_the_sdks_types_are() -> None:
    text = '{"a": {"b": [{"c": 1}, 2]}, "d": null}'
    event = read_event(text.encode())
    assert event.a.b[0].c == 1 and event.a.b[1] == 2
    assert event.d is None and event.nothing is None and event.a.nothing is None
    assert (
        isinstance(event, Fields) and json.dumps(event) == '{"a": {"b": [{"c": 1}, 2]}, "d": null}'
    )


@pytest.mark.parametrize("data", [b"[]", b"7", b"{", b"\xff\xfe{}", b"[" * 100_000])
def test_what_is_no_object_is_told(data: bytes) -> None:
    with pytest.raises((Malformed, ValueError, RecursionError)):
        read_event(data)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        ({"type": "t", "message": "fell over"}, "t: fell over"),
        ({"message": "fell over"}, "error: fell over"),
        ("fell over", "error: fell over"),
    ],
)
def test_an_error_keeps_its_words(error: object, said: str) -> None:
    with pytest.raises(Malformed, match=said):
        read_event(json.dumps({"error": error}).encode())
