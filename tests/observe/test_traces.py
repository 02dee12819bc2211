"""What OpenTelemetry is told of an answer is what became of it, and it costs the caller nothing."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from rungwise.config import TracesConfig
from rungwise.errors import ConfigError
from rungwise.observe import traces as module
from rungwise.observe.traces import Traces, check_installed
from rungwise.types import (
    Chat,
    Entry,
    Image,
    Message,
    Piece,
    Reading,
    ToolCall,
    Wish,
)
from tests.doubles.collector import Collector, told
from tests.ledger.test_sql import ATTEMPT, BARE, ENTRY, JUDGED

pytestmark = pytest.mark.anyio

SECRET = "the patient is Ada"
CHAT = Chat(messages=(Message(role="user", text=SECRET),))
GIVEN = (Piece(text="take "), Piece(text="two", finish="stop"))
PROVIDERS = {"t1": "vllm", "t2": "openai", "t3": "anthropic"}
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SAMPLED, NOT_SAMPLED = f"00-{TRACE}-{PARENT}-01", f"00-{TRACE}-{PARENT}-00"
CLIMBED = replace(ENTRY, attempts=(ATTEMPT, JUDGED, BARE), caller="ada", task="t-7")


PRIVATE = frozenset({"patient"})


@asynccontextmanager
async def tracing(
    collector: Collector,
    *,
    share: float = 1.0,
    prompts: bool = False,
    every_s: float = 0.01,
    patience_s: float = 4.0,
) -> AsyncIterator[Traces]:
    """What was seen has been told of at the end."""
    config = TracesConfig(endpoint=collector.url, share=share, prompts=prompts)
    traces = Traces(config, PROVIDERS, private_tags=PRIVATE, every_s=every_s, patience_s=patience_s)
    await traces.start()
    try:
        yield traces
    finally:
        await traces.stop()


async def spans_of(
    entry: Entry,
    chat: Chat = CHAT,
    given: Sequence[Piece] = GIVEN,
    *,
    share: float = 1.0,
    prompts: bool = False,
) -> list[Span]:
    async with Collector() as collector:
        async with tracing(collector, share=share, prompts=prompts) as traces:
            traces.see(chat, given, entry)
        return collector.spans


async def test_an_answer_is_one_span_and_each_attempt_one_below_it() -> None:
    answer, *attempts = await spans_of(CLIMBED)
    assert answer.name == "chat auto"
    assert not answer.parent_span_id
    assert [span.name for span in attempts] == ["draft t1", "judge t3", "draft t2"]
    assert {span.parent_span_id for span in attempts} == {answer.span_id}
    assert {span.trace_id for span in attempts} == {answer.trace_id}
    assert len({span.span_id for span in (answer, *attempts)}) == 4


async def test_times_are_those_of_the_entry() -> None:
    answer, first, *_ = await spans_of(CLIMBED)
    assert answer.start_time_unix_nano == 1_000_500_000_000
    assert answer.end_time_unix_nano == round((CLIMBED.at + CLIMBED.latency_s) * 1e9)
    assert first.start_time_unix_nano == 1_000_600_000_000
    assert first.end_time_unix_nano == 1_000_800_000_000


async def test_an_answers_attributes_are_its_entrys() -> None:
    answer, *_ = await spans_of(replace(CLIMBED, attempts=(replace(ATTEMPT, state="released"),)))
    about = told(answer.attributes)
    assert about["gen_ai.operation.name"] == "chat"
    assert about["gen_ai.request.model"] == "auto"
    assert about["gen_ai.response.model"] == "m"
    assert about["gen_ai.usage.input_tokens"] == 15
    assert about["gen_ai.usage.cache_read.input_tokens"] == 5
    assert about["gen_ai.usage.output_tokens"] == 3
    assert about["rungwise.entry_id"] == "req_1"
    assert about["rungwise.step_type"] == CLIMBED.step_type.value
    assert about["rungwise.tier"] == "t1"
    assert about["rungwise.state"] == CLIMBED.state
    assert about["rungwise.cost_usd"] == pytest.approx(1.234e-6)
    assert about["rungwise.confidence"] == 0.1
    assert about["rungwise.task"] == "t-7"
    assert about["rungwise.caller"] == "ada"


async def test_an_attempts_attributes_say_whose_it_was_and_what_was_made_of_it() -> None:
    _, first, judge, last = await spans_of(CLIMBED)
    about = told(first.attributes)
    assert about["gen_ai.provider.name"] == "vllm"
    assert about["gen_ai.request.model"] == "m"
    assert about["gen_ai.response.model"] == "m-2026"
    assert about["gen_ai.response.time_to_first_chunk"] == pytest.approx(0.1)
    assert about["rungwise.role"] == "draft"
    assert about["rungwise.verdict"] == "escalate"
    assert about["rungwise.why"] == "evidence"
    assert about["rungwise.threshold"] == 0.9
    assert about["rungwise.reading.mean_logprob"] == -1.5
    assert about["rungwise.joules"] == 12.5
    assert first.kind == Span.SPAN_KIND_INTERNAL
    assert last.kind == Span.SPAN_KIND_CLIENT
    assert told(judge.attributes)["gen_ai.provider.name"] == "anthropic"
    assert told(last.attributes)["rungwise.verdict"] == "accept"


async def test_a_price_that_is_unknown_is_not_told_as_zero() -> None:
    answer, _, _, last = await spans_of(CLIMBED)
    assert "rungwise.cost_usd" not in told(answer.attributes)
    assert "rungwise.cost_usd" not in told(last.attributes)


async def test_what_failed_has_the_status_of_an_error_and_nothing_else_has() -> None:
    failed = replace(ATTEMPT, state="failed", fault="rate_limited", reason="HTTP 429: slow down")
    answer, first, last = await spans_of(replace(CLIMBED, attempts=(failed, BARE)))
    assert first.status.code == Status.STATUS_CODE_ERROR
    assert told(first.attributes)["error.type"] == "rate_limited"
    assert told(first.attributes)["rungwise.fault"] == "rate_limited"
    assert answer.status.code == last.status.code == Status.STATUS_CODE_UNSET
    exhausted, *_ = await spans_of(replace(CLIMBED, attempts=(failed,), state="exhausted"))
    assert exhausted.status.code == Status.STATUS_CODE_ERROR
    assert told(exhausted.attributes)["error.type"] == "exhausted"


async def test_a_caller_that_traces_finds_the_answer_in_its_trace() -> None:
    answer, first, *_ = await spans_of(CLIMBED, replace(CHAT, trace=SAMPLED), share=0.0)
    assert answer.trace_id == first.trace_id == bytes.fromhex(TRACE)
    assert answer.parent_span_id == bytes.fromhex(PARENT)


async def test_a_caller_that_does_not_trace_this_one_is_followed_too() -> None:
    assert await spans_of(CLIMBED, replace(CHAT, trace=NOT_SAMPLED), share=1.0) == []


async def test_a_share_of_the_others_is_traced_none_or_all() -> None:
    assert await spans_of(CLIMBED, share=0.0) == []
    assert len(await spans_of(CLIMBED, share=1.0)) == 4
    async with Collector() as collector:
        async with tracing(collector, share=0.25) as traces:
            for _ in range(800):
                traces.see(CHAT, GIVEN, replace(ENTRY, attempts=()))
        assert 120 < len(collector.spans) < 280


async def test_neither_prompt_nor_answer_is_told_unless_the_owner_wants_it() -> None:
    quoting = replace(
        ATTEMPT, reason=f"says it is unsure: {SECRET!r}", readings=(Reading(signal="s", value=1),)
    )
    entry = replace(CLIMBED, attempts=(quoting, BARE), plan_why=f"because of {SECRET}")
    spans = await spans_of(entry, given=(Piece(text=SECRET),))
    assert spans
    assert not any(b"Ada" in span.SerializeToString() for span in spans)


@pytest.mark.parametrize(
    "private",
    [
        replace(CHAT, wish=Wish(local_only=True)),
        replace(CHAT, tags=frozenset({"ward", "patient"})),
    ],
    ids=["local only", "private tag"],
)
async def test_what_may_not_leave_the_box_is_in_no_span_though_others_texts_are(
    private: Chat,
) -> None:
    quoting = replace(ATTEMPT, reason=f"says it is unsure: {SECRET!r}")
    entry = replace(CLIMBED, attempts=(quoting, BARE), plan_why=f"because of {SECRET}")
    given = (Piece(text=SECRET),)
    spans = await spans_of(entry, private, given, prompts=True)
    assert spans
    assert not any(b"Ada" in span.SerializeToString() for span in spans)
    open_ones = await spans_of(entry, replace(CHAT, tags=frozenset({"ward"})), given, prompts=True)
    assert sum(b"Ada" in span.SerializeToString() for span in open_ones) == 2


async def test_prompt_and_answer_are_told_where_the_owner_wants_it() -> None:
    chat = replace(
        CHAT,
        messages=(
            Message(role="system", text="be kind"),
            Message(role="user", text="look", images=(Image(url="https://x/y?key=sk-1"),)),
            Message(role="assistant", tool_calls=(ToolCall(id="c", name="f", arguments="{}"),)),
            Message(role="tool", text="42", tool_call_id="c"),
        ),
        wish=Wish(once="an-idempotency-key"),
    )
    answer, first, *_ = await spans_of(CLIMBED, chat, prompts=True)
    about = told(answer.attributes)
    system, user, assistant, tool = json.loads(about["gen_ai.input.messages"])
    assert system == {"role": "system", "parts": [{"type": "text", "content": "be kind"}]}
    assert user["parts"] == [{"type": "text", "content": "look"}, {"type": "image"}]
    call = {"type": "tool_call", "id": "c", "name": "f", "arguments": "{}"}
    assert assistant["parts"] == [call]
    assert tool["parts"] == [{"type": "tool_call_response", "id": "c", "response": "42"}]
    (said,) = json.loads(about["gen_ai.output.messages"])
    assert said["parts"] == [{"type": "text", "content": "take two"}]
    assert said["finish_reason"] == "stop"
    assert told(first.attributes)["rungwise.reason"] == ATTEMPT.reason
    whole = answer.SerializeToString()
    assert b"sk-1" not in whole
    assert b"an-idempotency-key" not in whole


async def test_a_long_conversation_is_cut_and_its_newest_messages_are_told() -> None:
    turns = tuple(Message(role="user", text=f"{n} " + "x" * 3000) for n in range(500))
    answer, *_ = await spans_of(CLIMBED, replace(CHAT, messages=turns), prompts=True)
    text = told(answer.attributes)["gen_ai.input.messages"]
    shown = json.loads(text)
    assert len(text) < 12_000
    assert shown[0]["parts"][0]["content"] == "[497 earlier messages]"
    assert shown[-1]["parts"][0]["content"].startswith("499 xxx")


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(st.characters(codec=None)), number=st.floats(allow_nan=True))
async def test_hostile_strings_and_numbers_cost_no_span(text: str, number: float) -> None:
    attempt = replace(
        ATTEMPT, model=text * 100, reason=text, readings=(Reading(signal=text, value=number),)
    )
    entry = replace(CLIMBED, attempts=(attempt, BARE), route=text, caller=text, task=text)
    chat = replace(CHAT, messages=(Message(role="user", text=text),), trace=text)
    spans = await spans_of(entry, chat, (Piece(text=text),), prompts=True)
    assert len(spans) == 3


async def test_an_audit_leads_to_the_answer_that_it_looked_at() -> None:
    audit = replace(
        ENTRY,
        id="req_2",
        audits="req_1",
        state="audited",
        attempts=(replace(JUDGED, role="audit"),),
    )
    async with Collector() as collector:
        async with tracing(collector, share=0.0) as traces:
            traces.see(replace(CHAT, trace=SAMPLED), GIVEN, ENTRY)
            traces.read_audit(audit)
            traces.read_audit(replace(audit, audits="req_of_long_ago"))
        spans = {span.name: span for span in collector.spans}
        answer, audited = spans["chat auto"], spans["audit auto"]
        (link,) = audited.links
        assert (link.trace_id, link.span_id) == (answer.trace_id, answer.span_id)
        assert audited.trace_id != answer.trace_id
        assert told(audited.attributes)["rungwise.audits"] == "req_1"
        assert spans["audit t3"].parent_span_id == audited.span_id
        assert sum(span.name == "audit auto" for span in collector.spans) == 1


async def test_without_an_endpoint_nothing_is_kept_and_nothing_loaded() -> None:
    traces = Traces(TracesConfig(), PROVIDERS)
    await traces.start()
    traces.see(CHAT, GIVEN, ENTRY)
    traces.read_audit(ENTRY)
    await traces.stop()


async def test_an_endpoint_that_is_not_there_is_told_of_once_and_holds_nothing_up(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with Collector() as gone:
        pass
    with caplog.at_level(logging.INFO, "rungwise"):
        async with tracing(gone) as traces:
            traces.see(CHAT, GIVEN, ENTRY)
            await until_told(caplog, 1)
            for n in range(5000):
                traces.see(CHAT, GIVEN, replace(ENTRY, id=f"req_{n}"))
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 2
    assert "takes none: no connection" in lines[0]
    assert lines[1] == "traces: 5001 answers were not told of"


class Slow(Collector):
    """Takes everything, one request after another, until it is `quick`."""

    quick = False

    async def _receive(self, request: web.Request) -> web.Response:
        if not self.quick:
            await asyncio.sleep(0.05)
        return await super()._receive(request)


async def until_told(caplog: pytest.LogCaptureFixture, lines: int) -> None:
    async with asyncio.timeout(10):
        while len(caplog.records) < lines:
            await asyncio.sleep(0.01)


async def test_an_endpoint_that_is_too_slow_is_told_of_once_and_once_with_the_count(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes 16 answers in 50 ms, of the hundreds that come."""
    monkeypatch.setattr(module, "MOST_WAITING", 64)
    monkeypatch.setattr(module, "BATCH", 16)
    seen = 0
    async with Slow() as collector:
        async with tracing(collector) as traces:
            while collector.asked < 5:
                for _ in range(16):
                    traces.see(CHAT, GIVEN, replace(ENTRY, id=f"req_{seen}", attempts=()))
                    seen += 1
                await asyncio.sleep(0.01)
            assert len(caplog.records) == 1, "hundreds gave way since"
            collector.quick = True
            await until_told(caplog, 2)
        taken = len(collector.spans)
    first, second = [record.getMessage() for record in caplog.records]
    assert "takes them: 64 wait, the oldest give way" in first
    assert second.endswith(f"keeps up again; {seen - taken} answers were not told of")
    assert {record.levelno for record in caplog.records} == {logging.WARNING}
    assert 64 <= taken < seen


