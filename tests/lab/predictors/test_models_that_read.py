"""What an encoder and a local model's own prefill say of a step, with the demo's smallest model."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rungwise.lab.ladders.rows import RecordedLadder
from rungwise.lab.predictors.compare import side_of
from rungwise.lab.predictors.encoder import embedded, encoded, encoded_and_boosted
from rungwise.lab.predictors.prefill import first_token, prefilled, probe
from tests.lab.riddles import TIERS, riddles

torch = pytest.importorskip("torch")
BOTTOM = Path(__file__).parents[3] / "models" / "demo" / "bottom"
LADDER = RecordedLadder(name="riddles", tiers=TIERS, rows=tuple(riddles(60)))


def test_vectors_are_of_length_one_and_in_the_texts_order() -> None:
    texts = [row.prompt for row in LADDER.rows]
    found = embedded(texts, BOTTOM, lambda: None)
    assert np.linalg.norm(found, axis=1) == pytest.approx(np.ones(60), abs=1e-4)
    alone = embedded(texts[7:8], BOTTOM, lambda: None)
    assert alone[0] == pytest.approx(found[7], abs=1e-2)


def test_a_prefill_gives_two_numbers_and_a_state_for_each_step() -> None:
    made: list[int] = []
    told, states = prefilled(LADDER.rows[:5], BOTTOM, lambda: made.append(1))
    assert told.shape == (5, 2) and len(states) == len(made) == 5
    assert (told[:, 0] >= 0).all() and (told[:, 1] <= 0).all()
    assert (-told[:, 1] <= told[:, 0] + 1e-9).all(), "the likeliest token is no rarer than the mean"


def test_each_orders_the_steps_that_it_did_not_see() -> None:
    side = side_of(LADDER)
    known, held = (replace(side, rows=np.arange(a, b)) for a, b in ((0, 45), (45, 60)))
    rng = np.random.default_rng(0)
    hard = 1 - side.columns.right[:, 0]
    vectors = np.column_stack((hard, rng.normal(size=60)))
    told = np.column_stack((hard, -hard))
    for candidate in (
        encoded(vectors),
        encoded_and_boosted(vectors),
        first_token(told),
        probe(told, vectors),
    ):
        scores = candidate(known)(held)
        assert scores[hard[45:] > 0].mean() > scores[hard[45:] < 1].mean()
