"""Can this JSON Schema be honoured? Small, finite, at home in itself, and a schema."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from rungwise.errors import CallerError
from rungwise.types import JsonObject

__all__ = ["read_parameters", "read_schema"]

MOST = 32 * 1024
"""Characters: checking one against the meta-schema costs about 10 ms per 1,000."""

MOST_PARAMETERS = 256 * 1024
"""A tool's parameters are not checked against the meta-schema."""


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
    if '"$ref"' in text or '"$dynamicRef"' in text:
        for target in _references(schema):
            # a validator would fetch it: nothing a caller writes makes this server open an address
            if not target.startswith("#"):
                raise CallerError(f"{param}: $ref must stay in the schema (#...)", param=param)
    return text


def _references(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in ("$ref", "$dynamicRef") and isinstance(inner, str):
                yield inner
            yield from _references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _references(inner)


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
