"""How many tokens is a chat, at least and at most? Before anybody has counted them."""

from __future__ import annotations

import json

from rungwise.types import Chat, JsonObject, Message

__all__ = ["about_tokens", "fewest_tokens", "most_tokens"]

FEWEST_CHARS, USUAL_CHARS = 6, 4
"""Characters of a token in prose that suits the tokenizer well, and as a rule."""

REQUEST_TOKENS = 1024
"""More than an API writes around a chat: its template, its own words on tools and on JSON."""
MESSAGE_TOKENS = 32
TOOL_TOKENS = 64
IMAGE_TOKENS = 50_000
"""More than any API bills for one image: OpenAI's gpt-4o-mini, the dearest, bills some 25,000 for
1024 x 1024, and 48,169 for the largest that it takes:
https://platform.openai.com/docs/guides/images-vision"""
SPELT_OUT = 3
"""A schema may be sent closed, and shown to the model in other words: at most so much longer."""


def fewest_tokens(chat: Chat) -> int:
    """A low estimate of the prompt; tools, schemas and images are left out."""
    return _chars(chat) // FEWEST_CHARS


def about_tokens(chat: Chat) -> int:
    """The usual estimate of the same."""
    return _chars(chat) // USUAL_CHARS


def _chars(chat: Chat) -> int:
    total = 0
    for message in chat.messages:
        total += len(message.text)
        for call in message.tool_calls:
            total += len(call.arguments)
    return total


def most_tokens(chat: Chat, *, image_tokens: int | None = None) -> int:
    """No fewer than the prompt has, by any tokenizer that needs at most a token for a byte."""
    total = REQUEST_TOKENS
    for message in chat.messages:
        total += MESSAGE_TOKENS + _message(message)
        total += len(message.images) * (image_tokens or IMAGE_TOKENS)
    for tool in chat.tools:
        total += (
            TOOL_TOKENS + _bytes(tool.name) + _bytes(tool.description) + _schema(tool.parameters)
        )
    if chat.shape is not None:
        total += _bytes(chat.shape.name) + _schema(chat.shape.schema or {})
    return total


def _message(message: Message) -> int:
    total = _bytes(message.text) + _bytes(message.name or "") + _bytes(message.tool_call_id or "")
    for call in message.tool_calls:
        total += MESSAGE_TOKENS + _bytes(call.id) + _bytes(call.name) + _bytes(call.arguments)
    for thought in message.thoughts:
        total += _bytes(thought.text) + _bytes(thought.seal)
    return total


def _schema(schema: JsonObject) -> int:
    return SPELT_OUT * len(json.dumps(schema, default=dict))


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
