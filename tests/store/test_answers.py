"""Does an answer come back from its text as it went in?"""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rungwise.store.answers import pieces_from_json, pieces_to_json
from rungwise.types import (
    Piece,
    Remembered,
    StepType,
    Thought,
    TokenAlternative,
    TokenLogprob,
    ToolCallDelta,
)

words = st.text(st.characters(), max_size=12)
"""Lone halves of surrogate pairs and NUL are among them: both come out of models."""
logprobs = st.floats(max_value=0, allow_nan=False, allow_infinity=False)
alternatives = st.builds(TokenAlternative, text=words, logprob=logprobs)
pieces = st.builds(
    Piece,
    text=words,
    choice=st.integers(0, 3),
    logprobs=st.lists(logprobs, max_size=2).map(tuple),
    reasoning=words,
    tool_calls=st.lists(
        st.builds(ToolCallDelta, index=st.integers(0, 3), id=st.none() | words, arguments=words),
        max_size=2,
    ).map(tuple),
    refusal=words,
    shown=st.lists(
        st.builds(
            TokenLogprob,
            text=words,
            logprob=logprobs,
            alternatives=st.lists(alternatives, max_size=2).map(tuple),
        ),
        max_size=2,
    ).map(tuple),
    finish=st.sampled_from([None, "stop", "length", "tool_calls"]),
    forced=st.integers(0, 2),
    thought=st.none() | st.builds(Thought, text=words, seal=words, withheld=st.booleans()),
)
answers = st.builds(
    Remembered,
    id=words,
    tier=words,
    model=words,
    step_type=st.sampled_from(StepType),
    pieces=st.lists(pieces, max_size=4).map(tuple),
)


@given(answers)
def test_an_answer_comes_back_without_what_only_a_gate_reads(answer: Remembered) -> None:
    text = pieces_to_json(answer)
    bare = tuple(replace(piece, logprobs=(), likeliest=()) for piece in answer.pieces)
    assert pieces_from_json(text) == replace(answer, pieces=bare)
    assert text.isascii() and "\n" not in text and "\0" not in text


def test_what_stands_at_its_default_takes_no_room() -> None:
    answer = Remembered(
        id="req_1", tier="t", model="m", step_type=StepType.PLANNING, pieces=(Piece("hi"),)
    )
    assert json.loads(pieces_to_json(answer))["pieces"] == [{"text": "hi"}]


@pytest.mark.parametrize(
    "text",
    ["", "{}", "[]", "null", '{"id":1}', "[" * 100_000]
    + [
        f'{{"id":"a","tier":"b","model":"c","step_type":"planning","pieces":{pieces}}}'
        for pieces in ("3", "[3]", '[{"logprobs":[1]},{"x":1}]', '[{"shown":[{}]}]')
    ],
)
def test_anything_else_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):
        pieces_from_json(text)
