"""How does the stand-in speak Anthropic's Messages protocol?"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any
from uuid import uuid4

from rungwise.demo.standin_http import Body, Fault, Wire, frame
from rungwise.drafts import collect
from rungwise.types import (
    Chat,
    Done,
    FinishReason,
    Image,
    Message,
    OutputShape,
    Piece,
    Sampling,
    Tool,
    ToolCall,
    ToolCallDelta,
    ToolChoice,
)

__all__ = ["MESSAGES"]

_TYPES = {400: "invalid_request_error", 401: "authentication_error", 503: "overloaded_error"}
_REASONS: dict[FinishReason, str] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
}


# ---- in ----


def read(body: Body) -> Chat:
    messages = [part for message in body["messages"] for part in _messages(message)]
    if system := _text(body.get("system") or ""):
        messages.insert(0, Message(role="system", text=system))
    return Chat(
        messages=tuple(messages),
        sampling=Sampling(
            max_tokens=body["max_tokens"],
            temperature=body.get("temperature"),
            top_p=body.get("top_p"),
            stop=tuple(body.get("stop_sequences") or ()),
        ),
        tools=tuple(_tool(tool) for tool in body.get("tools") or ()),
        tool_choice=_tool_choice(body.get("tool_choice") or {"type": "auto"}),
        shape=_shape((body.get("output_config") or {}).get("format")),
        stream=bool(body.get("stream")),
    )


def _messages(said: Body) -> Iterator[Message]:
    """A turn, with the tool results in it as messages of their own before it."""
    content = said["content"]
    alone: list[Body] = [{"type": "text", "text": content}]
    blocks: list[Body] = alone if isinstance(content, str) else content
    for block in blocks:
        if block["type"] == "tool_result":
            text = _text(block.get("content") or "")
            yield Message(role="tool", text=text, tool_call_id=block["tool_use_id"])
    rest = [block for block in blocks if block["type"] != "tool_result"]
    if rest or not blocks:
        yield Message(
            role=said["role"],
            text=_text(rest),
            images=tuple(_image(b["source"]) for b in rest if b["type"] == "image"),
            tool_calls=tuple(
                ToolCall(id=b["id"], name=b["name"], arguments=json.dumps(b["input"]))
                for b in rest
                if b["type"] == "tool_use"
            ),
        )


def _text(content: str | Iterable[Body]) -> str:
    if isinstance(content, str):
        return content
    return "".join(block["text"] for block in content if block["type"] == "text")


def _image(source: Body) -> Image:
    if source["type"] == "url":
        return Image(url=source["url"])
    return Image(url=f"data:{source['media_type']};base64,{source['data']}")


def _tool(tool: Body) -> Tool:
    return Tool(
        name=tool["name"],
        description=tool.get("description") or "",
        parameters=tool["input_schema"],
        strict=bool(tool.get("strict")),
    )


def _tool_choice(chosen: Body) -> ToolChoice:
    parallel = not chosen.get("disable_parallel_tool_use")
    match chosen["type"]:
        case "any":
            return ToolChoice(mode="required", parallel=parallel)
        case "tool":
            return ToolChoice(mode="named", name=chosen["name"], parallel=parallel)
        case "none":
            return ToolChoice(mode="none", parallel=parallel)
    return ToolChoice(parallel=parallel)


def _shape(wanted: Body | None) -> OutputShape | None:
    return None if wanted is None else OutputShape(schema=wanted["schema"], strict=True)


# ---- out ----


class Reply:
    """One answer as a `message` or the events of one."""

    def __init__(self, body: Body) -> None:
        self._head = {"id": f"msg_{uuid4().hex}", "type": "message", "role": "assistant"}
        self._head["model"] = str(body.get("model", ""))
        self._block = -1
        self._open: str | None = None
        self._finish: FinishReason = "stop"

    def start(self, done: Done) -> Iterator[bytes]:
        empty: dict[str, Any] = {"content": [], "stop_reason": None, "stop_sequence": None}
        usage = {**_usage(done), "output_tokens": 1}
        yield _event("message_start", message={**self._head, **empty, "usage": usage})
        yield _event("ping")

    def piece(self, piece: Piece) -> Iterator[bytes]:
        self._finish = piece.finish or self._finish
        if piece.reasoning:
            yield from self._enter("thinking", {"type": "thinking", "thinking": ""})
            yield self._delta(type="thinking_delta", thinking=piece.reasoning)
        if piece.text or piece.refusal:
            yield from self._enter("text", {"type": "text", "text": ""})
            yield self._delta(type="text_delta", text=piece.text or piece.refusal)
        for call in piece.tool_calls:
            yield from self._call(call)

    def _call(self, call: ToolCallDelta) -> Iterator[bytes]:
        use: dict[str, Any] = {"type": "tool_use", "id": call.id, "name": call.name, "input": {}}
        yield from self._enter(f"tool {call.index}", use)
        if call.arguments:
            yield self._delta(type="input_json_delta", partial_json=call.arguments)

    def _enter(self, kind: str, block: dict[str, Any]) -> Iterator[bytes]:
        if kind == self._open:
            return
        yield from self._leave()
        self._block, self._open = self._block + 1, kind
        yield _event("content_block_start", index=self._block, content_block=block)

    def _leave(self) -> Iterator[bytes]:
        if self._open is not None:
            yield _event("content_block_stop", index=self._block)
        self._open = None

    def _delta(self, **delta: str) -> bytes:
        return _event("content_block_delta", index=self._block, delta=delta)

    def end(self, done: Done) -> Iterator[bytes]:
        yield from self._leave()
        delta = {"stop_reason": _REASONS[self._finish], "stop_sequence": None}
        yield _event("message_delta", delta=delta, usage=_usage(done))
        yield _event("message_stop")

    def whole(self, pieces: Iterable[Piece], done: Done) -> dict[str, Any]:
        (choice,) = collect(pieces) or collect([Piece(finish="stop")])
        content: list[dict[str, Any]] = []
        if text := choice.text or choice.refusal:
            content.append({"type": "text", "text": text})
        for call in choice.tool_calls:
            own = {"id": call.id, "name": call.name, "input": _input(call.arguments)}
            content.append({"type": "tool_use", **own})
        reason = _REASONS[choice.finish or "stop"]
        ended = {"content": content, "stop_reason": reason, "stop_sequence": None}
        return {**self._head, **ended, "usage": _usage(done)}


def _input(arguments: str) -> object:
    try:
        return json.loads(arguments or "{}")
    except ValueError:
        return {"unparsed_arguments": arguments}


def _event(kind: str, **data: Any) -> bytes:
    return frame({"type": kind, **data}, kind)


def _usage(done: Done) -> dict[str, Any]:
    usage = done.usage
    return {
        "input_tokens": usage.input,
        "cache_read_input_tokens": usage.cache_read,
        "cache_creation_input_tokens": 0,
        "output_tokens": usage.completion_tokens,
    }


def _error(fault: Fault) -> dict[str, Any]:
    kind = _TYPES.get(fault.status, "api_error")
    message = f"prompt is too long: {fault.message}" if fault.too_long else fault.message
    return {"type": "error", "error": {"type": kind, "message": message}}


MESSAGES = Wire(read, Reply, _error, error_event="error")
