"""Which schemas may an answer be held to?"""

from __future__ import annotations

from typing import Any

import pytest

from rungwise.edge.schemas import check_patterns, read_parameters, read_schema
from rungwise.errors import CallerError

UUID = "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"
DATE = r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,6})?(Z|[+-]\d{2}:\d{2})$"
GROUP = "[0-9a-fA-F]{1,4}"
IP = f"^(({GROUP}:){{7}}{GROUP}|({GROUP}:){{1,7}}:|({GROUP}:){{1,5}}(:{GROUP}){{1,2}})$"
HOST = r"^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"
ARN = r"^arn:(aws[a-zA-Z-]*)?:[a-z0-9-]+:[a-z0-9-]*:\d{12}:.{1,256}$"
WORDS = "^(" + "|".join(f"country{i}" for i in range(400)) + ")$"


def fields(*patterns: str) -> dict[str, Any]:
    return {"properties": {f"p{i}": {"pattern": p} for i, p in enumerate(patterns)}}


def refused(*schemas: dict[str, Any]) -> CallerError:
    with pytest.raises(CallerError) as caught:
        check_patterns((f"place {i}", schema) for i, schema in enumerate(schemas))
    return caught.value


@pytest.mark.parametrize(
    "patterns",
    [
        [UUID, DATE, IP, HOST, ARN, WORDS],
        [UUID] * 100,
        ["^[A-Za-z0-9_-]{1,64}$"] * 64,
        ["^.{1,255}$"] * 15,
        ["^.{1,1000}$"],
        [f"^{i}$" for i in range(500)],
        [r"\p{L}+"],
        ["("],
    ],
    ids=lambda patterns: f"{len(patterns)} of {patterns[0][:20]}",
)
def test_what_people_write_is_taken(patterns: list[str]) -> None:
    check_patterns([("it", fields(*patterns))])


@pytest.mark.parametrize(
    "patterns",
    [
        ["^(.{1,5000}x){1,5000}$"],
        ["^.{1,5000}$"],
        [".?" * 500],
        ["^(.{0,5}){0,100}$"],
        [".{0,100}" * 10],
        ["^.{1,200}$"] * 300,
        ["a"] * 700,
    ],
    ids=lambda patterns: f"{len(patterns)} of {patterns[0][:20]}",
)
def test_what_keeps_an_engine_busy_is_refused(patterns: list[str]) -> None:
    error = refused(fields(*patterns))
    assert error.param == "place 0" and "patterns" in error.message


def test_names_by_pattern_count_and_the_sum_goes_over_all_schemas() -> None:
    assert refused({"patternProperties": {"^(.{1,500}x){1,500}$": {}}}).param == "place 0"
    most = fields("^.{1,1000}$")
    assert refused(most, most).param == "place 1"


@pytest.mark.parametrize("read", [read_schema, read_parameters])
def test_circles_and_ways_out_are_refused_at_their_place(read: Any) -> None:
    for schema, said in (
        ({"$ref": "#"}, "back to itself"),
        ({"items": {"$recursiveRef": "http://x/"}}, "stay in the schema"),
    ):
        with pytest.raises(CallerError, match=said) as caught:
            read(schema, "here")
        assert caught.value.param == "here"
