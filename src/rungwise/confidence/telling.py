"""How is a finished answer, or a whole request, told to somebody who shall grade it?"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from itertools import count

from rungwise.types import Chat, Choice, Draft, Tool, ToolCall

__all__ = ["answer_text", "fenced_request"]

LEAST_FENCE = 8


def answer_text(choice: Choice) -> str:
    """The answer as text: its words, then each tool call as a line of JSON. "" for no answer."""
    return _told(choice.text, choice.tool_calls)


def fenced_request(chat: Chat, draft: Draft) -> str:
    """The conversation, what was asked of the answer's form, and the answers, each part between
    two equal fences.

    A fence is a row of tildes one longer than any row in the parts, so no part can close its own:
    whatever stands between two fences is what somebody wrote.
    """
    parts = list(_parts(chat, draft))
    rows = re.findall(r"~+", "".join(text for _, text in parts))
    fence = "~" * max(LEAST_FENCE, 1 + max(map(len, rows), default=0))
    told = "\n\n".join(f"{title}:\n{fence}\n{text}\n{fence}" for title, text in parts)
    return f"Each part below stands between two lines of {len(fence)} tildes.\n\n{told}"


def _parts(chat: Chat, draft: Draft) -> Iterator[tuple[str, str]]:
    if chat.tools:
        yield "TOOLS that the assistant may call", "\n".join(map(_tool, chat.tools))
    images = count(1)
    for number, message in enumerate(chat.messages, 1):
        notes = "".join(f", with image {next(images)}" for _ in message.images)
        title = f"REQUEST, message {number}, from {message.role}{notes}"
        yield title, _told(message.text, message.tool_calls)
    if chat.shape is not None:
        schema = chat.shape.schema
        yield (
            "FORM of the answer",
            "one JSON object" if schema is None else f"JSON that fits the schema {_json(schema)}",
        )
    answers = [text for text in map(answer_text, draft.choices) if text]
    for number, text in enumerate(answers, 1):
        yield "ANSWER" if len(answers) == 1 else f"ANSWER {number} of {len(answers)}", text


def _told(text: str, calls: Sequence[ToolCall]) -> str:
    return "\n".join([*([text] if text.strip() else []), *map(_call, calls)])


def _call(call: ToolCall) -> str:
    """Arguments that are not JSON are told as the text they are."""
    try:
        return _json({"name": call.name, "arguments": json.loads(call.arguments)})
    except (ValueError, RecursionError):
        return _json({"name": call.name, "arguments": call.arguments})


def _tool(tool: Tool) -> str:
    described = {"description": tool.description} if tool.description else {}
    return _json({"name": tool.name, **described, "parameters": tool.parameters})


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=dict)
