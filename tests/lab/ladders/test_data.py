"""Recorded ladders, in the house's lines and in those of the public sets."""

import gzip
import json
import string
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rungwise.errors import ConfigError
from rungwise.lab.ladders.data import RecordedLadder, Result, Row, read_ladder, write_ladder
from rungwise.types import StepType, Tool

LINE: Mapping[str, object] = {
    "id": "a",
    "group": "g",
    "prompt": "2 + 2?",
    "tiers": {"low": {"correct": False, "cost_usd": 0.1}, "high": {"correct": True}},
}


def write(path: Path, *lines: Mapping[str, object]) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


def test_the_house_s_lines_are_read(tmp_path: Path) -> None:
    found = read_ladder(write(tmp_path / "mine.v2.jsonl", LINE))
    assert found.name == "mine" and found.source == "mine.v2.jsonl"
    assert found.tiers == ("low", "high") and found.notes == ()
    (row,) = found.rows
    assert (row.id, row.group, row.prompt) == ("a", "g", "2 + 2?")
    assert row.step_type == "open_chat" and row.chat.wish.step_type is StepType.OPEN_CHAT
    assert row.tiers["low"] == Result(correct=False, cost_usd=0.1)


def test_a_ladder_chooses_rungs_and_their_order(tmp_path: Path) -> None:
    path = write(tmp_path / "x.jsonl", LINE)
    assert read_ladder(path, ("high", "low")).tiers == ("high", "low")
    with pytest.raises(ConfigError, match="two rungs at least"):
        read_ladder(path, ("high",))


def test_a_step_without_a_group_is_one_of_its_own(tmp_path: Path) -> None:
    lines = [{k: v for k, v in LINE.items() if k != "group"} | {"id": id} for id in ("a", "b")]
    found = read_ladder(write(tmp_path / "x.jsonl", *lines))
    assert [row.group for row in found.rows] == ["a", "b"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"tiers": {"low": {"correct": True}}}, r"x.jsonl:2: tiers.high: is missing"),
        ({"tiers": {"low": {}, "high": {"correct": True}}}, r"2: tiers.low: correct: is missing"),
        ({"tiers": {"low": {"correct": 1}, "high": {"correct": True}}}, "true or false"),
        ({"tiers": {"low": 3, "high": {"correct": True}}}, "tiers.low: must be an object"),
        ({"tiers": []}, "tiers: must be an object"),
        ({"tiers": {"low": {"correct": True, "readings": {"a": None}}, "high": {}}}, "readings.a"),
        ({"prompt": None}, "prompt: must be a text"),
        ({"tools": [{}]}, r"tools\[0\]: must be a tool"),
    ],
)
def test_a_faulty_line_is_named_with_its_key(
    tmp_path: Path, change: Mapping[str, object], told: str
) -> None:
    with pytest.raises(ConfigError, match=told):
        read_ladder(write(tmp_path / "x.jsonl", LINE, {**LINE, **change}))


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("cost_usd", -1, "cost_usd: cannot be -1"),
        ("confidence", 1.5, "confidence: cannot be 1.5"),
        ("latency_ms", "soon", "latency_ms: must be a finite number"),
    ],
)
def test_a_faulty_number_is_named_with_its_rung(
    tmp_path: Path, key: str, value: object, told: str
) -> None:
    tiers = {"low": {"correct": True, key: value}, "high": {"correct": True}}
    with pytest.raises(ConfigError, match=f"x.jsonl:1: tiers.low.{told}"):
        read_ladder(write(tmp_path / "x.jsonl", {**LINE, "tiers": tiers}))


def test_routellm_s_lines_are_known_by_their_fields(tmp_path: Path) -> None:
    line = {"id": "m/1", "subject": "law", "prompt": "?", "weak_correct": False}
    found = read_ladder(write(tmp_path / "x.jsonl", {**line, "strong_correct": True}))
    assert found.tiers == ("mixtral-8x7b-instruct", "gpt-4-1106-preview")
    assert found.rows[0].group == "law"
    assert [result.correct for result in found.rows[0].tiers.values()] == [False, True]
    with pytest.raises(ConfigError, match="no rung 'other'"):
        read_ladder(tmp_path / "x.jsonl", ("other", "gpt-4-1106-preview"))


def test_without_subjects_prompts_that_differ_in_numbers_belong_together(tmp_path: Path) -> None:
    line = {"weak_correct": False, "strong_correct": True, "weak_response": "x" * 40}
    found = read_ladder(
        write(
            tmp_path / "x.jsonl",
            {**line, "id": "1", "prompt": "He has 3 eggs  and 1,200 hens."},
            {**line, "id": "2", "prompt": "He has 4.5 eggs and 7 hens."},
        )
    )
    assert found.rows[0].group == found.rows[1].group
    assert found.rows[0].tiers["mixtral-8x7b-instruct"].output_tokens == 10
    assert found.rows[0].tiers["gpt-4-1106-preview"].output_tokens is None
    assert "without its numbers" in found.notes[0]


