"""Which references of a schema lead round in a circle, or out of it?"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rungwise.edge.references import reference_fault

LINKED: dict[str, Any] = {
    "$defs": {
        "node": {
            "type": "object",
            "properties": {"next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]}},
        }
    },
    "$ref": "#/$defs/node",
}


@pytest.mark.parametrize(
    "schema",
    [
        {},
        LINKED,
        {"properties": {"children": {"items": {"$ref": "#"}}}},
        {"not": {"items": {"$ref": "#"}}},
        {"if": {"required": ["a"]}, "then": {"properties": {"a": {"$ref": "#"}}}},
        {"additionalProperties": {"$dynamicRef": "#me"}, "$dynamicAnchor": "me"},
        {"$defs": {"a": {"$anchor": "a"}}, "allOf": [{"$ref": "#a"}, {"$ref": "#a"}]},
        {"properties": {"$ref": {"type": "string"}}},
        {"const": {"$ref": "#"}},
        {"$ref": "#/nowhere/at/all"},
        {"$ref": "#nowhere"},
        {"$defs": {"a b/c": {"type": "integer"}}, "$ref": "#/$defs/a%20b~1c"},
        {"prefixItems": [{"type": "integer"}, {"$ref": "#/prefixItems/0"}]},
    ],
)
def test_what_ends_is_no_fault(schema: dict[str, Any]) -> None:
    assert reference_fault(schema) is None


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#"},
        {"$recursiveRef": "#"},
        {"$dynamicAnchor": "me", "$dynamicRef": "#me"},
        {"properties": {"a": {"$ref": "#/properties/a"}}},
        {"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}},
        {"$defs": {"a b/c": {"$ref": "#/$defs/a%20b~1c"}}},
        {"$defs": {"a": {"$anchor": "a", "anyOf": [{"type": "null"}, {"$ref": "#a"}]}}},
        {"allOf": [{"$ref": "#/allOf/1"}, {"$ref": "#/allOf/0"}]},
        {"if": {"not": {"$ref": "#"}}},
        {"oneOf": [{"then": {"else": {"$ref": "#"}}}]},
        {"dependentSchemas": {"a": {"$ref": "#"}}},
    ],
)
def test_a_circle_is_found_wherever_it_lies(schema: dict[str, Any]) -> None:
    assert "back to itself" in (reference_fault(schema) or "")


@pytest.mark.parametrize("key", ["$ref", "$dynamicRef", "$recursiveRef"])
@pytest.mark.parametrize("target", ["http://127.0.0.1:9/a", "other.json", "", "file:///etc/a"])
def test_a_reference_that_leaves_the_schema_is_a_fault(key: str, target: str) -> None:
    assert "stay in the schema" in (reference_fault({"items": {key: target}}) or "")


def test_a_long_chain_is_followed_without_a_stack() -> None:
    chain: dict[str, Any] = {str(i): {"$ref": f"#/$defs/{i + 1}"} for i in range(5000)}
    assert reference_fault({"$defs": chain}) is None
    chain["5000"] = {"$ref": "#/$defs/0"}
    assert reference_fault({"$defs": chain}) is not None


KEYS = st.sampled_from(["$ref", "allOf", "not", "items", "a", "$anchor", "dependentSchemas", "0"])
ANYTHING = st.recursive(
    st.none() | st.integers(-2, 2) | st.sampled_from(["#", "#/", "#/allOf/0", "#a", "#/a/~0", "a"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
)


@given(st.dictionaries(KEYS, ANYTHING, max_size=4))
def test_whatever_stands_where_a_schema_should_nothing_is_raised(schema: dict[str, Any]) -> None:
    reference_fault(schema)
