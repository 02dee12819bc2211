"""Fields of a request, or one fault that names its place."""

import pytest
from pydantic import BaseModel

from rungwise.edge.reading import LONG, is_long, read_fields, unknown_field
from rungwise.errors import CallerError


class Inner(BaseModel):
    n: int


class Outer(BaseModel):
    inner: list[Inner]
    either: str | list[Inner] | None = None


@pytest.mark.parametrize(
    ("body", "param", "message"),
    [
        (b'{"inner":[{"n":1},{"n":"x"}]}', "inner[1].n", "inner[1].n: should be a valid integer"),
        (b'{"inner":[{}]}', "inner[0].n", "inner[0].n: required"),
        (b"{}", "inner", "inner: required"),
        (b"[]", None, "the body must be a JSON object"),
        (b"{", None, "the body is not JSON"),
        (b'{"inner":[],"either":5}', "either", "either: should be a valid string, or should be"),
    ],
)
def test_a_fault_names_its_place(body: bytes, param: str | None, message: str) -> None:
    with pytest.raises(CallerError) as told:
        read_fields(Outer, body)
    assert told.value.param == param and told.value.message.startswith(message)


def test_many_commas_in_a_text_are_no_rubble() -> None:
    body = b'{"inner":[],"either":"' + b',\\"' * 50_000 + b'"}'
    assert read_fields(Outer, body).either == ',"' * 50_000


def test_many_values_are() -> None:
    with pytest.raises(CallerError, match="values"):
        read_fields(Outer, b'{"inner":[' + b"1," * 50_000 + b"1]}")


def test_an_unknown_field_is_named_however_long_it_is() -> None:
    told = unknown_field("tools[0]", "x" * 1000)
    assert told.code == "unknown_parameter" and len(told.message) < 250


def test_what_takes_long_to_read_is_read_beside_the_event_loop() -> None:
    assert is_long(b" " * (LONG + 1)) and is_long(b'{"json_schema"}') and not is_long(b"{}")
