"""Do a schema's references stay in it, and does following them ever come to an end?

`{"$ref": "#"}` says nothing: a value fits it if it fits it. Such a circle costs an engine its
stack, or holds its answer to nothing. One that goes through a property or an item is no circle:
that is how trees are described.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any
from urllib.parse import unquote

__all__ = ["reference_fault"]

_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
_ANCHORS = ("$anchor", "$dynamicAnchor")
_SAME_VALUE = ("not", "if", "then", "else")
_SAME_VALUE_LISTS = ("allOf", "anyOf", "oneOf")
"""What stands under these is asked of the very same value, and so is each of dependentSchemas."""


def reference_fault(schema: Mapping[str, Any]) -> str | None:
    """What is wrong with a schema's references; None where nothing is."""
    parts = list(_objects(schema))
    targets = {id(part): [*_targets(part)] for part in parts}
    if not any(targets.values()):
        return None
    if any(not target.startswith("#") for told in targets.values() for target in told):
        # a validator would fetch it: nothing a caller writes makes this server open an address
        return "$ref must stay in the schema (#...)"
    named: dict[str, object] = {f"#{p[key]}": p for p in parts for key in _ANCHORS if key in p}
    ways = {
        id(part): [id(way) for way in (*_inside(part), *_places(schema, named, targets[id(part)]))]
        for part in parts
    }
    try:
        TopologicalSorter(ways).prepare()
    except CycleError:
        return "a $ref leads back to itself, and to nothing else"
    return None


def _objects(value: object) -> Iterator[dict[str, Any]]:
    waiting = [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            yield part
            waiting.extend(part.values())
        elif isinstance(part, list):
            waiting.extend(part)


def _targets(part: Mapping[str, Any]) -> Iterator[str]:
    for key in _REFERENCES:
        if isinstance(target := part.get(key), str):
            yield target


def _inside(part: Mapping[str, Any]) -> Iterator[object]:
    yield from (part[key] for key in _SAME_VALUE if key in part)
    for key in _SAME_VALUE_LISTS:
        if isinstance(listed := part.get(key), list):
            yield from listed
    if isinstance(dependent := part.get("dependentSchemas"), dict):
        yield from dependent.values()


def _places(
    root: Mapping[str, Any], named: Mapping[str, object], targets: Iterable[str]
) -> Iterator[object]:
    for target in targets:
        yield named[target] if target in named else _at(root, target)


def _at(root: Mapping[str, Any], target: str) -> object:
    """What a JSON pointer points at; None where that is nothing."""
    _, *steps = unquote(target).split("/")
    place: object = root if steps or target == "#" else None
    for step in steps:
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(place, dict):
            place = place.get(name)
        elif isinstance(place, list) and name.isdecimal() and int(name[:9]) < len(place):
            place = place[int(name[:9])]
        else:
            return None
    return place
