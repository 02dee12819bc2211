"""Does a value fit a caller's schema? Asked in bounded time: the schema may be hostile.

jsonschema runs a schema's patterns with `re`, where `(a|a)*$` takes longer than anyone waits, and
goes wherever the schema sends it, as often as it says: ten thousand `allOf` for each of an array's
items. Here every pattern and every step from one subschema to the next draws on one allowance.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from functools import lru_cache
from typing import Any

__all__ = ["SECONDS", "STEPS", "fault_of"]

SECONDS = 0.25
"""Of this thread's own work, for one check. Seen: a hundredth."""
STEPS = 100_000
"""From one subschema to the next, in one check. Seen: a few for each value of the answer."""

_Faults = Iterator[Any]


def fault_of(schema: Mapping[str, Any], value: object) -> str | None:
    """What is wrong with `value`, without any word of it; None where it fits.

    A schema that cannot be checked, or not within the allowance, is a fault too.
    """
    import jsonschema  # only where a schema was sent: 40 ms on first use
    from referencing import Registry

    token = _LEFT.set(_Allowance())
    try:
        _refuse_ways_around(schema)
        kind = jsonschema.validators.validator_for(schema, jsonschema.Draft202012Validator)
        # an empty registry: jsonschema's own would open the address that a reference names
        validator = _bounded(kind)(schema, registry=Registry())
        fault = next(iter(validator.iter_errors(value)), None)
    except Exception as error:  # a schema that refers to itself or elsewhere, in any way
        return f" could not be checked against the schema ({type(error).__name__})"
    finally:
        _LEFT.reset(token)
    if fault is None:
        return None
    place = "".join(f"[{part!r}]" for part in fault.absolute_path)
    return f"{place} breaks the schema: {fault.validator}"


class _Allowance:
    """What one check may still cost. Its methods raise TimeoutError where that is nothing."""

    def __init__(self) -> None:
        # not the wall's clock: a busy machine says nothing of the schema
        self._until = time.thread_time() + SECONDS
        self._steps = STEPS

    def step(self) -> None:
        self._steps -= 1
        if self._steps < 0 or self._left() <= 0:
            raise TimeoutError

    def search(self, pattern: str, text: str) -> bool:
        import regex  # like re, and it takes a time limit

        self.step()
        return regex.search(pattern, text, timeout=self._left()) is not None

    def _left(self) -> float:
        return self._until - time.thread_time()


_LEFT: ContextVar[_Allowance] = ContextVar("schema_allowance")


def _refuse_ways_around(schema: Mapping[str, Any]) -> None:
    """Raises ValueError for what would lead jsonschema past our rules: an inner `$schema`, by
    which it changes to its own, and a search for evaluated properties, which it makes with `re`
    wherever references lead."""
    names: set[str] = set()
    inner: list[object] = list(schema.values())
    names.update(schema)
    while inner:
        part = inner.pop()
        if isinstance(part, Mapping):
            if isinstance(part.get("$schema"), str):
                raise ValueError("an inner $schema")
            names.update(part)
            inner.extend(part.values())
        elif isinstance(part, list):
            inner.extend(part)
    if {"unevaluatedProperties", "patternProperties"} <= names:
        raise ValueError("unevaluatedProperties beside patternProperties")


@lru_cache(maxsize=16)
def _bounded(kind: Any) -> Any:
    """The same draft of JSON Schema, with every rule that costs replaced and every step charged."""
    import jsonschema

    rules = {
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
        "additionalProperties": _additional_properties(kind),
        "uniqueItems": _unique_items,
    }
    made = jsonschema.validators.extend(kind, rules)  # type: ignore[no-untyped-call]
    for name in ("descend", "iter_errors", "evolve"):
        setattr(made, name, _charged(getattr(made, name)))
    return made


def _charged(go_on: Callable[..., Any]) -> Callable[..., Any]:
    def step(validator: Any, *where: Any, **further: Any) -> Any:
        _LEFT.get().step()
        return go_on(validator, *where, **further)

    return step


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


def _unique_items(validator: Any, wanted: Any, value: Any, schema: Any) -> _Faults:
    """jsonschema compares every two items where it cannot sort them."""
    from jsonschema import ValidationError

    if not wanted or not isinstance(value, list):
        return
    seen = set()
    for item in value:
        _LEFT.get().step()
        seen.add(_hashable(item))
    if len(seen) < len(value):
        yield ValidationError("not unique")


def _hashable(value: Any) -> Any:
    """Equal for what JSON Schema calls equal: 1 is 1.0, and not true."""
    match value:
        case bool():
            return bool, value
        case list():
            return list, tuple(map(_hashable, value))
        case dict():
            return dict, frozenset((name, _hashable(inner)) for name, inner in value.items())
        case _:
            return value
