"""A thought's seal goes out with its writer's name and comes back as it was."""

from base64 import urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rungwise.edge.seals import bundled, sealed, unbundled, unsealed
from rungwise.types import Thought

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
MODELS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
THOUGHTS = st.builds(Thought, text=TEXT, seal=TEXT, withheld=st.booleans(), model=MODELS)


@given(MODELS, st.text())
def test_what_was_sealed_comes_back(model: str, seal: str) -> None:
    assert unsealed(sealed(model, seal)) == (model, seal)


@pytest.mark.parametrize(
    "told", ["", "EqQBCg", "rw1", "rw1.", "rw1..x", "rw1.bQ", "rw2.bQ.x", "rw1.é.x", "rw1._w.x"]
)
def test_a_seal_of_others_belongs_to_nobody(told: str) -> None:
    assert unsealed(told) is None


@given(st.text())
def test_any_text_is_ours_or_not(told: str) -> None:
    unsealed(told)
    unbundled(told)


@given(st.lists(THOUGHTS, max_size=3))
def test_thoughts_that_went_with_a_call_come_back(thoughts: list[Thought]) -> None:
    assert unbundled(bundled(thoughts, "m")) == tuple(thoughts)


def test_a_thought_that_names_no_one_is_the_answering_models() -> None:
    (thought,) = unbundled(bundled([Thought(seal="s", withheld=True)], "m"))
    assert thought == Thought(seal="s", withheld=True, model="m")


@pytest.mark.parametrize("inner", ["1", "[1]", "[[1, 2, 3, 4]]", '[["m", "t", "s"]]', "[" * 9999])
def test_a_bundle_that_is_none_holds_no_thoughts(inner: str) -> None:
    assert unbundled(f"rwt.{urlsafe_b64encode(inner.encode()).decode()}") == ()