def test_of_many_models_a_ladder_chooses_and_steps_not_all_answered_are_left_out(
    tmp_path: Path,
) -> None:
    line = {"id": "1", "task": "gsm", "prompt": "?"}
    path = write(
        tmp_path / "x.jsonl",
        {**line, "correct": {"a": True, "b": False}, "out_chars": {"a": 8, "b": 0}},
        {**line, "correct": {"b": False}, "out_chars": {"b": 4}},
    )
    found = read_ladder(path, ("a", "b"))
    assert len(found.rows) == 1 and found.rows[0].group == "gsm"
    assert found.notes == ("1 of 2 steps, which not every rung answered, are left out",)
    assert [result.output_tokens for result in found.rows[0].tiers.values()] == [2, 1]
    with pytest.raises(ConfigError, match="name some, lowest first: a, b"):
        read_ladder(path)
    with pytest.raises(ConfigError, match="no line has all of a, c"):
        read_ladder(path, ("a", "c"))


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="tiers: is missing"):
        read_ladder(write(tmp_path / "x.jsonl", {"id": "1"}))


results = st.builds(
    Result,
    correct=st.booleans(),
    cost_usd=st.none() | st.floats(0, 10),
    latency_ms=st.none() | st.floats(0, 1e6),
    readings=st.dictionaries(st.text(string.ascii_lowercase, min_size=1), st.floats(-9, 9)),
    confidence=st.none() | st.floats(0, 1),
    output_tokens=st.none() | st.integers(0, 10_000),
)
tools = st.builds(
    Tool,
    name=st.text(),
    description=st.text(),
    parameters=st.dictionaries(st.text(), st.integers()),
)
rows = st.builds(
    Row,
    id=st.text(),
    group=st.text(),
    step_type=st.text(),
    prompt=st.text(),
    system=st.text(),
    tools=st.lists(tools, max_size=2).map(tuple),
    schema=st.none() | st.dictionaries(st.text(), st.text()),
    tiers=st.fixed_dictionaries({"low": results, "high": results}),
)


@given(st.lists(rows, min_size=1, max_size=4))
def test_what_is_written_is_read_again(tmp_path_factory: pytest.TempPathFactory, written) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path_factory.mktemp("rows") / "x.jsonl.gz"
    write_ladder(path, written)
    assert read_ladder(path).rows == tuple(written)
    assert gzip.decompress(path.read_bytes()).count(b"\n") == len(written)


def test_the_same_rows_give_the_same_bytes(tmp_path: Path) -> None:
    row = Row(id="1", group="g", step_type="", prompt="é", tiers={"a": Result(correct=True)})
    for name in ("one.gz", "two.gz"):
        write_ladder(tmp_path / name, [row])
    assert (tmp_path / "one.gz").read_bytes() == (tmp_path / "two.gz").read_bytes()
    with pytest.raises(ConfigError, match="cannot be written"):
        write_ladder(tmp_path, [row])


def test_a_row_is_a_chat_as_a_router_would_see_it() -> None:
    tool = Tool(name="f", description="", parameters={})
    row = Row(
        id="1",
        group="g",
        step_type="planning",
        prompt="plan it",
        system="be brief",
        tools=(tool,),
        schema={"type": "object"},
        tiers={},
    )
    chat = row.chat
    assert [(m.role, m.text) for m in chat.messages] == [
        ("system", "be brief"),
        ("user", "plan it"),
    ]
    assert chat.tools == (tool,) and chat.wish.step_type is StepType.PLANNING
    assert chat.shape is not None and chat.shape.schema == {"type": "object"}


def test_what_was_learned_on_is_not_tried_again() -> None:
    def of(*prompts: str) -> RecordedLadder:
        tiers = {"a": Result(correct=True), "b": Result(correct=True)}
        rows = tuple(Row(id=p, group=p, step_type="", prompt=p, tiers=tiers) for p in prompts)
        return RecordedLadder(name="x", tiers=("a", "b"), rows=rows, source="x.jsonl")

    found = of("one", "two", "three").without(of("two", "four"))
    assert [row.prompt for row in found.rows] == ["one", "three"]
    assert found.notes == ("1 steps that are also in x.jsonl are left out",)
    assert of("one").without(of("two")) == of("one")
    with pytest.raises(ConfigError, match=r"every step is also in x\.jsonl"):
        of("one").without(of("one"))


def test_steps_of_fewer_than_two_rungs_are_no_ladder(tmp_path: Path) -> None:
    path = tmp_path / "one.jsonl"
    path.write_text('{"prompt": "x", "tiers": {"low": {"correct": true}}}\n')
    with pytest.raises(ConfigError, match=r"one\.jsonl:1: tiers: .*record at least two"):
        read_ladder(path)
