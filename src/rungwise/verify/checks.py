"""Does the finished draft hold up to exact checks? Schema, tool calls, sums, code."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from rungwise.config import ChecksConfig
from rungwise.types import Accept, Chat, Choice, Draft, Escalate, OutputShape, Tool, Verdict
from rungwise.verify.arithmetic import arithmetic_fault
from rungwise.verify.code import code_fault
from rungwise.verify.schema import fault_of

__all__ = ["Checks"]


_EVERYTHING = ChecksConfig()


class Checks:
    """Exact checks against the caller's own documents, and of what prose states.

    A check against a document that cannot be made escalates; sums and code that cannot be checked
    pass, for nobody asked for them.
    """

    def __init__(self, config: ChecksConfig = _EVERYTHING) -> None:
        self._config = config

    def check(self, chat: Chat, draft: Draft) -> Verdict:
        for choice in draft.choices:
            for fault in self._faults(chat, choice):
                return Escalate(reason=fault)
        return Accept(reason="checked")

    def _faults(self, chat: Chat, choice: Choice) -> Iterator[str]:
        if choice.declined:
            return
        yield from _tool_faults(chat, choice)
        if choice.tool_calls:
            return
        if chat.shape is not None:
            yield from _shape_faults(chat.shape, choice.text)
        else:
            yield from self._prose_faults(chat, choice)

    def _prose_faults(self, chat: Chat, choice: Choice) -> Iterator[str]:
        if self._config.arithmetic:
            asked = "\n".join(m.text for m in chat.messages if m.role == "user")
            fault = arithmetic_fault(choice.text, given=asked)
            if fault is not None:
                yield fault
        if self._config.code and choice.finish != "length":  # half a program is none
            fault = code_fault(choice.text)
            if fault is not None:
                yield fault


def _shape_faults(shape: OutputShape, text: str) -> Iterator[str]:
    try:
        value = _parse(text)
    except (ValueError, RecursionError):
        yield "the answer is not JSON, as was asked"
        return
    if shape.schema is not None:
        yield from _schema_faults(shape.schema, value, "the answer")
    elif not isinstance(value, dict):
        yield "the answer is not a JSON object, as was asked"


def _tool_faults(chat: Chat, choice: Choice) -> Iterator[str]:
    mode = chat.tool_choice.mode
    if chat.tools and mode in ("required", "named") and not choice.tool_calls:
        yield "no tool was called, though one was required"
    if choice.tool_calls and not chat.tool_choice.parallel and len(choice.tool_calls) > 1:
        yield "several tools were called, though one was allowed"
    offered = {tool.name: tool for tool in chat.tools}
    for call in choice.tool_calls:
        if mode == "named" and call.name != chat.tool_choice.name:
            yield f"{call.name!r} was called instead of {chat.tool_choice.name!r}"
        yield from _call_faults(offered.get(call.name), call.name, call.arguments)


def _call_faults(tool: Tool | None, name: str, arguments: str) -> Iterator[str]:
    if tool is None:
        yield f"a tool was called that was not offered: {name!r}"
        return
    try:
        value = _parse(arguments or "{}")
    except (ValueError, RecursionError):
        yield f"the arguments of {name!r} are not JSON"
        return
    if tool.parameters:
        yield from _schema_faults(tool.parameters, value, f"the arguments of {name!r}")


def _schema_faults(schema: Mapping[str, Any], value: object, what: str) -> Iterator[str]:
    fault = fault_of(schema, value)
    if fault is not None:
        yield what + fault


def _parse(text: str) -> object:
    return json.loads(text, parse_constant=_refuse_constant)


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")
