"""How does a Chat look to Anthropic's Messages API?"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rungwise.errors import TierError
from rungwise.tiers.hosted.anthropic_thinking import thinking_of
from rungwise.tiers.hosted.prefix import marked
from rungwise.tiers.hosted.terms import Terms
from rungwise.tiers.hosted.thinking import own_thoughts
from rungwise.types import (
    CacheMark,
    Chat,
    Image,
    Message,
    Sampling,
    Thought,
    Tool,
    ToolCall,
    ToolChoice,
)

__all__ = ["to_request"]

_DATA_URL = re.compile(r"data:(?P<type>image/[\w.+-]+);base64,(?P<data>.+)", re.DOTALL)
MAX_TOKENS = 4096
"""The API asks for a limit, where neither the caller nor the owner named one."""

_JSON_ONLY = "Answer with one JSON object and nothing else."

Block = dict[str, Any]


def to_request(
    chat: Chat, terms: Terms, *, closed: Callable[[dict[str, Any]], dict[str, Any]]
) -> dict[str, Any]:
    """The JSON body. Raises TierError for what the protocol cannot say.

    Not carried, because the protocol has no words for them: seed, both penalties, log-probabilities
    and the names of speakers; temperature and top_p where the model takes none, or thinks; thoughts
    of other models. `closed` brings a schema into the form the API asks for.

    Thinking counts towards max_tokens, and max_tokens is never raised for it: it is what the caller
    agreed to pay.
    """
    if chat.sampling.n > 1:
        raise TierError(
            terms.tier, "rejected", f"n={chat.sampling.n}: the Messages API writes one answer"
        )
    chat = marked(
        chat,
        automatic=terms.prompt_cache,
        minimum=terms.cache_minimum,
        ttl=terms.cache_ttl,
    )
    limit = chat.sampling.max_tokens or terms.max_tokens or MAX_TOKENS
    thinking = thinking_of(chat, terms, limit)
    request: dict[str, Any] = {"model": terms.model, "max_tokens": limit, "stream": True}
    if chat.tools:
        request["tools"] = [_tool(tool) for tool in chat.tools]
        request["tool_choice"] = _tool_choice(chat.tool_choice)
    if system := _system(chat):
        request["system"] = system
    request["messages"] = _turns(chat.messages, terms)
    if chat.sampling.stop:
        request["stop_sequences"] = list(chat.sampling.stop)
    if terms.draws(None) and not thinking.on:
        request |= _sampling(chat.sampling)
    if thinking.config is not None:
        request["thinking"] = thinking.config
    output: Block = {"effort": thinking.effort} if thinking.effort is not None else {}
    if chat.shape is not None and chat.shape.schema is not None:
        output["format"] = _format(chat.shape.schema, closed)
    if output:
        request["output_config"] = output
    return request


def _system(chat: Chat) -> str | list[Block]:
    """Every system and developer message: the protocol has one place for them, at the head. Text,
    or blocks that each end where a cached prefix does."""
    texts: list[str] = []
    blocks: list[Block] = []
    for message in chat.messages:
        if message.role not in ("system", "developer") or not message.text.strip():
            continue
        texts.append(message.text)
        if message.cache_mark is not None:
            blocks.append(_marking(_text(texts), message.cache_mark))
            texts = []
    if chat.shape is not None and chat.shape.schema is None:
        texts.append(_JSON_ONLY)
    if not blocks:
        return "\n\n".join(texts)
    return [*blocks, _text(texts)] if texts else blocks


def _text(texts: Sequence[str]) -> Block:
    return {"type": "text", "text": "\n\n".join(texts)}


def _marking(block: Block, mark: CacheMark | None) -> Block:
    """The block, with the end of a cached prefix behind it where there is to be one."""
    if mark is None:
        return block
    kept: Block = {"type": "ephemeral"} if mark == "5m" else {"type": "ephemeral", "ttl": mark}
    return {**block, "cache_control": kept}


def _sampling(sampling: Sampling) -> dict[str, float]:
    """OpenAI's temperature ends at 2, this one at 1; a top_p of 1 says nothing, and newer models
    refuse it beside a temperature."""
    extra: dict[str, float] = {}
    if sampling.temperature is not None:
        extra["temperature"] = min(sampling.temperature, 1.0)
    if sampling.top_p is not None and sampling.top_p < 1:
        extra["top_p"] = sampling.top_p
    return extra


def _turns(messages: tuple[Message, ...], terms: Terms) -> list[Block]:
    """Alternating turns: tool results are the user's, and neighbours of one role are one turn."""
    turns: list[Block] = []
    for message in messages:
        if message.role in ("system", "developer"):
            continue
        role = "assistant" if message.role == "assistant" else "user"
        if not (blocks := _blocks(message, terms)):
            continue
        if turns and turns[-1]["role"] == role:
            turns[-1]["content"].extend(blocks)
        else:
            turns.append({"role": role, "content": blocks})
    return turns


def _blocks(message: Message, terms: Terms) -> list[Block]:
    blocks = [
        _part(part, terms.tier)
        for part in message.parts
        # the API refuses blocks of white space only
        if isinstance(part, Image) or part.strip()
    ]
    if message.role == "tool":
        result: Block = {"type": "tool_result", "tool_use_id": message.tool_call_id}
        result["content"] = blocks
        if message.failed:
            result["is_error"] = True
        blocks = [result]
    blocks += [_tool_use(call) for call in message.tool_calls]
    if blocks:
        blocks[-1] = _marking(blocks[-1], message.cache_mark)
    return [*(_thought(t) for t in own_thoughts(message, terms.model)), *blocks]


def _thought(thought: Thought) -> Block:
    if thought.withheld:
        return {"type": "redacted_thinking", "data": thought.seal}
    return {"type": "thinking", "thinking": thought.text, "signature": thought.seal}


def _part(part: str | Image, tier: str) -> Block:
    return {"type": "text", "text": part} if isinstance(part, str) else _image(part, tier)


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
    return _marking(shown, tool.cache_mark)


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
