"""Steps of two kinds, easy and hard, that a predictor can tell apart by their words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rungwise.lab.ladders.rows import Result, Row

__all__ = ["TIERS", "riddles"]

TIERS = ("low", "high")
_RIGHT = {"low": (0.95, 0.15), "high": (0.97, 0.75)}
"""P(right) of an easy one and of a hard one."""
_OPENINGS = (
    ("Copy the name", "Say whether it is a colour", "Repeat the last line", "Name the language"),
    ("Prove the lemma", "Derive the integral", "Factor the polynomial", "Invert the matrix"),
)
_SUBJECTS = "apple harbour teacher garden engine river window letter island mirror".split()


def riddles(
    count: int, *, seed: int = 0, tiers: Sequence[str] = TIERS, told: bool = True
) -> list[Row]:
    """`told`: whether the words say how hard it is."""
    rng = np.random.default_rng(seed)
    return [_riddle(number, rng, tiers, told) for number in range(count)]


def _riddle(number: int, rng: np.random.Generator, tiers: Sequence[str], told: bool) -> Row:
    hard = int(rng.integers(2))
    shown = hard if told else int(rng.integers(2))
    subjects = " and the ".join(rng.choice(_SUBJECTS, rng.integers(2, 6), replace=False))
    opening = _OPENINGS[shown][rng.integers(4)]
    return Row(
        id=str(number),
        group=f"g{number // 2}",
        step_type="planning" if number % 3 else "open_chat",
        prompt=f"{opening} of the {subjects}, number {number}.",
        tiers={
            tier: Result(
                correct=bool(rng.random() < _RIGHT[tier][hard]),
                cost_usd={"low": 0.00001, "high": 0.002}[tier],
                latency_ms=float(rng.integers(100, 900)),
                output_tokens=int(rng.integers(5, 200)),
            )
            for tier in tiers
        },
    )