async def test_what_was_lost_to_a_slow_endpoint_is_counted_when_the_server_stops(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with Collector(None) as collector, tracing(collector, patience_s=0.2) as traces:
        for n in range(module.MOST_WAITING + 3):
            traces.see(CHAT, GIVEN, replace(ENTRY, id=f"req_{n}", attempts=()))
        await until_told(caplog, 1)
    assert "the oldest give way" in caplog.records[0].getMessage()
    told = f"traces: {module.MOST_WAITING + 3} answers were not told of"
    assert caplog.records[-1].getMessage() == told


async def test_what_waits_is_bounded_and_the_oldest_give_way() -> None:
    async with Collector() as collector:
        async with tracing(collector, every_s=1000) as traces:
            for n in range(5000):  # nothing is sent while this runs: the loop does not turn
                traces.see(CHAT, GIVEN, replace(ENTRY, id=f"req_{n}", attempts=()))
        ids = [told(span.attributes)["rungwise.entry_id"] for span in collector.spans]
    assert ids == [f"req_{n}" for n in range(5000 - module.MOST_WAITING, 5000)]


@pytest.mark.parametrize("status", [429, 502, 503, 504])
async def test_what_the_endpoint_cannot_take_now_comes_again(
    status: int, caplog: pytest.LogCaptureFixture
) -> None:
    async with Collector(status, 200) as collector:
        with caplog.at_level(logging.INFO, "rungwise"):
            async with tracing(collector) as traces:
                traces.see(CHAT, GIVEN, CLIMBED)
                await collector.was_asked(2)
        assert len(collector.spans) == 4
    first, second = [record.getMessage() for record in caplog.records]
    assert f"takes none: HTTP {status}; trying on" in first
    assert "takes them again; 0 answers were not told of" in second


@pytest.mark.parametrize("status", [301, 400, 401, 404, 413, 500])
async def test_what_the_endpoint_refuses_is_let_go(
    status: int, caplog: pytest.LogCaptureFixture
) -> None:
    async with Collector(status, 200) as collector:
        with caplog.at_level(logging.INFO, "rungwise"):
            async with tracing(collector) as traces:
                traces.see(CHAT, GIVEN, CLIMBED)
                await collector.was_asked()
                traces.see(CHAT, GIVEN, replace(CLIMBED, id="req_later"))
                await collector.was_asked(2)
        answer, *_ = collector.spans
        assert told(answer.attributes)["rungwise.entry_id"] == "req_later"
    assert f"takes none: HTTP {status}" in caplog.records[0].getMessage()
    assert "1 answers were not told of" in caplog.records[1].getMessage()


async def test_an_endpoint_that_never_answers_does_not_keep_the_server_from_stopping() -> None:
    async with Collector(None) as collector, tracing(collector, patience_s=0.1) as traces:
        for n in range(1000):
            traces.see(CHAT, GIVEN, replace(ENTRY, id=f"req_{n}"))
        await collector.was_asked()


async def test_no_password_of_an_endpoint_goes_to_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with Collector() as gone:
        pass
    gone.url = gone.url.replace("http://", "http://ada:of-hers@") + "?token=of-hers"
    async with tracing(gone) as traces:
        traces.see(CHAT, GIVEN, ENTRY)
    assert caplog.records
    assert "of-hers" not in caplog.text


async def test_a_missing_package_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.proto", None)
    config = TracesConfig(endpoint="http://127.0.0.1:1/v1/traces")
    with pytest.raises(ConfigError, match=r"^traces\.endpoint: .*rungwise\[traces\]"):
        check_installed(config)
    with pytest.raises(ConfigError):
        await Traces(config, {}).start()
    check_installed(TracesConfig())


@pytest.mark.parametrize("endpoint", ["", "127.0.0.1:4318", "grpc://here:4317", "http://", 7])
def test_what_is_no_address_is_no_endpoint(endpoint: Any) -> None:
    with pytest.raises(ValueError, match="endpoint"):
        TracesConfig(endpoint=endpoint)
