"""How does an entry look as OpenTelemetry's spans? One for the answer, one for each attempt.

The only file that knows OTLP's messages. Their own package is all that is needed: the SDK would
read its settings from the environment, and times its spans itself.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from rungwise import __version__
from rungwise.escalations import escalations
from rungwise.observe import trace_names as names
from rungwise.observe.traced import Place, Traced
from rungwise.types import Attempt, AttemptState, Usage

if TYPE_CHECKING:
    from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
    from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

__all__ = ["Spans"]

Told = Mapping[str, str | int | float | bool | None]
"""None is left out."""

MOST_CHARS = 512
"""Of one name or sentence. Messages have their own measure: see trace_texts."""
_SECOND = 1_000_000_000
_ACCEPTED: tuple[AttemptState, ...] = ("released", "left", "broken_off")
_FAILED: tuple[AttemptState, ...] = ("failed", "broken_off", "lost")
_FROM_ELSEWHERE = 0x100 | 0x200  # flags: whose its parent is, is known: another process's
_SAMPLED = 0x01


class Spans:
    """`providers`: tier to its provider, as in trace_names."""

    def __init__(
        self,
        providers: Mapping[str, str],
        *,
        draw: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        from opentelemetry.proto.collector.trace.v1 import trace_service_pb2
        from opentelemetry.proto.common.v1 import common_pb2
        from opentelemetry.proto.resource.v1 import resource_pb2
        from opentelemetry.proto.trace.v1 import trace_pb2

        self._providers, self._draw = providers, draw
        self._service, self._common, self._trace = trace_service_pb2, common_pb2, trace_pb2
        about = self._pairs({names.SERVICE: "rungwise", names.SERVICE_VERSION: __version__})
        self._resource = resource_pb2.Resource(attributes=about)
        self._scope = common_pb2.InstrumentationScope(name="rungwise", version=__version__)

    def request(self, traced: Sequence[Traced]) -> bytes:
        """One export request, as it goes over the wire."""
        spans = [span for one in traced for span in self._spans(one)]
        scoped = self._trace.ScopeSpans(scope=self._scope, spans=spans)
        resourced = self._trace.ResourceSpans(resource=self._resource, scope_spans=[scoped])
        request = self._service.ExportTraceServiceRequest(resource_spans=[resourced])
        return bytes(request.SerializeToString())

    def _spans(self, traced: Traced) -> Iterator[Span]:
        entry = traced.entry
        yield self._answer(traced)
        doubted = {id(attempt): why for attempt, why in escalations(entry)}
        for attempt in entry.attempts:
            yield self._attempt(traced, attempt, doubted.get(id(attempt)))

    def _answer(self, traced: Traced) -> Span:
        entry, place, span = traced.entry, traced.place, self._trace.Span
        failed = entry.state in ("broken_off", "exhausted", "lost")
        kind = "audit" if entry.audits is not None else names.CHAT
        return span(
            trace_id=place.trace,
            span_id=place.span,
            parent_span_id=place.parent or b"",
            flags=_SAMPLED | (_FROM_ELSEWHERE if place.parent else 0),
            name=_short(f"{kind} {entry.route}"),
            kind=span.SPAN_KIND_INTERNAL if entry.audits is not None else span.SPAN_KIND_SERVER,
            start_time_unix_nano=_nano(entry.at),
            end_time_unix_nano=_nano(entry.at + entry.latency_s),
            attributes=self._pairs({**self._of_entry(traced), **_messages(traced)}, messages=True),
            links=self._links(traced.audited),
            status=self._status(failed, entry.state),
        )

    def _of_entry(self, traced: Traced) -> Told:
        entry = traced.entry
        seen = entry.seen
        failed = entry.state in ("broken_off", "exhausted", "lost")
        return {
            names.OPERATION: names.CHAT,
            names.REQUEST_MODEL: entry.route,
            names.RESPONSE_MODEL: seen.model if seen is not None else None,
            names.RESPONSE_ID: entry.id,
            names.STREAM: entry.stream,
            names.FIRST_CHUNK_S: entry.first_byte_s,
            names.CONVERSATION: entry.conversation,
            **_usage(entry.usage),
            names.ENTRY_ID: entry.id,
            names.CALLER: entry.caller,
            names.TASK: entry.task,
            names.AUDITS: entry.audits,
            names.STEP_TYPE: entry.step_type.value,
            names.STATE: entry.state,
            names.TIER: entry.tier,
            names.COST_USD: _usd(entry.cost_nano),
            names.CONFIDENCE: _confidence(seen),
            names.PLAN: entry.plan_why if traced.quoted else None,
            names.ERROR_TYPE: entry.state if failed else None,
        }

    def _attempt(self, traced: Traced, attempt: Attempt, why: str | None) -> Span:
        entry, place, span = traced.entry, traced.place, self._trace.Span
        here = self._providers.get(attempt.tier) == names.LOCAL
        return span(
            trace_id=place.trace,
            span_id=self._draw(8),
            parent_span_id=place.span,
            flags=_SAMPLED,
            name=_short(f"{attempt.role} {attempt.tier}"),
            kind=span.SPAN_KIND_INTERNAL if here else span.SPAN_KIND_CLIENT,
            start_time_unix_nano=_nano(entry.at + attempt.started_s),
            end_time_unix_nano=_nano(entry.at + attempt.ended_s),
            attributes=self._pairs(self._of_attempt(attempt, why, quoted=traced.quoted)),
            status=self._status(attempt.state in _FAILED, attempt.fault or attempt.state),
        )

    def _of_attempt(self, attempt: Attempt, why: str | None, *, quoted: bool) -> Told:
        first, failed = attempt.first_piece_s, attempt.state in _FAILED
        return {
            names.OPERATION: names.CHAT,
            names.PROVIDER: self._providers.get(attempt.tier, "rungwise"),
            names.REQUEST_MODEL: attempt.model,
            names.RESPONSE_MODEL: attempt.billed_as or attempt.model,
            names.FIRST_CHUNK_S: None if first is None else first - attempt.started_s,
            **_usage(attempt.usage),
            names.TIER: attempt.tier,
            names.ROLE: attempt.role,
            names.STATE: attempt.state,
            names.VERDICT: _verdict(attempt),
            names.WHY: why,
            names.FAULT: attempt.fault,
            names.REASON: attempt.reason if quoted else None,
            names.CONFIDENCE: _confidence(attempt),
            names.THRESHOLD: attempt.threshold,
            names.COST_USD: _usd(attempt.cost_nano),
            names.ENGINE_S: attempt.engine_s,
            names.JOULES: attempt.joules,
            **{f"{names.READING}{read.signal}": read.value for read in attempt.readings},
            names.ERROR_TYPE: (attempt.fault or attempt.state) if failed else None,
        }

    def _status(self, failed: bool, what: str) -> Status | None:
        code = self._trace.Status.STATUS_CODE_ERROR
        return self._trace.Status(code=code, message=what) if failed else None

    def _links(self, audited: Place | None) -> list[Span.Link]:
        if audited is None:
            return []
        link = self._trace.Span.Link
        return [link(trace_id=audited.trace, span_id=audited.span, flags=_SAMPLED)]

    def _pairs(self, told: Told, *, messages: bool = False) -> list[KeyValue]:
        long = (names.INPUT_MESSAGES, names.OUTPUT_MESSAGES) if messages else ()
        return [
            self._common.KeyValue(key=_short(name), value=self._value(value, whole=name in long))
            for name, value in told.items()
            if value is not None
        ]

    def _value(self, value: str | int | float | bool, *, whole: bool) -> AnyValue:
        any_value = self._common.AnyValue
        match value:
            case bool():
                return any_value(bool_value=value)
            case int():
                return any_value(int_value=max(-(2**63), min(value, 2**63 - 1)))
            case float():
                return any_value(double_value=value)
            case _:
                return any_value(string_value=_sound(value) if whole else _short(value))


def _usage(usage: Usage) -> Told:
    return {
        names.INPUT_TOKENS: usage.prompt_tokens,
        names.OUTPUT_TOKENS: usage.completion_tokens,
        names.CACHE_READ_TOKENS: usage.cache_read or None,
        names.CACHE_WRITE_TOKENS: (usage.cache_write_5m + usage.cache_write_1h) or None,
        names.REASONING_TOKENS: usage.reasoning or None,
    }


def _messages(traced: Traced) -> Told:
    return {names.INPUT_MESSAGES: traced.asked, names.OUTPUT_MESSAGES: traced.answered}


def _verdict(attempt: Attempt) -> str | None:
    if attempt.role != "draft":
        return None
    if attempt.state in _ACCEPTED:
        return "accept"
    return "escalate" if attempt.state == "abandoned" else None


def _confidence(attempt: Attempt | None) -> float | None:
    if attempt is None or attempt.confidence is None:
        return None
    return attempt.confidence.probability


def _usd(nano: int | None) -> float | None:
    return None if nano is None else nano / 1e9


def _short(text: str) -> str:
    return _sound(text if len(text) <= MOST_CHARS else f"{text[: MOST_CHARS - 1]}…")


def _sound(text: str) -> str:
    """Half of a surrogate pair is no text that can be sent."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _nano(unix: float) -> int:
    return min(max(0, round(unix * _SECOND)), 2**63 - 1)
