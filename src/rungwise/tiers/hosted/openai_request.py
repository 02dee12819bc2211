"""How does a Chat look to OpenAI's Chat Completions API, in each server's dialect of it?"""

from __future__ import annotations

from typing import Any

from rungwise.tiers.hosted.prefix import cache_key, cache_salt
from rungwise.tiers.hosted.terms import Terms
from rungwise.tiers.hosted.thinking import effort_of, own_thoughts
from rungwise.types import Chat, Effort, Message, OutputShape, Sampling, Tool, ToolCall, ToolChoice

__all__ = ["NO_SEAL", "body_of", "to_request"]

NO_SEAL = "skip_thought_signature_validator"
"""What Gemini takes in place of the seal of a call that it has not made itself:
https://ai.google.dev/gemini-api/docs/thought-signatures"""


def to_request(chat: Chat, terms: Terms, *, top_logprobs: int | None) -> dict[str, Any]:
    """The JSON body. Everything in a Chat is carried, but for thoughts (the protocol has no place
    for them; Gemini's seals go back with its calls), whether a tool's call failed, marks of caches,
    what the dialect does not know, and effort, temperature and top_p where the model takes none.
    OpenAI's gpt-5.4 and later refuse tools beside any effort but `none` (the card's
    `tools_with_effort`): there a chat with tools names no effort, so the model thinks as much as it
    does by default. On the Responses API both go together.

    Of log-probabilities `top_logprobs` alternatives are asked for beside each token's own, None
    for nothing.
    """
    request = {
        "model": terms.model,
        "stream": True,
        "stream_options": {"include_usage": True},
        **body_of(chat, terms),
    }
    if top_logprobs is not None:
        request["logprobs"] = True
        if top_logprobs:
            request["top_logprobs"] = top_logprobs
    key = cache_key(chat, automatic=terms.prompt_cache) if terms.dialect.keyed else None
    if key is not None:
        request["prompt_cache_key"] = key
    return request


def body_of(chat: Chat, terms: Terms) -> dict[str, Any]:
    """What every server of this protocol is told of a Chat: its words, not its transport."""
    dialect = terms.dialect
    body: dict[str, Any] = {
        "messages": [_message(message, terms) for message in chat.messages],
    }
    effort = _effort(chat, terms)
    body |= _sampling(chat.sampling, terms, draws=terms.draws(effort))
    if effort is not None:
        body["reasoning_effort"] = dialect.efforts.get(effort, effort)
    if chat.shape is not None:
        body["response_format"] = _response_format(chat.shape)
    if chat.tools:
        body["tools"] = [_tool(tool) for tool in chat.tools]
        body["tool_choice"] = _tool_choice(chat.tool_choice)
        if dialect.parallel or not chat.tool_choice.parallel:
            body["parallel_tool_calls"] = chat.tool_choice.parallel
    if dialect.salted:
        body["cache_salt"] = cache_salt(chat)
    return body


def _effort(chat: Chat, terms: Terms) -> Effort | None:
    effort = effort_of(chat.thinking, terms.effort, terms.efforts)
    apart = bool(chat.tools) and not terms.tools_with_effort and effort != "none"
    return None if apart or terms.thinks == "none" else effort


def _sampling(sampling: Sampling, terms: Terms, *, draws: bool) -> dict[str, Any]:
    wanted = {
        terms.dialect.limit: sampling.max_tokens or terms.max_tokens,
        "temperature": sampling.temperature if draws else None,
        "top_p": sampling.top_p if draws else None,
        "seed": sampling.seed,
        "presence_penalty": sampling.presence_penalty,
        "frequency_penalty": sampling.frequency_penalty,
        "stop": list(sampling.stop) or None,
        "n": sampling.n if sampling.n > 1 else None,
    }
    unknown = terms.dialect.unknown
    return {k: value for k, value in wanted.items() if value is not None and k not in unknown}


def _message(message: Message, terms: Terms) -> dict[str, Any]:
    known = message.role != "developer" or terms.dialect.developer
    shown: dict[str, Any] = {
        "role": message.role if known else "system",
        "content": _content(message),
    }
    if message.tool_calls:
        shown["tool_calls"] = [_call(call) for call in message.tool_calls]
        shown["content"] = shown["content"] or None
        if terms.dialect.signed_calls:
            _sign(shown["tool_calls"], message, terms.model)
    if message.tool_call_id is not None:
        shown["tool_call_id"] = message.tool_call_id
    if message.name is not None:
        shown["name"] = message.name
    return shown


def _call(call: ToolCall) -> dict[str, Any]:
    function = {"name": call.name, "arguments": call.arguments}
    return {"id": call.id, "type": "function", "function": function}


def _sign(calls: list[dict[str, Any]], message: Message, model: str) -> None:
    """Put the seals where they came from: the first call of an answer has one, and seldom others.
    Without one on the first, the API would refuse a conversation that another model began."""
    own = [thought.seal for thought in own_thoughts(message, model)]
    for call, seal in zip(calls, own or [NO_SEAL], strict=False):
        call["extra_content"] = {"google": {"thought_signature": seal}}


def _content(message: Message) -> str | list[dict[str, Any]]:
    if not message.images:
        return message.text
    return [
        {"type": "text", "text": part}
        if isinstance(part, str)
        else {"type": "image_url", "image_url": {"url": part.url}}
        for part in message.parts
    ]


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
