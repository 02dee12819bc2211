"""Can this JSON Schema be honoured? Small, finite, at home in itself, and a schema.

An engine that holds an answer to a schema compiles it first, and a small one can keep it busy for
minutes: so what its patterns amount to is bounded too.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

from rungwise.edge.patterns import transitions
from rungwise.edge.references import reference_fault
from rungwise.errors import CallerError
from rungwise.types import Chat, JsonObject

__all__ = ["check_held_to", "check_patterns", "read_parameters", "read_schema"]

MOST = 32 * 1024
"""Characters: checking one against the meta-schema costs about 10 ms per 1,000."""

MOST_PARAMETERS = 256 * 1024
"""A tool's parameters are not checked against the meta-schema."""

MOST_WORK = 8_000
"""For all patterns that one answer is held to: `.{1,1000}` takes over half, `.{1,100}` a 60th."""
EACH = 16
"""Of that, what a pattern takes that repeats nothing."""


def read_schema(schema: dict[str, Any], param: str) -> JsonObject:
    """The schema an answer must follow. Raises CallerError."""
    fault = _meta_fault(_plain(schema, param, MOST))
    if fault is not None:
        raise CallerError(f"{param}: not a JSON Schema: {fault}", param=param)
    return schema


def read_parameters(schema: dict[str, Any], param: str) -> JsonObject:
    """The schema of a tool's parameters. Raises CallerError."""
    _plain(schema, param, MOST_PARAMETERS)
    return schema


def _plain(schema: dict[str, Any], param: str, most: int) -> str:
    try:
        text = json.dumps(schema, allow_nan=False)
    except ValueError:
        raise CallerError(f"{param}: holds a number that is not finite", param=param) from None
    if len(text) > most:
        raise CallerError(f"{param}: a schema may have {most} characters", param=param)
    if 'Ref"' in text or '"$ref"' in text:
        fault = reference_fault(schema)
        if fault is not None:
            raise CallerError(f"{param}: {fault}", param=param)
    return text


def check_held_to(chat: Chat, *, shape: str, tool: str) -> None:
    """The schemas that an engine must follow as it writes. `shape` and `tool` are the places they
    are given at, `tool` with its number left open. Raises CallerError."""
    check_patterns(_held_to(chat, shape, tool))


def _held_to(chat: Chat, shape: str, tool: str) -> Iterator[tuple[str, JsonObject]]:
    if chat.shape is not None and chat.shape.schema is not None:
        yield shape, chat.shape.schema
    choice = chat.tool_choice
    if choice.mode == "none":
        return
    for i, offered in enumerate(chat.tools):
        if offered.strict or choice.mode == "required" or choice.name == offered.name:
            yield tool.format(i), offered.parameters


def check_patterns(schemas: Iterable[tuple[str, JsonObject]]) -> None:
    """What one answer may be held to, each with the place it was given at. Raises CallerError."""
    left = MOST_WORK
    for param, schema in schemas:
        for pattern in _patterns(schema):
            left -= _work(pattern)
            if left < 0:
                raise CallerError(
                    f"{param}: its patterns are more than an engine can hold an answer to; use "
                    "fewer of them, or repeat less in them: maxLength can bound a length",
                    param=param,
                )


def _work(pattern: str) -> int:
    """What a pattern's text amounts to when it is written out, beyond the text itself. Engines
    were seen to take time with its square."""
    grown = max(transitions(pattern) - len(pattern), 0)
    return EACH + grown + grown * grown // 256


def _patterns(schema: JsonObject) -> Iterator[str]:
    waiting: list[object] = [schema]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            waiting.extend(part.values())
            if isinstance(pattern := part.get("pattern"), str):
                yield pattern
            if isinstance(named := part.get("patternProperties"), dict):
                yield from named
        elif isinstance(part, list):
            waiting.extend(part)


@lru_cache(maxsize=256)
def _meta_fault(schema: str) -> str | None:
    """What is wrong with a schema's text. An agent sends the same few again and again."""
    import jsonschema  # only where a schema was sent: 40 ms on first use

    document = json.loads(schema)
    try:
        kind = jsonschema.validators.validator_for(document, jsonschema.Draft202012Validator)
        fault = next(iter(kind(kind.META_SCHEMA).iter_errors(document)), None)
    except Exception as error:  # too deep, or a $schema that is no address
        return f"it cannot be checked ({type(error).__name__})"
    if fault is None:
        return None
    place = "".join(f"[{part!r:.60}]" for part in fault.absolute_path)
    return f"{place or 'it'} breaks the rule {fault.validator!r}"
