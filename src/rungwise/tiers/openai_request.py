"""How does a Chat look to OpenAI's Chat Completions API?"""

from __future__ import annotations

from typing import Any

from rungwise.types import Chat, Message, OutputShape, Sampling, Tool, ToolChoice

__all__ = ["body_of", "to_request"]


def to_request(chat: Chat, *, model: str, top_logprobs: int | None) -> dict[str, Any]:
    """The arguments of `chat.completions.create`. Everything in a Chat is carried, but for
    log-probabilities: `top_logprobs` alternatives beside each token's own, None for nothing."""
    request = {
        "model": model,
        "stream": True,
        "stream_options": {"include_usage": True},
        **body_of(chat),
    }
    if top_logprobs is not None:
        request["logprobs"] = True
        if top_logprobs:
            request["top_logprobs"] = top_logprobs
    return request


def body_of(chat: Chat) -> dict[str, Any]:
    """What every server of this protocol is told of a Chat: its words, not its transport."""
    body: dict[str, Any] = {
        "messages": [_message(message) for message in chat.messages],
        **_sampling(chat.sampling),
    }
    if chat.shape is not None:
        body["response_format"] = _response_format(chat.shape)
    if chat.tools:
        body["tools"] = [_tool(tool) for tool in chat.tools]
        body["tool_choice"] = _tool_choice(chat.tool_choice)
        body["parallel_tool_calls"] = chat.tool_choice.parallel
    return body


def _sampling(sampling: Sampling) -> dict[str, Any]:
    wanted = {
        "max_completion_tokens": sampling.max_tokens,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "seed": sampling.seed,
        "presence_penalty": sampling.presence_penalty,
        "frequency_penalty": sampling.frequency_penalty,
        "stop": list(sampling.stop) or None,
        "n": sampling.n if sampling.n > 1 else None,
    }
    return {key: value for key, value in wanted.items() if value is not None}


def _message(message: Message) -> dict[str, Any]:
    shown: dict[str, Any] = {"role": message.role, "content": _content(message)}
    if message.tool_calls:
        shown["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in message.tool_calls
        ]
        shown["content"] = shown["content"] or None
    if message.tool_call_id is not None:
        shown["tool_call_id"] = message.tool_call_id
    if message.name is not None:
        shown["name"] = message.name
    return shown


def _content(message: Message) -> str | list[dict[str, Any]]:
    if not message.images:
        return message.text
    text = [{"type": "text", "text": message.text}] if message.text else []
    images = [{"type": "image_url", "image_url": {"url": image.url}} for image in message.images]
    return [*text, *images]


def _tool(tool: Tool) -> dict[str, Any]:
    function: dict[str, Any] = {"name": tool.name}
    if tool.description:
        function["description"] = tool.description
    if tool.parameters:
        function["parameters"] = dict(tool.parameters)
    if tool.strict:
        function["strict"] = True
    return {"type": "function", "function": function}


def _tool_choice(choice: ToolChoice) -> str | dict[str, Any]:
    if choice.mode == "named":
        return {"type": "function", "function": {"name": choice.name}}
    return choice.mode


def _response_format(shape: OutputShape) -> dict[str, Any]:
    if shape.schema is None:
        return {"type": "json_object"}
    return {
        "type": "json_schema",
        "json_schema": {"name": shape.name, "schema": dict(shape.schema), "strict": shape.strict},
    }
