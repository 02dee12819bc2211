"""What do these bytes hold, and what is wrong with them? Fields of a request, or one fault."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from rungwise.errors import CallerError

__all__ = [
    "DEEPEST",
    "Fields",
    "fault_at",
    "is_long",
    "read_fields",
    "refuse_unknown",
    "unknown_field",
]

T = TypeVar("T", bound=BaseModel)

DEEPEST = 100
"""For the arguments of a tool call: engines and their templates read them recursively."""

MOST_VALUES = 32_768
"""Values in one body outside of strings. Reading them holds the interpreter: 0.15 s for these."""

LONG = 16 * 1024
"""Bytes: a body over this is read beside the event loop, not on it."""
SCHEMAS = (b'"json_schema"', rb"\u00")
"""So is one with a schema, and one that may write the word in another way: a new schema is checked
for up to some hundred milliseconds."""


class Fields(BaseModel):
    """Part of a request. What it does not know is kept, to be refused by name, one at a time."""

    model_config = ConfigDict(
        strict=True, extra="allow", allow_inf_nan=False, hide_input_in_errors=True
    )


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


def refuse_unknown(
    told: Mapping[str, object] | None,
    refused: Mapping[str, Sequence[object]],
    unused: Collection[str],
) -> None:
    """Of the request itself. `refused` is what is known and would change the answer, unless it is
    null or one of the neutral values given there. Raises CallerError."""
    for key, value in (told or {}).items():
        if key in refused:
            if value is not None and not any(_same(value, neutral) for neutral in refused[key]):
                raise CallerError(f"{key}: not supported", param=key, code="unsupported_parameter")
        elif key not in unused:
            raise unknown_field("", key)


def _same(value: object, neutral: object) -> bool:
    return type(value) is type(neutral) and value == neutral


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
