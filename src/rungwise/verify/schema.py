"""Does a value fit a caller's schema? Asked in bounded time: the schema may be hostile.

jsonschema runs a schema's patterns with `re`, where `(a|a)*$` takes longer than anyone waits, and
follows references as often as they say. Here both draw on one allowance.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from functools import lru_cache
from typing import Any

__all__ = ["SECONDS", "fault_of"]

SECONDS = 0.1
"""For all patterns of one check. Seen: microseconds."""
REFERENCES = 10_000
"""Followed in one check: a linked list may be long, an exponential schema is stopped."""

_Faults = Iterator[Any]


def fault_of(schema: Mapping[str, Any], value: object) -> str | None:
    """What is wrong with `value`, without any word of it; None where it fits.

    A schema that cannot be checked, or not within the allowance, is a fault too.
    """
    import jsonschema  # only where a schema was sent: 40 ms on first use

    token = _LEFT.set(_Allowance())
    try:
        kind = jsonschema.validators.validator_for(schema, jsonschema.Draft202012Validator)
        fault = next(iter(_bounded(kind)(schema).iter_errors(value)), None)
    except Exception as error:  # a schema that refers to itself or elsewhere, in any way
        return f" could not be checked against the schema ({type(error).__name__})"
    finally:
        _LEFT.reset(token)
    if fault is None:
        return None
    place = "".join(f"[{part!r}]" for part in fault.absolute_path)
    return f"{place} breaks the schema: {fault.validator}"


class _Allowance:
    def __init__(self) -> None:
        self._until = time.perf_counter() + SECONDS
        self._references = REFERENCES

    def search(self, pattern: str, text: str) -> bool:
        """Raises TimeoutError."""
        import regex  # like re, and it takes a time limit

        left = self._until - time.perf_counter()
        if left <= 0:
            raise TimeoutError
        return regex.search(pattern, text, timeout=left) is not None

    def follow(self) -> None:
        """Raises RecursionError."""
        self._references -= 1
        if self._references < 0:
            raise RecursionError


_LEFT: ContextVar[_Allowance] = ContextVar("schema_allowance")


@lru_cache(maxsize=16)
def _bounded(kind: Any) -> Any:
    """The same draft of JSON Schema, with every rule that costs replaced."""
    import jsonschema

    rules = {"pattern": _pattern, "patternProperties": _pattern_properties}
    rules["additionalProperties"] = _additional_properties(kind)
    rules["unevaluatedProperties"] = _unevaluated_properties(kind)
    for name in ("$ref", "$dynamicRef", "$recursiveRef"):
        if name in kind.VALIDATORS:
            rules[name] = _counted(kind.VALIDATORS[name])
    return jsonschema.validators.extend(kind, rules)  # type: ignore[no-untyped-call]


def _pattern(validator: Any, pattern: str, value: Any, schema: Any) -> _Faults:
    from jsonschema import ValidationError

    if isinstance(value, str) and not _LEFT.get().search(pattern, value):
        yield ValidationError("does not match")


def _pattern_properties(validator: Any, rules: Any, value: Any, schema: Any) -> _Faults:
    if not isinstance(value, dict):
        return
    for pattern, rule in rules.items():
        for name, inner in value.items():
            if _LEFT.get().search(pattern, name):
                yield from validator.descend(inner, rule, path=name, schema_path=pattern)


def _additional_properties(kind: Any) -> Callable[..., _Faults]:
    def check(validator: Any, rule: Any, value: Any, schema: Any) -> _Faults:
        patterns = schema.get("patternProperties")
        if patterns and isinstance(value, dict):
            search = _LEFT.get().search
            value = {k: v for k, v in value.items() if not any(search(p, k) for p in patterns)}
            schema = {k: v for k, v in schema.items() if k != "patternProperties"}
        yield from kind.VALIDATORS["additionalProperties"](validator, rule, value, schema)

    return check


def _unevaluated_properties(kind: Any) -> Callable[..., _Faults]:
    def check(validator: Any, rule: Any, value: Any, schema: Any) -> _Faults:
        # jsonschema looks for patterns all over the schema here, with `re`
        if "patternProperties" in repr(schema):
            raise ValueError("unevaluatedProperties beside patternProperties")
        known = kind.VALIDATORS.get("unevaluatedProperties")
        if known is not None:
            yield from known(validator, rule, value, schema)

    return check


def _counted(follow: Callable[..., _Faults]) -> Callable[..., _Faults]:
    def check(validator: Any, target: str, value: Any, schema: Any) -> _Faults:
        _LEFT.get().follow()
        yield from follow(validator, target, value, schema) or ()

    return check
