"""How does one answer sound in each provider's protocol, and is what it was asked a request of its?

What it was asked is checked with the official SDKs' own types, and may hold nothing they lack.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal

from anthropic.types.message_create_params import MessageCreateParamsStreaming
from openai.types.chat.completion_create_params import CompletionCreateParamsStreaming
from openai.types.responses.response_create_params import ResponseCreateParamsStreaming
from pydantic import ConfigDict, TypeAdapter

from tests.doubles.upstream import (
    Answer,
    Upstream,
    anthropic_block,
    anthropic_end,
    anthropic_start,
    anthropic_stream,
    openai_delta,
    openai_stream,
)
from tests.tiers.hosted import test_responses as responses

__all__ = ["ANTHROPIC", "CHAT", "GEMINI", "PROTOCOLS", "RESPONSES", "VLLM", "Protocol", "Says"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Says:
    """An answer in nobody's protocol: 30 tokens of the prompt uncached, 60 read, 10 written; 20 of
    the answer, and 30 of thinking. `calls` are id, name, and arguments as JSON."""

    text: str = ""
    thought: str = ""
    seal: str = ""
    calls: tuple[tuple[str, str, str], ...] = ()
    finish: Literal["stop", "length", "calls", "filter"] = "stop"
    refusal: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    name: str
    kind: str
    model: str
    says: Callable[[Says], bytes] = field(repr=False)
    type: Any = field(repr=False)
    dialect: str = ""
    own: frozenset[str] = frozenset()
    """Fields of this server's that the SDK's types lack."""

    def rung(self, name: str, url: str, more: str = "") -> str:
        """Its section of the configuration; `more` begins with a comma."""
        base = url if self.kind == "anthropic" else f"{url}/v1"
        told = f"name: {name}, kind: {self.kind}, model: {self.model}, base_url: '{base}'"
        spoken = f", dialect: {self.dialect}" if self.dialect else ""
        return f"{{{told}, api_key_env: KEY, prompt_cache: false{spoken}{more}}}"

    def answer(self, says: Says) -> Answer:
        return Answer(self.says(says))

    def heard(self, upstream: Upstream, place: int = -1) -> dict[str, Any]:
        """The body of a request, without what all of them say."""
        body: dict[str, Any] = upstream.requests[place].body
        self._check({key: value for key, value in body.items() if key not in self.own})
        constant = _CONSTANT[self.kind] | {"model": self.model, "stream": True}
        assert {key: body.get(key) for key in constant} == constant
        return {key: value for key, value in body.items() if key not in constant}

    def _check(self, body: dict[str, Any]) -> None:
        known = _known(body)
        assert _plain(_typed(self.type).validate_python([known])) == [known]


_CONSTANT: Mapping[str, dict[str, Any]] = {
    "openai": {"stream_options": {"include_usage": True}},
    "responses": {"store": False, "include": ["reasoning.encrypted_content"]},
    "anthropic": {},
}


@cache
def _typed(kind: Any) -> TypeAdapter[list[Any]]:
    # of a list: a TypedDict alone would have its own configuration
    return TypeAdapter(list[kind], config=ConfigDict(extra="forbid"))


def _known(value: Any) -> Any:
    """As the types have it: they want an id of a thought, though nothing is stored under it, and
    know no mark of Gemini's on a call."""
    if isinstance(value, list):
        return [_known(part) for part in value]
    if not isinstance(value, dict):
        return value
    told = {key: _known(part) for key, part in value.items() if key != "extra_content"}
    return {"id": "rs_1", **told} if told.get("type") == "reasoning" else told


def _plain(value: Any) -> Any:
    """What stands behind pydantic's lazy sequences, which are only checked when they are read."""
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    return value if isinstance(value, str | int | float | None) else [_plain(v) for v in value]


# ---- OpenAI's Chat Completions, and those who speak it ----


def _chat(says: Says) -> bytes:
    return openai_stream(*_chunks(says), {"usage": _CHAT_USAGE})


def _gemini(says: Says) -> bytes:
    """Calls come whole, without an index, with the seal on the first; the end is `stop`."""
    chunks = _chunks(Says(text=says.text, finish=says.finish, refusal=says.refusal))
    calls = [_whole_call(call) for call in says.calls]
    if says.seal and calls:
        calls[0]["extra_content"] = {"google": {"thought_signature": says.seal}}
    if calls:
        chunks = [openai_delta(tool_calls=calls), openai_delta(finish="stop")]
    usage = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 150}
    details = {"cached_tokens": 60}
    return openai_stream(*chunks, {"usage": {**usage, "prompt_tokens_details": details}})


