"""How does the stand-in speak OpenAI's Chat Completions protocol?"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import Any
from uuid import uuid4

from rungwise.demo.standin_http import Body, Fault, Wire, frame
from rungwise.drafts import collect
from rungwise.types import (
    Chat,
    Choice,
    Done,
    Image,
    Message,
    OutputShape,
    Piece,
    Sampling,
    TokenLogprob,
    Tool,
    ToolCall,
    ToolChoice,
)

__all__ = ["CHAT_COMPLETIONS"]

_TYPES = {400: "invalid_request_error", 401: "invalid_request_error", 503: "service_unavailable"}
_CODES = {401: "invalid_api_key"}


# ---- in ----


def read(body: Body) -> Chat:
    return Chat(
        messages=tuple(_message(message) for message in body["messages"]),
        sampling=_sampling(body),
        tools=tuple(_tool(tool["function"]) for tool in body.get("tools") or ()),
        tool_choice=_tool_choice(body),
        shape=_shape(body.get("response_format")),
        stream=bool(body.get("stream")),
    )


def _message(said: Body) -> Message:
    content = said.get("content") or ""
    alone: list[Body] = [{"type": "text", "text": content}]
    parts: list[Body] = alone if isinstance(content, str) else content
    return Message(
        role=said["role"],
        text="".join(part["text"] for part in parts if part["type"] == "text"),
        images=tuple(Image(url=p["image_url"]["url"]) for p in parts if p["type"] == "image_url"),
        tool_calls=tuple(_call(call) for call in said.get("tool_calls") or ()),
        tool_call_id=said.get("tool_call_id"),
        name=said.get("name"),
    )


def _call(call: Body) -> ToolCall:
    function = call["function"]
    return ToolCall(id=call["id"], name=function["name"], arguments=function["arguments"])


def _sampling(body: Body) -> Sampling:
    stop = body.get("stop") or ()
    return Sampling(
        max_tokens=body.get("max_completion_tokens") or body.get("max_tokens"),
        temperature=body.get("temperature"),
        top_p=body.get("top_p"),
        stop=(stop,) if isinstance(stop, str) else tuple(stop),
        n=body.get("n") or 1,
        seed=body.get("seed"),
        presence_penalty=body.get("presence_penalty"),
        frequency_penalty=body.get("frequency_penalty"),
        top_logprobs=(body.get("top_logprobs") or 0) if body.get("logprobs") else None,
    )


def _tool(function: Body) -> Tool:
    return Tool(
        name=function["name"],
        description=function.get("description") or "",
        parameters=function.get("parameters") or {},
        strict=bool(function.get("strict")),
    )


def _tool_choice(body: Body) -> ToolChoice:
    chosen, parallel = body.get("tool_choice") or "auto", body.get("parallel_tool_calls", True)
    if isinstance(chosen, str):
        return ToolChoice(mode=chosen, parallel=parallel)  # type: ignore[arg-type]
    return ToolChoice(mode="named", name=chosen["function"]["name"], parallel=parallel)


def _shape(wanted: Body | None) -> OutputShape | None:
    if wanted is None or wanted["type"] == "text":
        return None
    if wanted["type"] == "json_object":
        return OutputShape()
    told = wanted["json_schema"]
    return OutputShape(name=told["name"], schema=told["schema"], strict=bool(told.get("strict")))


# ---- out ----


class Completion:
    """One answer as `chat.completion` or its chunks."""

    def __init__(self, body: Body) -> None:
        self._head = {"id": f"chatcmpl-{uuid4().hex}", "created": int(time.time())}
        self._head["model"] = str(body.get("model", ""))
        options = body.get("stream_options") or {}
        self._with_usage = bool(options.get("include_usage"))
        self._started: set[int] = set()

    def start(self, done: Done) -> Iterable[bytes]:
        return ()

    def piece(self, piece: Piece) -> Iterator[bytes]:
        delta = _delta(piece)
        if piece.choice not in self._started:
            self._started.add(piece.choice)
            delta = {"role": "assistant", **delta}
        choice: dict[str, Any] = {"index": piece.choice, "delta": delta}
        choice["finish_reason"] = piece.finish
        if piece.shown:
            choice["logprobs"] = {"content": [_logprob(token) for token in piece.shown]}
        yield self._chunk(choices=[choice])

    def end(self, done: Done) -> Iterator[bytes]:
        if self._with_usage:
            yield self._chunk(choices=[], usage=_usage(done))
        yield b"data: [DONE]\n\n"

    def whole(self, pieces: Iterable[Piece], done: Done) -> dict[str, Any]:
        pieces = list(pieces)
        choices = [
            {
                "index": index,
                "message": _said(choice),
                "finish_reason": choice.finish,
                "logprobs": _logprobs([p for p in pieces if p.choice == index]),
            }
            for index, choice in enumerate(collect(pieces))
        ]
        return {
            **self._head,
            "object": "chat.completion",
            "choices": choices,
            "usage": _usage(done),
        }

    def _chunk(self, **more: Any) -> bytes:
        return frame({**self._head, "object": "chat.completion.chunk", **more})


def _delta(piece: Piece) -> dict[str, Any]:
    delta: dict[str, Any] = {}
    if piece.text:
        delta["content"] = piece.text
    if piece.reasoning:
        delta["reasoning_content"] = piece.reasoning
    if piece.refusal:
        delta["refusal"] = piece.refusal
    if piece.tool_calls:
        delta["tool_calls"] = [
            {
                "index": call.index,
                **({"id": call.id, "type": "function"} if call.id else {}),
                "function": {
                    **({"name": call.name} if call.name else {}),
                    "arguments": call.arguments,
                },
            }
            for call in piece.tool_calls
        ]
    return delta


def _said(choice: Choice) -> dict[str, Any]:
    said: dict[str, Any] = {"role": "assistant", "content": choice.text or None}
    said["refusal"] = choice.refusal or None
    if choice.tool_calls:
        said["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in choice.tool_calls
        ]
    return said


def _logprobs(pieces: list[Piece]) -> dict[str, Any] | None:
    shown = [_logprob(token) for piece in pieces for token in piece.shown]
    return {"content": shown} if shown else None


def _logprob(token: TokenLogprob) -> dict[str, Any]:
    others = [_token(other.text, other.logprob) for other in token.alternatives]
    return {**_token(token.text, token.logprob), "top_logprobs": others}


def _token(text: str, logprob: float) -> dict[str, Any]:
    return {"token": text, "logprob": logprob, "bytes": list(text.encode())}


def _usage(done: Done) -> dict[str, Any]:
    usage = done.usage
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cache_read},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning},
    }


def _error(fault: Fault) -> dict[str, Any]:
    code = "context_length_exceeded" if fault.too_long else _CODES.get(fault.status)
    kind = _TYPES.get(fault.status, "server_error")
    return {"error": {"message": fault.message, "type": kind, "param": None, "code": code}}


CHAT_COMPLETIONS = Wire(read, Completion, _error)
