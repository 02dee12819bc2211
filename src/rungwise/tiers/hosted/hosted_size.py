"""How long are a prompt and a piece, for an estimate of tokens that nobody counted?"""

from __future__ import annotations

import json

from rungwise.types import Chat, Message, Piece

__all__ = ["prompt_chars", "written_chars"]


def prompt_chars(chat: Chat) -> int:
    tools = sum(
        len(tool.name) + len(tool.description) + len(json.dumps(tool.parameters))
        for tool in chat.tools
    )
    shape = len(json.dumps(chat.shape.schema)) if chat.shape and chat.shape.schema else 0
    return sum(_message(message) for message in chat.messages) + tools + shape


def _message(message: Message) -> int:
    calls = sum(len(call.name) + len(call.arguments) for call in message.tool_calls)
    return len(message.text) + calls


def written_chars(piece: Piece) -> int:
    size = len(piece.text) + len(piece.reasoning) + len(piece.refusal)
    for call in piece.tool_calls:
        size += len(call.name or "") + len(call.arguments)
    return size
