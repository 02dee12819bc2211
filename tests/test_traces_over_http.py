"""An answer of the whole server is in the trace of whoever asked for it, and its id leads back."""

from __future__ import annotations

from pathlib import Path

import pytest

from rungwise.tiers.scripted import ScriptedTier, say
from tests.doubles.collector import Collector, told
from tests.served import served

pytestmark = pytest.mark.anyio

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


async def test_a_callers_trace_holds_its_answer_and_the_attempts_below_it(tmp_path: Path) -> None:
    async with Collector() as collector:
        config = f"traces: {{endpoint: '{collector.url}', share: 0}}"
        async with served(tmp_path, ScriptedTier("tier1", say("yes")), config=config) as server:
            sampled = {"traceparent": f"00-{TRACE}-{PARENT}-01"}
            answer = await server.ask("the patient is Ada", headers=sampled)
            await server.ask("and this one nobody traces")
        span, draft = collector.spans
    assert span.trace_id == draft.trace_id == bytes.fromhex(TRACE)
    assert span.parent_span_id == bytes.fromhex(PARENT)
    assert draft.parent_span_id == span.span_id
    assert told(span.attributes)["rungwise.entry_id"] == answer.why["id"]
    assert draft.name == "draft tier1"
    assert b"Ada" not in span.SerializeToString() + draft.SerializeToString()


async def test_private_tags_keep_texts_out_of_the_traces_that_have_prompts(tmp_path: Path) -> None:
    async with Collector() as collector:
        config = f"""
traces: {{endpoint: '{collector.url}', prompts: true}}
routing: {{private_tags: [patient]}}
"""
        tier = ScriptedTier("tier1", say("yes"), local=True)
        async with served(tmp_path, tier, config=config) as server:
            await server.ask("the patient is Ada", headers={"x-rungwise-tags": "patient"})
            await server.ask("the patient is Eve")
        told_of = b"".join(span.SerializeToString() for span in collector.spans)
    assert b"Eve" in told_of
    assert b"Ada" not in told_of