def _chunks(says: Says) -> list[dict[str, Any]]:
    finish = {"calls": "tool_calls", "filter": "content_filter"}.get(says.finish, says.finish)
    chunks = [openai_delta("", role="assistant")]
    chunks += [openai_delta(reasoning_content=says.thought)] if says.thought else []
    chunks += [openai_delta(part) for part in says.text.splitlines(keepends=True)]
    chunks += [openai_delta(refusal=says.refusal)] if says.refusal else []
    for index, call in enumerate(says.calls):
        whole = {"index": index, **_whole_call(call)}
        begun = {**whole, "function": {"name": call[1], "arguments": ""}}
        chunks.append(openai_delta(tool_calls=[begun]))
        chunks += [
            openai_delta(tool_calls=[{"index": index, "function": {"arguments": part}}])
            for part in _halves(call[2])
        ]
    return [*chunks, openai_delta(finish=finish)]


def _whole_call(call: tuple[str, str, str]) -> dict[str, Any]:
    id, name, arguments = call
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}


def _halves(text: str) -> tuple[str, str]:
    return text[: len(text) // 2], text[len(text) // 2 :]


_CHAT_USAGE = {
    "prompt_tokens": 100,
    "completion_tokens": 50,
    "total_tokens": 150,
    "prompt_tokens_details": {"cached_tokens": 60, "cache_write_tokens": 10},
    "completion_tokens_details": {"reasoning_tokens": 30},
}


# ---- Responses ----


def _responses(says: Says) -> bytes:
    events: list[dict[str, Any]] = [responses.CREATED]
    if says.thought or says.seal:
        summaries = (says.thought,) if says.thought else ()
        events += responses.reasoning(0, *summaries, seal=says.seal or None)
    if says.text:
        events += responses.text(*says.text.splitlines(keepends=True), place=1)
    if says.refusal:
        where = {"item_id": "msg_1", "output_index": 1, "content_index": 0}
        events.append({"type": "response.refusal.delta", **where, "delta": says.refusal})
    for place, (id, name, arguments) in enumerate(says.calls, 2):
        for event in responses.call(place, name, *_halves(arguments)):
            if "item" in event:
                event["item"]["call_id"] = id
            events.append(event)
    if says.finish in ("length", "filter"):
        reason = {"length": "max_output_tokens", "filter": "content_filter"}[says.finish]
        events.append(responses.ended("incomplete", incomplete_details={"reason": reason}))
    else:
        events.append(responses.ended())
    return responses.stream(*events)


# ---- Messages ----


def _messages(says: Says) -> bytes:
    blocks: list[tuple[dict[str, Any], list[dict[str, Any]]]] = []
    if says.thought:
        thinking = {"type": "thinking_delta", "thinking": says.thought}
        signed = {"type": "signature_delta", "signature": says.seal}
        block = {"type": "thinking", "thinking": "", "signature": ""}
        blocks.append((block, [thinking, signed]))
    elif says.seal:
        blocks.append(({"type": "redacted_thinking", "data": says.seal}, []))
    if says.text:
        parts = [
            {"type": "text_delta", "text": part} for part in says.text.splitlines(keepends=True)
        ]
        blocks.append(({"type": "text", "text": ""}, parts))
    for id, name, arguments in says.calls:
        inputs = [{"type": "input_json_delta", "partial_json": p} for p in _halves(arguments)]
        blocks.append(({"type": "tool_use", "id": id, "name": name, "input": {}}, inputs))
    told = [
        e for i, (block, deltas) in enumerate(blocks) for e in anthropic_block(i, block, *deltas)
    ]
    reason = {"stop": "end_turn", "length": "max_tokens", "calls": "tool_use", "filter": "refusal"}
    details = {"type": "refusal", "category": None, "explanation": says.refusal or None}
    end = anthropic_end(
        reason[says.finish],
        details=details if says.finish == "filter" else None,
        output_tokens=50,
        output_tokens_details={"thinking_tokens": 30},
    )
    start = anthropic_start(
        input_tokens=30,
        cache_read_input_tokens=60,
        cache_creation_input_tokens=10,
        cache_creation={"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 0},
        output_tokens=1,
    )
    return anthropic_stream(start, *told, *end)


CHAT = Protocol(
    name="chat",
    kind="openai",
    model="gpt-5.4",
    dialect="openai",
    says=_chat,
    type=CompletionCreateParamsStreaming,
)
GEMINI = Protocol(
    name="gemini",
    kind="openai",
    model="gemini-3.1-pro-preview",
    dialect="gemini",
    says=_gemini,
    type=CompletionCreateParamsStreaming,
)
VLLM = Protocol(
    name="vllm",
    kind="openai",
    model="small",
    dialect="vllm",
    says=_chat,
    type=CompletionCreateParamsStreaming,
    own=frozenset({"cache_salt"}),
)
RESPONSES = Protocol(
    name="responses",
    kind="responses",
    model="gpt-5.4",
    says=_responses,
    type=ResponseCreateParamsStreaming,
)
ANTHROPIC = Protocol(
    name="anthropic",
    kind="anthropic",
    model="claude-sonnet-4-6",
    says=_messages,
    type=MessageCreateParamsStreaming,
    own=frozenset({"temperature", "top_p"}),  # the SDK has forgotten them, Claude 4.6 has not
)
PROTOCOLS = (CHAT, GEMINI, VLLM, RESPONSES, ANTHROPIC)
