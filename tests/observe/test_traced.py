"""A caller's traceparent is read as OpenTelemetry reads it, and nothing else decides by chance."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.trace import get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from rungwise.observe.traced import place_of

HEX = st.sampled_from("0123456789abcdef")
PARTS = st.builds(
    "-".join,
    st.tuples(
        st.sampled_from(["00", "01", "ff", "0", "zz"]),
        st.text(HEX, min_size=32, max_size=32) | st.just("0" * 32) | st.text(HEX, max_size=40),
        st.text(HEX, min_size=16, max_size=16) | st.just("0" * 16),
        st.sampled_from(["00", "01", "02", "03", "ff", "1"]),
    ),
)


@given(PARTS)
def test_a_traceparent_is_read_as_opentelemetry_reads_it(told: str) -> None:
    context = TraceContextTextMapPropagator().extract({"traceparent": told})
    theirs = get_current_span(context).get_span_context()
    ours = place_of(told, share=0.0)
    if not theirs.is_valid or not theirs.trace_flags.sampled:
        assert ours is None
        return
    assert ours is not None
    assert ours.parent is not None
    assert int.from_bytes(ours.trace) == theirs.trace_id
    assert int.from_bytes(ours.parent) == theirs.span_id


@given(st.text())
def test_what_is_no_traceparent_counts_as_none(told: str) -> None:
    place = place_of(told, share=1.0)
    assert place is not None
    assert place.parent is None


@pytest.mark.parametrize(
    ("drawn", "share", "kept"),
    [(0, 0.0, False), (0, 0.01, True), (127, 0.5, True), (128, 0.5, False), (255, 1.0, True)],
)
def test_a_share_goes_by_the_traces_last_bytes(drawn: int, share: float, kept: bool) -> None:
    place = place_of(None, share, draw=lambda count: bytes([drawn]) * count)
    assert (place is not None) == kept
