"""About how many tokens is a prompt, before it is known which model will read it?"""

from __future__ import annotations

import json
import math

from rungwise.types import Chat, Message

__all__ = ["CHARS", "tokens_of"]

CHARS = 3.5
"""To a token: English text has about 4 in current vocabularies, code and JSON about 3."""
EACH = 4
"""Tokens that a message takes beside its text."""
IMAGE = 1_600
"""Tokens of an image at the size to which Anthropic's API scales a large one."""


def tokens_of(chat: Chat) -> int:
    """Rather too many than too few, for text that is not mostly in other scripts than Latin."""
    tools = sum(
        len(tool.name) + len(tool.description) + len(json.dumps(tool.parameters))
        for tool in chat.tools
    )
    chars = tools + sum(_chars(message) for message in chat.messages)
    images = sum(len(message.images) for message in chat.messages)
    parts = len(chat.messages) + len(chat.tools)
    return math.ceil(chars / CHARS) + EACH * parts + IMAGE * images


def _chars(message: Message) -> int:
    calls = sum(len(call.name) + len(call.arguments) for call in message.tool_calls)
    return len(message.text) + calls
