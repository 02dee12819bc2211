"""How much one key's word counts: its share, drawn at random, and never nothing for one alone."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from rungwise.drift.voices import MOST, Voices


@given(st.floats(0.1, 0.9), st.floats(0.6, 0.95), st.integers(0, 99))
def test_the_loudest_key_has_its_share_of_what_is_let_in(
    most: float, loud: float, seed: int
) -> None:
    drawn, voices = random.Random(seed), Voices()
    let_in = {"loud": 0, "quiet": 0}
    for place in range(4000):
        caller = "loud" if drawn.random() < loud else "quiet"
        let_in[caller] += voices.lets_in(caller, most, drawn.random) and place >= 500
    share = let_in["loud"] / sum(let_in.values())
    assert share <= max(most, 0.5) + 0.12 or loud <= most


def test_a_key_alone_says_it_all() -> None:
    voices = Voices()
    assert all(voices.lets_in("only", 0.5, lambda: 0.999) for _ in range(1000))


def test_a_second_key_that_says_next_to_nothing_silences_nobody() -> None:
    voices = Voices()
    for _ in range(100):
        voices.lets_in("only", 0.5, random.random)
    voices.lets_in("second", 0.5, random.random)
    assert all(voices.lets_in("only", 0.5, lambda: 0.999) for _ in range(100))


def test_a_flood_of_keys_is_bounded() -> None:
    voices = Voices()
    for place in range(1000):
        voices.lets_in(f"key{place}", 0.5, random.random)
    assert len(voices.heard) <= MOST
