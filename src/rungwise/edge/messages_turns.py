"""What was said so far? The turns of a Messages request, block by block.

A turn can hold more than one message of a Chat: the results of tools are messages of their own,
and come before whatever else its user says. A system turn within the conversation goes along with
the user's, as a reminder: many models' templates know a system message at the head only.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from rungwise.edge.cache_marks import read_cache_mark
from rungwise.edge.messages_fields import BLOCK_FIELDS, BlockFields, Content, TurnFields
from rungwise.edge.reading import DEEPEST, fault_at, unknown_field
from rungwise.edge.seals import unsealed
from rungwise.types import CacheMark, Image, Json, Message, Thought, ToolCall

__all__ = ["UNPARSED", "read_mark", "read_system", "read_turns"]

TEXT = ("text",)
OF_USER = ("text", "image", "tool_result")
OF_ASSISTANT = ("text", "thinking", "redacted_thinking", "tool_use")
OF_RESULT = ("text", "image", "tool_reference")

UNPARSED = "unparsed_arguments"
"""The only field of a call's input where the model's arguments were no JSON object."""
_BILLING = "x-anthropic-billing-header:"
"""Claude Code's first system block begins so. It is for Anthropic's servers, means nothing to a
model, and is another one each time: at the head of a prompt nothing after it would be cached."""


def read_system(system: Content | None) -> tuple[Message, ...]:
    """One message at most. Raises CallerError."""
    if system is None or isinstance(system, str):
        return (Message(role="system", text=system),) if system else ()
    blocks = list(_checked(system, TEXT, "system", "system"))
    told = [b for b in blocks if not (b.text or "").startswith(_BILLING)]
    text, _ = _content(told, "system")
    return (Message(role="system", text=text, cache_mark=_mark(blocks, "system")),) if text else ()


def read_turns(turns: Sequence[TurnFields]) -> tuple[Message, ...]:
    """Raises CallerError."""
    messages: list[Message] = []
    for i, turn in enumerate(turns):
        if turn.model_extra:
            raise unknown_field(f"messages[{i}]", next(iter(turn.model_extra)))
        place = f"messages[{i}].content"
        match turn.role:
            case "user":
                messages += _user(turn.content, place)
            case "assistant":
                messages.append(_assistant(turn.content, place))
            case "system":
                _remind(messages, turn.content, place)
            case other:
                raise fault_at(f"messages[{i}].role", f"unknown role {other!r:.60}")
    return tuple(messages)


def read_mark(told: dict[str, Json] | None, place: str) -> CacheMark | None:
    """Raises CallerError."""
    if told is None:
        return None
    return read_cache_mark({k: v for k, v in told.items() if k != "scope"}, place)


# ---- turns -----------------------------------------------------------------------------------


def _user(content: Content, place: str) -> Iterator[Message]:
    if isinstance(content, str):
        yield Message(role="user", text=content)
        return
    if not content:
        raise fault_at(place, "should have at least one block")
    blocks = list(_checked(content, OF_USER, "user", place))
    for i, block in enumerate(blocks):
        if block.type == "tool_result":
            yield _result(block, f"{place}[{i}]")
    rest = [block for block in blocks if block.type != "tool_result"]
    if rest:
        text, images = _content(rest, place)
        yield Message(role="user", text=text, images=images, cache_mark=_mark(rest, place))


def _result(block: BlockFields, place: str) -> Message:
    if block.tool_use_id is None:
        raise fault_at(f"{place}.tool_use_id", "required")
    inner: list[BlockFields] = []
    if isinstance(block.content, list):
        inner = list(_checked(block.content, OF_RESULT, "a tool's result", f"{place}.content"))
    text, images = _content(inner, f"{place}.content")
    return Message(
        role="tool",
        text=block.content if isinstance(block.content, str) else text,
        images=images,
        tool_call_id=block.tool_use_id,
        failed=bool(block.is_error),
        cache_mark=_mark([*inner, block], place),
    )


def _assistant(content: Content, place: str) -> Message:
    if isinstance(content, str):
        return Message(role="assistant", text=content)
    blocks = list(_checked(content, OF_ASSISTANT, "assistant", place))
    text, _ = _content([b for b in blocks if b.type == "text"], place)
    thoughts = (_thought(block) for block in blocks)
    return Message(
        role="assistant",
        text=text,
        tool_calls=tuple(
            _call(b, f"{place}[{i}]") for i, b in enumerate(blocks) if b.type == "tool_use"
        ),
        thoughts=tuple(thought for thought in thoughts if thought is not None),
        cache_mark=_mark(blocks, place),
    )


def _remind(messages: list[Message], content: Content, place: str) -> None:
    blocks = [] if isinstance(content, str) else list(_checked(content, TEXT, "system", place))
    text = content if isinstance(content, str) else _content(blocks, place)[0]
    mark = _mark(blocks, place)
    if not messages or messages[-1].role == "system":
        messages.append(Message(role="system", text=text, cache_mark=mark))
        return
    told = f"<system-reminder>\n{text}\n</system-reminder>"
    last = messages[-1]
    if last.role == "user":
        mark = mark or last.cache_mark
        messages[-1] = replace(last, text=f"{last.text}\n\n{told}", cache_mark=mark)
    else:
        messages.append(Message(role="user", text=told, cache_mark=mark))


# ---- blocks ----------------------------------------------------------------------------------


def _checked(
    blocks: Iterable[BlockFields], kinds: Sequence[str], whose: str, place: str
) -> Iterator[BlockFields]:
    for i, block in enumerate(blocks):
        if block.type not in kinds:
            wrong = f"{block.type!r:.60} is not supported for {whose} (only {', '.join(kinds)})"
            raise fault_at(f"{place}[{i}].type", wrong)
        told = {*block.model_fields_set, *(block.model_extra or ())}
        for key in sorted(told - BLOCK_FIELDS[block.type] - {"type"}):
            raise unknown_field(f"{place}[{i}]", key)
        yield block


def _content(blocks: Iterable[BlockFields], place: str) -> tuple[str, tuple[Image, ...]]:
    texts: list[str] = []
    images: list[Image] = []
    for i, block in enumerate(blocks):
        if block.type == "image":
            images.append(_image(block, f"{place}[{i}]", at=len("\n".join(texts))))
        elif block.type == "text":
            if block.text is None:
                raise fault_at(f"{place}[{i}].text", "required")
            texts.append(block.text)
    # as vLLM joins them for templates that take no parts
    return "\n".join(texts), tuple(images)


def _image(block: BlockFields, place: str, *, at: int) -> Image:
    place, source = f"{place}.source", block.source
    if source is None:
        raise fault_at(place, "required")
    if source.model_extra:
        raise unknown_field(place, next(iter(source.model_extra)))
    if source.type == "base64":
        if source.data is None or source.media_type is None:
            raise fault_at(place, "base64 needs media_type and data")
        return Image(url=f"data:{source.media_type};base64,{source.data}", at=at)
    if source.type != "url":
        raise fault_at(f"{place}.type", f"{source.type!r:.60} is not supported (only base64, url)")
    if source.url is None or not source.url.lower().startswith(("https://", "http://")):
        raise fault_at(f"{place}.url", "must begin with https:// or http://")
    return Image(url=source.url, at=at)


def _call(block: BlockFields, place: str) -> ToolCall:
    if block.id is None or block.name is None or block.input is None:
        missing = next(key for key in ("id", "name", "input") if getattr(block, key) is None)
        raise fault_at(f"{place}.{missing}", "required")
    return ToolCall(id=block.id, name=block.name, arguments=_arguments(block.input, place))


def _arguments(told: dict[str, Json], place: str) -> str:
    raw = told.get(UNPARSED)
    if isinstance(raw, str) and len(told) == 1:
        return raw
    if _is_deep(told):
        raise fault_at(f"{place}.input", f"nests more than {DEEPEST} levels deep")
    return json.dumps(told, ensure_ascii=False)


def _is_deep(value: Json) -> bool:
    level: list[object] = [value]
    for _ in range(DEEPEST):
        inner = [part for part in level if isinstance(part, (dict, list))]
        if not inner:
            return False
        level = [v for p in inner for v in (p.values() if isinstance(p, dict) else p)]
    return True


def _thought(block: BlockFields) -> Thought | None:
    """None for one that nobody here wrote: no model could be shown it as its own."""
    withheld = block.type == "redacted_thinking"
    ours = unsealed((block.data if withheld else block.signature) or "")
    if ours is None:
        return None
    model, seal = ours
    return Thought(text=block.thinking or "", seal=seal, withheld=withheld, model=model)


def _mark(blocks: Sequence[BlockFields], place: str) -> CacheMark | None:
    """The last one: a prefix ends with a message, not within one."""
    marks = [
        read_mark(block.cache_control, f"{place}[{i}].cache_control")
        for i, block in enumerate(blocks)
        if block.cache_control is not None
    ]
    return marks[-1] if marks else None
