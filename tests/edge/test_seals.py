"""A thought's seal goes out with its writer's name and comes back as it was."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rungwise.edge.seals import sealed, unsealed

MODELS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


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
