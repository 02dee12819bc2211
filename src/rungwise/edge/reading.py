"""What do these bytes hold, and what is wrong with them? Fields of a request, or one fault."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from rungwise.errors import CallerError

__all__ = ["fault_at", "is_long", "read_fields", "unknown_field"]

T = TypeVar("T", bound=BaseModel)

MOST_VALUES = 32_768
"""Values in one body outside of strings. Reading them holds the interpreter: 0.15 s for these."""

LONG = 16 * 1024
"""Bytes: a body over this is read beside the event loop, not on it."""
SCHEMAS = (b'"json_schema"', rb"\u00")
"""So is one with a schema, and one that may write the word in another way: a new schema is checked
for up to some hundred milliseconds."""


def is_long(body: bytes) -> bool:
    """Whether reading it could hold up the event loop."""
    return len(body) > LONG or any(word in body for word in SCHEMAS)


def read_fields(kind: type[T], body: bytes) -> T:
    """Raises CallerError whose `param` is the place."""
    if body.count(b",") > MOST_VALUES:
        _refuse_rubble(body)
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        raise _fault(error) from None


def unknown_field(place: str, key: str) -> CallerError:
    place = f"{place}.{key:.60}"[:120] if place else key[:60]
    return CallerError(
        f"unknown field {key!r:.60} ({place})", param=place, code="unknown_parameter"
    )


def fault_at(place: str, wrong: str) -> CallerError:
    return CallerError(f"{place}: {wrong}", param=place)


def _refuse_rubble(body: bytes) -> None:
    """Counts what stands outside of strings: long texts have many commas too."""
    bare = body.replace(rb"\\", b"").replace(rb"\"", b"")
    if bare.count(b'"') <= 4 * MOST_VALUES:
        outside = bare.split(b'"')[::2]
        if sum(part.count(b",") for part in outside) <= MOST_VALUES:
            return
    raise CallerError(f"the body holds more than {MOST_VALUES} values")


def _fault(error: ValidationError) -> CallerError:
    """The first field's faults in one line. A union has one for each of its arms."""
    faults = error.errors(include_url=False, include_context=False, include_input=False)
    if faults[0]["type"] == "json_invalid":
        why = faults[0]["msg"].removeprefix("Invalid JSON: ")
        return CallerError(f"the body is not JSON: {why}", code="invalid_json")
    faults = [fault for fault in faults if fault["loc"][:1] == faults[0]["loc"][:1]]
    places = [_place(fault["loc"]) for fault in faults]
    place = max(places, key=len)
    told = dict.fromkeys(f["msg"] for f, p in zip(faults, places, strict=True) if p == place)
    message = ", or ".join(told).replace("Input should", "should").replace("Field req", "req")
    if not place:
        return CallerError("the body must be a JSON object")
    return fault_at(place, message[:300])


def _place(loc: Sequence[int | str]) -> str:
    """`messages[2].content`. Names of union arms (`list[PartFields]`, `str`) are left out."""
    path = ""
    for part in loc:
        if isinstance(part, int):
            path += f"[{part}]"
        elif re.fullmatch(r"[a-z_]+", part) and part != "str":
            path += f".{part}" if path else part
    return path
