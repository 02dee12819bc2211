"""How does a Chat look to vLLM's own chat endpoint?"""

from __future__ import annotations

from typing import Any

from rungwise.types import Chat, Message, OutputShape, Tool, ToolChoice

__all__ = ["to_request", "tools_in_play"]


def tools_in_play(chat: Chat) -> bool:
    return bool(chat.tools) and chat.tool_choice.mode != "none"


def to_request(chat: Chat) -> dict[str, Any]:
    """The body of a chat completion request. Log-probabilities are the tap's business."""
    sampling = chat.sampling
    body: dict[str, Any] = {
        "messages": [_message(message) for message in chat.messages],
        # always: only the streaming path hands out its generator before anything is generated
        "stream": True,
        "n": sampling.n,
        "stop": list(sampling.stop),
    }
    wanted = {
        "max_completion_tokens": sampling.max_tokens,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "seed": sampling.seed,
        "presence_penalty": sampling.presence_penalty,
        "frequency_penalty": sampling.frequency_penalty,
    }
    body.update((key, value) for key, value in wanted.items() if value is not None)
    if chat.shape is not None:
        body["response_format"] = _response_format(chat.shape)
    if chat.tools:
        body["tools"] = [_tool(tool) for tool in chat.tools]
        body["tool_choice"] = _tool_choice(chat.tool_choice)
        body["parallel_tool_calls"] = chat.tool_choice.parallel
    return body


def _message(message: Message) -> dict[str, Any]:
    # Chat templates of open models know no developer, and many drop what they do not know.
    role = "system" if message.role == "developer" else message.role
    shown: dict[str, Any] = {"role": role, "content": message.text}
    if message.images:
        parts: list[dict[str, Any]] = [{"type": "text", "text": message.text}]
        parts += [{"type": "image_url", "image_url": {"url": i.url}} for i in message.images]
        shown["content"] = parts if message.text else parts[1:]
    if message.tool_calls:
        shown["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in message.tool_calls
        ]
    if message.tool_call_id is not None:
        shown["tool_call_id"] = message.tool_call_id
    if message.name is not None:
        shown["name"] = message.name
    return shown


def _tool(tool: Tool) -> dict[str, Any]:
    function: dict[str, Any] = {
        "name": tool.name,
        "description": tool.description,
        "parameters": dict(tool.parameters),
    }
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
