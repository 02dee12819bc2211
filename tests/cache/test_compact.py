"""Fewer pieces that say the same."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from rungwise.cache.compact import LONGEST, compact
from rungwise.drafts import collect
from rungwise.types import Piece, Thought, TokenLogprob, ToolCallDelta

SHOWN = (TokenLogprob(text="a", logprob=-1.0),)
PIECES = st.lists(
    st.builds(
        Piece,
        text=st.sampled_from(["", "", "a", "b" * 700]),
        choice=st.integers(0, 1),
        logprobs=st.sampled_from([(), (-0.5,)]),
        reasoning=st.sampled_from(["", "", "hm"]),
        tool_calls=st.sampled_from(
            [
                (),
                (),
                (ToolCallDelta(0, "c0", "look"),),
                (ToolCallDelta(0, arguments="{"),),
                (ToolCallDelta(1, arguments="}"),),
                (ToolCallDelta(0, arguments="["), ToolCallDelta(1, arguments="]")),
            ]
        ),
        refusal=st.sampled_from(["", "", "no"]),
        shown=st.sampled_from([(), SHOWN]),
        finish=st.sampled_from([None, None, None, "stop"]),
        forced=st.integers(0, 1),
        thought=st.sampled_from([None, None, Thought(text="hm", seal="s", model="m")]),
    ),
    max_size=12,
)


def shown(pieces: list[Piece] | tuple[Piece, ...], choice: int) -> list[TokenLogprob]:
    return [token for piece in pieces if piece.choice == choice for token in piece.shown]


def sides(pieces: list[Piece] | tuple[Piece, ...]) -> str:
    """What is written, in its order, with what kind it is of."""
    told = ""
    for p in pieces:
        calls = "".join(c for d in p.tool_calls for c in f"{d.index}" * len(d.arguments))
        told += "r" * len(p.reasoning) + "t" * len(p.text) + calls + "d" * len(p.refusal)
        told += "T" * (p.thought is not None) + "f" * (p.finish is not None)
    return told


@given(PIECES)
def test_they_make_the_same_choices_in_the_same_order(pieces: list[Piece]) -> None:
    fewer = compact(pieces)
    assert len(fewer) <= len(pieces)
    assert collect(fewer) == collect(pieces)
    assert sides(fewer) == sides(pieces)
    for choice in (0, 1):
        assert shown(fewer, choice) == shown(pieces, choice)
    assert compact(fewer) == fewer or len(compact(fewer)) < len(fewer)


def test_a_text_becomes_pieces_of_some_length() -> None:
    words = [Piece("word ", logprobs=(-0.1,), likeliest=((-0.1,),), forced=1)] * 1000
    fewer = compact([*words, Piece(finish="stop")])
    assert len(fewer) == 6 and fewer[-1] == Piece(finish="stop")
    assert all(len(piece.text) <= LONGEST + 5 for piece in fewer)
    assert all(piece == Piece(piece.text) for piece in fewer[:-1]), "what a gate reads is not kept"


def test_a_calls_arguments_become_one_piece_and_calls_stay_apart() -> None:
    opened = [Piece(tool_calls=(ToolCallDelta(i, f"c{i}", "look"),)) for i in range(2)]
    parts = [[Piece(tool_calls=(ToolCallDelta(i, arguments=a),)) for a in "{}"] for i in range(2)]
    fewer = compact([opened[0], *parts[0], opened[1], *parts[1]])
    assert fewer == tuple(
        replace(o, tool_calls=(replace(o.tool_calls[0], arguments="{}"),)) for o in opened
    )
