"""A small file of a predictor of difficulty, by hand, whose every number can be followed."""

from __future__ import annotations

from typing import Any

import numpy as np

from rungwise.policy.artefact import packed
from rungwise.policy.difficulty_file import LEAVES, NODES
from rungwise.policy.sketch import TRAITS, VERSION, Sketch, sketch_of
from rungwise.policy.words import read_window, words_of
from rungwise.types import Chat, Message, StepType

__all__ = ["HARD", "TIERS", "document", "sketch"]

TIERS = ("t1", "t2")
HARD = int(words_of(read_window("prove")).buckets[0])
"""The bucket of a word that t1 is worse at, by 2, and t2 by 1."""
WIDTH = len(TRAITS) + len(StepType)


def sketch(text: str) -> Sketch:
    return sketch_of(Chat(messages=(Message(role="user", text=text),)))


def document(**changes: Any) -> dict[str, Any]:
    """One word; no input counts; one tree for t1: +1 where there is a number, else -1."""
    nodes = np.zeros((1, NODES))
    nodes[0, 0] = TRAITS.index("numbers")
    thresholds = np.full((1, NODES), 9e9)
    thresholds[0, 0] = 0.5
    leaves = np.array([[-1.0] * (LEAVES // 2) + [1.0] * (LEAVES // 2)])
    told = {
        "name": "made",
        "sketch": VERSION,
        "tiers": list(TIERS),
        "step_types": [kind.value for kind in StepType],
        "words": {
            "buckets": packed(np.array([HARD]), "<u2"),
            "rarity": packed(np.array([3.0]), "<f2"),
            "weights": packed(np.array([[-2.0, -1.0]]), "<f2"),
        },
        "inputs": {
            "middle": packed(np.zeros(WIDTH), "<f4"),
            "scale": packed(np.ones(WIDTH), "<f4"),
            "weights": packed(np.zeros((WIDTH, 2)), "<f4"),
        },
        "trees": {
            "counts": [1, 0],
            "inputs": packed(nodes, "<u2"),
            "thresholds": packed(thresholds, "<f4"),
            "leaves": packed(leaves, "<f4"),
        },
        "mix": [
            {"intercept": 0.5, "of_words": 1.0, "of_trees": 2.0, "linear": 1.0, "start": 0.25},
            {"intercept": 1.0, "of_words": 0.5, "of_trees": 1.0, "linear": 1.0, "start": 0.0},
        ],
        "links": [
            {
                "refused": "t1",
                "tier": "t2",
                "right": {"intercept": 1.0, "slope": 1.0},
                "wrong": {"intercept": -1.0, "slope": 0.5},
                "count": 50,
            }
        ],
        "usual": {
            "t1": {
                "all": {"tokens": 40.0, "seconds": 2.0, "count": 30},
                "planning": {"tokens": 90.0, "count": 10},
            }
        },
        "spreads": {
            "t1": {
                "probability": [0.5],
                "bars": [0.0, 0.5, 1.0],
                "of_right": [[1.0, 0.8, 0.0]],
                "of_wrong": [[1.0, 0.2, 0.0]],
                "count": 300,
            }
        },
        "provenance": {
            "data": "by hand",
            "data_sha256": "0" * 64,
            "rows": 300,
            "groups": 30,
            "date": "2026-11-26",
            "version": "0.1.0",
            "seed": 0,
            "folds": 4,
            "validated": {"t1": {"log_loss": 0.5}},
        },
    }
    return {**told, **changes}
