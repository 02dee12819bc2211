"""A sketch sees the last turn and the sizes of the rest, and survives the way through bytes."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rungwise.policy.sketch import BUCKETS, TRAITS, Sketch, sketch_of
from rungwise.policy.words import read_window, words_of
from rungwise.types import Chat, Message, OutputShape, Tool

ANY = st.text(st.characters(codec=None), max_size=300)


def said(text: str, **more: object) -> Chat:
    return Chat(messages=(Message(role="user", text=text),), **more)  # type: ignore[arg-type]


def trait(chat: Chat, name: str) -> float:
    return float(sketch_of(chat).traits[TRAITS.index(name)])


def test_the_last_turn_is_what_is_looked_at() -> None:
    first = Message(role="user", text="What is the capital of France?")
    reply = Message(role="assistant", text="Paris.")
    result = Message(role="tool", text="error 404", tool_call_id="1", failed=True)
    alone, later, tool = (
        sketch_of(Chat(messages=messages))
        for messages in ((first,), (first, reply), (first, reply, result))
    )
    assert later.buckets.tolist() == alone.buckets.tolist()
    assert tool.buckets.tolist() == sketch_of(said("error 404")).buckets.tolist()
    assert tool.traits[TRAITS.index("from_tool")] == 1.0
    assert tool.traits[TRAITS.index("failed_tools")] > 0


def test_agent_tools_and_shape_leave_a_mark() -> None:
    plain = set(sketch_of(said("go")).buckets.tolist())
    system = Chat(
        messages=(Message(role="system", text="You plan."), Message(role="user", text="go"))
    )
    tools = said("go", tools=(Tool(name="search"), Tool(name="buy")))
    swapped = said("go", tools=(Tool(name="buy"), Tool(name="search")))
    shaped = said("go", shape=OutputShape(name="order", schema={"type": "object"}))
    for chat in (system, tools, shaped):
        found = set(sketch_of(chat).buckets.tolist())
        assert plain < found and len(found) == len(plain) + 1
    assert sketch_of(tools) == sketch_of(swapped)
    assert trait(shaped, "shape") == 1.0 and trait(tools, "tools") > 0
    assert trait(system, "system_size") > 0


def test_a_long_history_only_counts_by_its_size() -> None:
    turns = tuple(Message(role="assistant", text="word " * 1000) for _ in range(20))
    chat = Chat(messages=(*turns, Message(role="user", text="go")))
    assert trait(chat, "history_size") == pytest.approx(np.log1p(100_000), rel=1e-3)
    assert len(sketch_of(chat).buckets) == 1


def test_a_chat_without_a_turn_has_a_sketch() -> None:
    assert len(sketch_of(Chat(messages=())).buckets) == 0


def test_a_usual_prompt_takes_no_more_than_two_kibibytes() -> None:
    text = " ".join(f"{word} of the {word[::-1]}," for word in dir(np)[:300])
    assert len(sketch_of(said(text[:3500])).to_bytes()) <= 2048
    huge = sketch_of(said(" ".join(dir(np)) * 50))
    assert len(huge.to_bytes()) <= 4096


@given(ANY)
def test_any_text_survives_the_way_through_bytes(text: str) -> None:
    sketch = sketch_of(said(text))
    again = Sketch.from_bytes(sketch.to_bytes())
    assert again == sketch and hash(again) == hash(sketch)
    assert again.traits.tolist() == sketch.traits.tolist()
    assert again.counts.tolist() == sketch.counts.tolist()
    assert np.isfinite(sketch.traits).all() and len(sketch.traits) == len(TRAITS)
    assert (np.diff(sketch.buckets.astype(int)) > 0).all() and (sketch.counts > 0).all()


@given(st.text(max_size=3), st.integers(1, 60_000))
def test_a_huge_text_is_bounded(text: str, times: int) -> None:
    sketch = sketch_of(said(text * times))
    assert len(sketch.to_bytes()) < 20_000


@given(
    st.lists(st.integers(0, BUCKETS - 1), unique=True, max_size=50),
    st.lists(st.integers(1, 255), min_size=50, max_size=50),
)
def test_any_buckets_survive_the_way_through_bytes(buckets: list[int], counts: list[int]) -> None:
    sketch = Sketch(
        buckets=np.array(sorted(buckets), np.uint16),
        counts=np.array(counts[: len(buckets)], np.uint8),
        traits=np.zeros(len(TRAITS), np.float32),
    )
    again = Sketch.from_bytes(sketch.to_bytes())
    assert again.buckets.tolist() == sorted(buckets)
    assert again.counts.tolist() == counts[: len(buckets)]


@given(st.binary(max_size=400))
def test_junk_is_no_sketch(junk: bytes) -> None:
    try:
        found = Sketch.from_bytes(junk)
    except ValueError:
        return
    assert found.to_bytes() == junk


@given(st.data())
def test_a_sketch_that_was_cut_off_or_overwritten_is_found_out_or_is_one(
    data: st.DataObject,
) -> None:
    told = sketch_of(said("The answer (B) is 42, he said.")).to_bytes()
    cut = data.draw(st.integers(0, len(told) - 1))
    with pytest.raises(ValueError):
        Sketch.from_bytes(told[:cut])
    place, byte = data.draw(st.integers(0, len(told) - 1)), data.draw(st.integers(0, 255))
    other = told[:place] + bytes([byte]) + told[place + 1 :]
    try:
        found = Sketch.from_bytes(other)
    except ValueError:
        return
    assert np.isfinite(found.traits).all() and (found.counts > 0).all()


def test_its_arrays_cannot_be_written_to() -> None:
    sketch = sketch_of(said("hello"))
    for array in (sketch.buckets, sketch.counts, sketch.traits):
        with pytest.raises(ValueError):
            array[0] = 1


def test_who_has_a_dictionary_can_read_a_short_text_back() -> None:
    """It is no secret, and the documents say so: should that ever change, so must they."""
    told = "the patient wants to sue the hospital".split()
    found = set(sketch_of(said(" ".join(told))).buckets.tolist())
    words = {word: words_of(read_window(word)).buckets[0] for word in [*told, "cat", "merger"]}
    assert {word for word, bucket in words.items() if bucket in found} == set(told)
    follows = {
        (one, two)
        for one in told
        for two in told
        if words_of(read_window(f"{one} {two}")).buckets[2] in found
    }
    assert follows == set(pairwise(told))
