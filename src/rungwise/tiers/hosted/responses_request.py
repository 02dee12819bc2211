"""How does a Chat look to OpenAI's Responses API?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rungwise.errors import TierError
from rungwise.tiers.hosted.prefix import cache_key
from rungwise.tiers.hosted.terms import Terms
from rungwise.tiers.hosted.thinking import effort_of, own_thoughts
from rungwise.types import Chat, Image, Message, OutputShape, Thought, Tool, ToolCall, ToolChoice

__all__ = ["LEAST_TOKENS", "to_request"]

LEAST_TOKENS = 16
"""The API takes no smaller max_output_tokens; whoever asks for fewer is given so many."""

Item = dict[str, Any]


def to_request(chat: Chat, terms: Terms) -> dict[str, Any]:
    """The JSON body. Nothing is stored upstream: thoughts come sealed, and go back so.

    Raises TierError for what would change the answer and cannot be said: several answers, and stop
    sequences. Not carried, because the protocol has no words for them: seed, both penalties, names
    of speakers, whether a tool's call failed, marks of caches, log-probabilities for the gate;
    thoughts of other models; effort, temperature and top_p where the model takes none.
    """
    _refuse_what_cannot_be_said(chat, terms.tier)
    head, messages = _apart(chat.messages)
    request: dict[str, Any] = {
        "model": terms.model,
        "stream": True,
        "store": False,
        "include": ["reasoning.encrypted_content"],
    }
    if chat.tools:
        request["tools"] = [_tool(tool) for tool in chat.tools]
        request["tool_choice"] = _tool_choice(chat.tool_choice)
        request["parallel_tool_calls"] = chat.tool_choice.parallel
    if head:
        request["instructions"] = "\n\n".join(head)
    request["input"] = [item for m in messages for item in _items(m, terms.model)]
    if chat.shape is not None:
        request["text"] = {"format": _format(chat.shape)}
    request |= _sampling(chat, terms)
    if (key := cache_key(chat, automatic=terms.prompt_cache)) is not None:
        request["prompt_cache_key"] = key
    return request


def _refuse_what_cannot_be_said(chat: Chat, tier: str) -> None:
    if chat.sampling.n > 1:
        message = f"n={chat.sampling.n}: the Responses API writes one answer"
        raise TierError(tier, "rejected", message)
    if chat.sampling.stop:
        raise TierError(tier, "rejected", "stop: the Responses API knows no stop sequences")


def _apart(messages: Sequence[Message]) -> tuple[list[str], Sequence[Message]]:
    """The words of the system at the head, and everything after them in its place: a late system
    message put to the head would change the prefix that is cached."""
    head: list[str] = []
    for i, message in enumerate(messages):
        if message.role not in ("system", "developer"):
            return head, messages[i:]
        head += [message.text] if message.text else []
    return head, ()


def _sampling(chat: Chat, terms: Terms) -> dict[str, Any]:
    sampling, limit = chat.sampling, chat.sampling.max_tokens or terms.max_tokens
    shown: dict[str, Any] = {}
    if limit is not None:
        shown["max_output_tokens"] = max(limit, LEAST_TOKENS)
    effort = effort_of(chat.thinking, terms.effort, terms.efforts)
    if terms.draws(effort) and sampling.temperature is not None:
        shown["temperature"] = sampling.temperature
    if terms.draws(effort) and sampling.top_p is not None:
        shown["top_p"] = sampling.top_p
    if effort is not None and terms.thinks != "none":
        shown["reasoning"] = {"effort": effort}
    if sampling.top_logprobs is not None:
        shown["include"] = ["reasoning.encrypted_content", "message.output_text.logprobs"]
        shown["top_logprobs"] = sampling.top_logprobs
    return shown


def _items(message: Message, model: str) -> list[Item]:
    """A message as the API's items: its thoughts, its words, its calls."""
    if message.role == "tool":
        output = _content(message)
        return [{"type": "function_call_output", "call_id": message.tool_call_id, "output": output}]
    said: list[Item] = []
    if message.text or message.images or not message.tool_calls:
        said.append({"role": message.role, "content": _content(message)})
    said += [_call(call) for call in message.tool_calls]
    return [*(_thought(thought) for thought in own_thoughts(message, model)), *said]


def _content(message: Message) -> str | list[Item]:
    if not message.images:
        return message.text
    return [
        {"type": "input_image", "image_url": part.url, "detail": "auto"}
        if isinstance(part, Image)
        else {"type": "input_text", "text": part}
        for part in message.parts
    ]


def _thought(thought: Thought) -> Item:
    """Without the item's id: nothing is stored upstream, and by an id it would look there."""
    summary = [{"type": "summary_text", "text": thought.text}] if thought.text else []
    return {"type": "reasoning", "summary": summary, "encrypted_content": thought.seal}


def _call(call: ToolCall) -> Item:
    return {
        "type": "function_call",
        "call_id": call.id,
        "name": call.name,
        "arguments": call.arguments,
    }


def _tool(tool: Tool) -> Item:
    # `strict` must be said: left out, this API takes it for true
    shown: Item = {"type": "function", "name": tool.name, "strict": tool.strict}
    if tool.description:
        shown["description"] = tool.description
    shown["parameters"] = dict(tool.parameters) or {"type": "object", "properties": {}}
    return shown


def _tool_choice(choice: ToolChoice) -> str | Item:
    return {"type": "function", "name": choice.name} if choice.mode == "named" else choice.mode


def _format(shape: OutputShape) -> Item:
    if shape.schema is None:
        return {"type": "json_object"}
    return {
        "type": "json_schema",
        "name": shape.name,
        "schema": dict(shape.schema),
        "strict": shape.strict,
    }
