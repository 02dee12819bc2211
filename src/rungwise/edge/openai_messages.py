"""What was said so far? The messages of an OpenAI request, role by role."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from rungwise.edge.cache_marks import read_cache_mark
from rungwise.edge.openai_fields import CallFields, MessageFields, PartFields
from rungwise.edge.reading import DEEPEST, fault_at, unknown_field
from rungwise.edge.seals import unbundled
from rungwise.types import CacheMark, Image, Message, Role, Thought, ToolCall

__all__ = ["read_messages"]

ROLES: Mapping[str, Role] = {
    "system": "system",
    "developer": "developer",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
}
PARTS: Mapping[Role, tuple[str, ...]] = {
    "system": ("text",),
    "developer": ("text",),
    "user": ("text", "image_url"),
    "assistant": ("text", "refusal"),
    "tool": ("text",),
}
ADDRESSES = ("https://", "http://", "data:image/")

_BRACKETS = re.compile(r'"(?:[^"\\]|\\.)*(?:"|\Z)|(?P<open>[\[{])|(?P<close>[\]}])', re.DOTALL)


def read_messages(messages: Sequence[MessageFields]) -> tuple[Message, ...]:
    """Raises CallerError."""
    return tuple(_message(message, i) for i, message in enumerate(messages))


def _message(fields: MessageFields, index: int) -> Message:
    role = ROLES.get(fields.role)
    if role is None:
        raise fault_at(f"messages[{index}].role", f"unknown role {fields.role!r:.60}")
    if fields.model_extra:
        raise unknown_field(f"messages[{index}]", next(iter(fields.model_extra)))
    if role == "assistant":
        return _assistant(fields, index)
    for key in ("tool_calls", "refusal"):
        if getattr(fields, key):
            raise fault_at(f"messages[{index}].{key}", "belongs to an assistant's message")
    if fields.content is None:
        raise fault_at(f"messages[{index}].content", "required")
    if (fields.tool_call_id is None) == (role == "tool"):
        wrong = "required" if role == "tool" else "belongs to a tool's message"
        raise fault_at(f"messages[{index}].tool_call_id", wrong)
    text, images = _content(fields.content, role, index)
    return Message(
        role=role,
        text=text,
        images=images,
        tool_call_id=fields.tool_call_id,
        name=fields.name,
        cache_mark=_cache_mark(fields, index),
    )


def _assistant(fields: MessageFields, index: int) -> Message:
    if fields.tool_call_id is not None:
        raise fault_at(f"messages[{index}].tool_call_id", "belongs to a tool's message")
    calls = tuple(
        _call(call, f"messages[{index}].tool_calls[{i}]")
        for i, call in enumerate(fields.tool_calls or ())
    )
    if fields.content is not None:
        text, _ = _content(fields.content, "assistant", index)
    elif calls or fields.refusal:
        text = ""
    else:
        raise fault_at(f"messages[{index}].content", "required without tool_calls or refusal")
    return Message(
        role="assistant",
        text=text or fields.refusal or "",
        tool_calls=calls,
        thoughts=tuple(t for call in fields.tool_calls or () for t in _thoughts(call)),
        name=fields.name,
        cache_mark=_cache_mark(fields, index),
    )


def _cache_mark(fields: MessageFields, index: int) -> CacheMark | None:
    """The last mark of its parts: a prefix ends with a message, not within one."""
    parts = fields.content if isinstance(fields.content, list) else ()
    marks = [
        read_cache_mark(part.cache_control, f"messages[{index}].content[{i}].cache_control")
        for i, part in enumerate(parts)
        if part.cache_control is not None
    ]
    return marks[-1] if marks else None


def _call(fields: CallFields, place: str) -> ToolCall:
    for inner, part in ((place, fields), (f"{place}.function", fields.function)):
        if part.model_extra:
            raise unknown_field(inner, next(iter(part.model_extra)))
    arguments = fields.function.arguments
    if _is_deep(arguments):
        raise fault_at(f"{place}.function.arguments", f"nests more than {DEEPEST} levels deep")
    return ToolCall(id=fields.id, name=fields.function.name, arguments=arguments)


def _thoughts(fields: CallFields) -> tuple[Thought, ...]:
    google = fields.extra_content.google if fields.extra_content is not None else None
    return unbundled((google and google.thought_signature) or "")


def _is_deep(text: str) -> bool:
    """Of JSON, or of what a model wrote for it."""
    depth = 0
    if text.count("[") + text.count("{") > DEEPEST:
        for found in _BRACKETS.finditer(text):
            depth += (found["open"] is not None) - (found["close"] is not None)
            if depth > DEEPEST:
                return True
    return False


def _content(
    content: str | list[PartFields], role: Role, index: int
) -> tuple[str, tuple[Image, ...]]:
    if isinstance(content, str):
        return content, ()
    if not content:
        raise fault_at(f"messages[{index}].content", "has no parts")
    texts: list[str] = []
    images: list[Image] = []
    for i, part in enumerate(content):
        place = f"messages[{index}].content[{i}]"
        if part.type not in PARTS[role]:
            known = ", ".join(PARTS[role])
            wrong = f"{part.type!r:.60} is not supported for {role} (only {known})"
            raise fault_at(f"{place}.type", wrong)
        if part.model_extra:
            raise unknown_field(place, next(iter(part.model_extra)))
        if part.type == "image_url":
            images.append(_image(part, place, at=len("\n".join(texts))))
        else:
            texts.append(_text(part, place))
    # as vLLM joins them for templates that take no parts
    return "\n".join(texts), tuple(images)


def _text(part: PartFields, place: str) -> str:
    text = part.refusal if part.type == "refusal" else part.text
    if text is None:
        raise fault_at(f"{place}.{part.type}", "required")
    return text


def _image(part: PartFields, place: str, *, at: int) -> Image:
    if part.image_url is None:
        raise fault_at(f"{place}.image_url", "required")
    if part.image_url.model_extra:
        raise unknown_field(f"{place}.image_url", next(iter(part.image_url.model_extra)))
    url = part.image_url.url
    if not url.lower().startswith(ADDRESSES):
        raise fault_at(f"{place}.image_url.url", "must begin with https://, http:// or data:image/")
    return Image(url=url, at=at)
