"""A draft that nobody streams says the same in fewer pieces."""

from __future__ import annotations

from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rungwise.drafts import collect
from rungwise.tiers.hosted.joining import joined
from rungwise.types import Piece, Thought, TokenLogprob, ToolCallDelta

MORE = {
    "logprobs": (-0.5,),
    "reasoning": "hm",
    "tool_calls": (ToolCallDelta(0, "id", "f", "{}"),),
    "refusal": "no",
    "shown": (TokenLogprob(text="a", logprob=-0.5),),
    "finish": "stop",
    "forced": 1,
    "thought": Thought(text="hm", seal="seal", model="m"),
    "likeliest": ((-0.5,),),
}


def test_neighbours_that_are_only_text_become_one() -> None:
    pieces = [
        Piece("a"),
        Piece("b"),
        Piece("c", 1),
        Piece("d", 1),
        Piece("e"),
        Piece(finish="stop"),
    ]
    assert list(joined(pieces)) == [Piece("ab"), Piece("cd", 1), Piece("e"), Piece(finish="stop")]


@pytest.mark.parametrize("field", [f.name for f in fields(Piece) if f.name not in MORE])
def test_all_that_is_joined_is_text_of_a_choice(field: str) -> None:
    assert field in ("text", "choice")


@pytest.mark.parametrize("field", MORE)
def test_a_piece_that_says_more_stays_as_it_is(field: str) -> None:
    rich = Piece("b", **{field: MORE[field]})
    assert list(joined([Piece("a"), rich, Piece("c")])) == [Piece("a"), rich, Piece("c")]


@given(
    st.lists(
        st.builds(
            Piece,
            text=st.text(max_size=3),
            choice=st.integers(0, 2),
            reasoning=st.sampled_from(["", "", "hm"]),
            finish=st.sampled_from([None, None, "stop"]),
        )
    )
)
def test_the_draft_stays_the_same(pieces: list[Piece]) -> None:
    assert collect(joined(pieces)) == collect(pieces)
