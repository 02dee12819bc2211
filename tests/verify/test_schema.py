"""Which values fit a schema, and that no schema can hold the server up."""

import re
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rungwise.verify import schema as subject
from rungwise.verify.schema import fault_of


def test_the_place_is_named_and_the_value_is_not() -> None:
    schema = {"properties": {"a": {"items": {"type": "integer"}}}}
    assert fault_of(schema, {"a": [1, "secret"]}) == "['a'][1] breaks the schema: type"


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"pattern": "(a|a)*$"}, "a" * 60 + "b"),
        ({"patternProperties": {"(a|a)*$": {}}}, {"a" * 60 + "b": 1}),
        ({"propertyNames": {"pattern": "(a|a)*$"}}, {"a" * 60 + "b": 1}),
        (
            {"patternProperties": {"(a|a)*$": True}, "additionalProperties": False},
            {"a" * 60 + "b": 1},
        ),
        ({"$ref": "#"}, 1),
        (
            {
                "$defs": {str(i): {"allOf": [{"$ref": f"#/$defs/{i + 1}"}] * 2} for i in range(60)}
                | {"60": {}},
                "$ref": "#/$defs/0",
            },
            1,
        ),
        ({"unevaluatedProperties": False, "patternProperties": {"(a|a)*$": {}}}, {"a": 1}),
        (
            {
                "$defs": {"p": {"patternProperties": {"(a|a)*$": {}}}},
                "items": {"$ref": "#/$defs/p", "unevaluatedProperties": False},
            },
            [{"a" * 60 + "b": 1}],
        ),
        ({"items": {"$schema": jsonschema.Draft7Validator.META_SCHEMA["$id"]}}, [1]),
        ({"items": {"allOf": [{}] * 10_000}}, list(range(200))),
        ({"items": {"allOf": [True] * 10_000}}, list(range(200))),
        ({"$defs": {"a": {"allOf": [{}] * 8000}}, "items": {"$ref": "#/$defs/a"}}, [1] * 300),
        ({"items": {"contains": {"const": 1}}}, [[0] * 999 + [1]] * 300),
        (
            {
                "$defs": {
                    str(i): {"dependentSchemas": {k: {"$ref": f"#/$defs/{i + 1}"} for k in "ab"}}
                    for i in range(60)
                }
                | {"60": {}},
                "$ref": "#/$defs/0",
                "unevaluatedProperties": False,
            },
            {"a": 1, "b": 2},
        ),
        ({"pattern": "("}, "a"),
        ({"$ref": "http://127.0.0.1:9/never"}, 1),
        ({"type": "no such type"}, 1),
    ],
)
def test_a_hostile_schema_is_a_fault_and_not_a_wait(schema: dict[str, Any], value: object) -> None:
    assert "could not be checked" in (fault_of(schema, value) or "")


def test_every_check_has_an_allowance_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "STEPS", 20)
    schema = {"$defs": {"n": {"type": "integer"}}, "items": {"$ref": "#/$defs/n"}}
    for _ in range(5):
        assert fault_of(schema, [1, 2, 3]) is None
    assert "could not be checked" in (fault_of(schema, [1] * 20) or "")


def test_a_check_has_only_so_much_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "SECONDS", 0)
    assert "TimeoutError" in (fault_of({"type": "integer"}, 1) or "")


def test_a_long_list_of_objects_is_within_the_allowance() -> None:
    fields = {"a": {"type": "string"}, "b": {"type": "integer"}, "c": {"enum": ["x", "y"]}}
    schema = {"items": {"properties": fields, "additionalProperties": False}, "uniqueItems": True}
    assert fault_of(schema, [{"a": "x", "b": i, "c": "y"} for i in range(500)]) is None


NAMES = st.text("abx1", max_size=3)
VALUES = st.dictionaries(NAMES, st.integers(-2, 2) | NAMES, max_size=4)
RULES = st.sampled_from(
    [{}, {"type": "integer"}, {"pattern": "^a"}, {"pattern": "b$"}, {"minimum": 0}, False]
)
SCHEMAS = st.fixed_dictionaries(
    {},
    optional={
        "properties": st.dictionaries(NAMES, RULES, max_size=2),
        "patternProperties": st.dictionaries(
            st.sampled_from(["^a", "x", "1$", "[ab]{2}"]), RULES, max_size=2
        ),
        "additionalProperties": RULES | st.booleans(),
        "required": st.lists(NAMES, max_size=2, unique=True),
    },
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(0, 1) | st.sampled_from([0.0, 1.0]) | st.just("1"),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.just("a"), inner),
    max_leaves=4,
)


@settings(max_examples=300)
@given(SCHEMAS, VALUES)
def test_it_agrees_with_jsonschema(schema: dict[str, Any], value: dict[str, Any]) -> None:
    plain = jsonschema.Draft202012Validator(schema).is_valid(value)
    assert (fault_of(schema, value) is None) is plain


@settings(max_examples=300)
@given(st.lists(JSON, max_size=3))
def test_what_is_unique_is_what_jsonschema_says(value: list[Any]) -> None:
    plain = jsonschema.Draft202012Validator({"uniqueItems": True}).is_valid(value)
    assert (fault_of({"uniqueItems": True}, value) is None) is plain


@settings(max_examples=100)
@given(st.sampled_from(["^a+b?$", "[^x]{2}", r"\\d", "(a|b)+$", "^$"]), NAMES)
def test_patterns_mean_what_they_mean_to_re(pattern: str, text: str) -> None:
    fits = re.search(pattern, text) is not None
    assert (fault_of({"pattern": pattern}, text) is None) is fits
