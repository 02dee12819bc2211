"""Is the share a share, the same for everybody, and never of what may not be shown?"""

from __future__ import annotations

import secrets

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rungwise.auditing.choosing import drawn


@given(id=st.text(), share=st.floats(0, 1))
def test_the_same_id_is_always_drawn_alike(id: str, share: float) -> None:
    assert drawn(id, share) is drawn(id, share)


@given(id=st.text(), one=st.floats(0, 1), other=st.floats(0, 1))
def test_what_a_smaller_share_has_a_larger_one_has_too(id: str, one: float, other: float) -> None:
    assert drawn(id, max(one, other)) or not drawn(id, min(one, other))


@given(id=st.text())
def test_a_share_of_one_is_everything_and_of_zero_nothing(id: str) -> None:
    assert drawn(id, 1.0) and not drawn(id, 0.0)


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5])
def test_a_share_of_many_ids_is_that_share(share: float) -> None:
    many = 20_000
    found = sum(drawn(f"req_{number:024x}", share) for number in range(many))
    sigma = (share * (1 - share) / many) ** 0.5
    assert abs(found / many - share) < 5 * sigma


def test_the_ids_of_the_server_are_drawn_evenly() -> None:
    found = sum(drawn(f"req_{secrets.token_hex(12)}", 0.5) for _ in range(10_000))
    assert 4_700 < found < 5_300
