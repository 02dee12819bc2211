"""How does a Chat look to Anthropic's Messages API?"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from rungwise.errors import TierError
from rungwise.types import Chat, Image, Message, Sampling, Tool, ToolCall, ToolChoice

__all__ = ["to_request"]

_DATA_URL = re.compile(r"data:(?P<type>image/[\w.+-]+);base64,(?P<data>.+)", re.DOTALL)
_JSON_ONLY = "Answer with one JSON object and nothing else."

Block = dict[str, Any]


def to_request(
    chat: Chat,
    *,
    tier: str,
    model: str,
    max_tokens: int,
    sampling: bool,
    closed: Callable[[dict[str, Any]], dict[str, Any]],
) -> dict[str, Any]:
    """The arguments of `messages.create`. Raises TierError for what the protocol cannot say.

    Not carried, because the protocol has no words for them: seed, both penalties, log-probabilities
    and the names of speakers; temperature and top_p where `sampling` is false. `closed` brings a
    schema into the form the API asks for.
    """
    if chat.sampling.n > 1:
        raise TierError(
            tier, "rejected", f"n={chat.sampling.n}: the Messages API writes one answer"
        )
    request: dict[str, Any] = {
        "model": model,
        "max_tokens": chat.sampling.max_tokens or max_tokens,
        "messages": _turns(chat.messages, tier),
        "stream": True,
    }
    if system := _system(chat):
        request["system"] = system
    if chat.sampling.stop:
        request["stop_sequences"] = list(chat.sampling.stop)
    if sampling and (extra := _sampling(chat.sampling)):
        request["extra_body"] = extra  # the SDK took the arguments away
    if chat.shape is not None and chat.shape.schema is not None:
        request["output_config"] = {"format": _format(chat.shape.schema, closed)}
    if chat.tools:
        request["tools"] = [_tool(tool) for tool in chat.tools]
        request["tool_choice"] = _tool_choice(chat.tool_choice)
    return request


def _system(chat: Chat) -> str:
    """Every system and developer message: the protocol has one place for them, at the head."""
    texts = [m.text for m in chat.messages if m.role in ("system", "developer") and m.text.strip()]
    if chat.shape is not None and chat.shape.schema is None:
        texts.append(_JSON_ONLY)
    return "\n\n".join(texts)


def _sampling(sampling: Sampling) -> dict[str, float]:
    """OpenAI's temperature ends at 2, this one at 1; a top_p of 1 says nothing, and newer models
    refuse it beside a temperature."""
    extra: dict[str, float] = {}
    if sampling.temperature is not None:
        extra["temperature"] = min(sampling.temperature, 1.0)
    if sampling.top_p is not None and sampling.top_p < 1:
        extra["top_p"] = sampling.top_p
    return extra


def _turns(messages: tuple[Message, ...], tier: str) -> list[Block]:
    """Alternating turns: tool results are the user's, and neighbours of one role are one turn."""
    turns: list[Block] = []
    for message in messages:
        if message.role in ("system", "developer"):
            continue
        role = "assistant" if message.role == "assistant" else "user"
        if not (blocks := _blocks(message, tier)):
            continue
        if turns and turns[-1]["role"] == role:
            turns[-1]["content"].extend(blocks)
        else:
            turns.append({"role": role, "content": blocks})
    return turns


def _blocks(message: Message, tier: str) -> list[Block]:
    # the API refuses blocks of white space only
    text = [{"type": "text", "text": message.text}] if message.text.strip() else []
    content: list[Block] = [*text, *(_image(image, tier) for image in message.images)]
    if message.role == "tool":
        return [{"type": "tool_result", "tool_use_id": message.tool_call_id, "content": content}]
    return [*content, *(_tool_use(call) for call in message.tool_calls)]


def _image(image: Image, tier: str) -> Block:
    if not image.url.startswith("data:"):
        return {"type": "image", "source": {"type": "url", "url": image.url}}
    found = _DATA_URL.fullmatch(image.url)
    if found is None:
        raise TierError(tier, "rejected", "an image's data URL must be data:image/...;base64,...")
    source = {"type": "base64", "media_type": found["type"], "data": found["data"]}
    return {"type": "image", "source": source}


def _tool_use(call: ToolCall) -> Block:
    return {"type": "tool_use", "id": call.id, "name": call.name, "input": _input(call.arguments)}


def _input(arguments: str) -> Mapping[str, Any]:
    """The API takes objects only. Broken JSON that a model once wrote goes along as text, so that
    a conversation which went on after it can still climb."""
    try:
        parsed = json.loads(arguments) if arguments.strip() else {}
    except ValueError:
        parsed = None
    return parsed if isinstance(parsed, dict) else {"unparsed_arguments": arguments}


def _tool(tool: Tool) -> Block:
    shown: Block = {
        "name": tool.name,
        "input_schema": {"type": "object", **tool.parameters},
    }
    if tool.description:
        shown["description"] = tool.description
    if tool.strict:
        shown["strict"] = True
    return shown


def _tool_choice(choice: ToolChoice) -> Block:
    if choice.mode == "none":
        return {"type": "none"}
    kind = {"auto": "auto", "required": "any", "named": "tool"}[choice.mode]
    shown: Block = {"type": kind}
    if choice.mode == "named":
        shown["name"] = choice.name
    if not choice.parallel:
        shown["disable_parallel_tool_use"] = True
    return shown


def _format(schema: Mapping[str, Any], closed: Callable[[dict[str, Any]], dict[str, Any]]) -> Block:
    """The API wants every object closed and knows few constraints: the SDK's own rewriting moves
    the rest into descriptions. A schema with open objects by intent goes as it is, because closing
    it would ask for something else."""
    own = dict(schema)
    if _is_open(own):
        return {"type": "json_schema", "schema": own}
    try:
        return {"type": "json_schema", "schema": closed(own)}
    except Exception:  # it asserts its way through schemas it does not know
        return {"type": "json_schema", "schema": own}


def _is_open(node: object) -> bool:
    if isinstance(node, Mapping):
        stated = node.get("additionalProperties", False)
        return stated is not False or any(_is_open(part) for part in node.values())
    return isinstance(node, (list, tuple)) and any(_is_open(part) for part in node)
