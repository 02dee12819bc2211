"""A classifier for tests, that knows a few words."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from rungwise.policy.artefact import packed
from rungwise.policy.sketch import VERSION, sketch_of
from rungwise.types import Chat, Message

__all__ = ["KNOWN", "ask", "document", "written"]

KNOWN: Mapping[str, str] = {
    "plan": "planning",
    "summarise": "summarisation",
    "extract": "extraction",
}
"""A word, and the step type that it speaks for."""

PROVENANCE = {
    "data": "made up",
    "data_sha256": "0" * 64,
    "count": 3,
    "templates": 3,
    "date": "2026-11-26",
    "seed": 0,
    "right_share": 1.0,
    "answered_share": 1.0,
}


def ask(text: str, **told: Any) -> Chat:
    return Chat(messages=(Message(role="user", text=text),), **told)


def document(**told: Any) -> dict[str, Any]:
    """One word is P = .98 of its step type, and two of different types are about half each."""
    step_types = list(KNOWN.values())
    found = sorted((int(sketch_of(ask(word)).buckets[0]), place) for place, word in _words())
    weights = np.zeros((len(found), len(step_types)))
    for row, (_, place) in enumerate(found):
        weights[row, place] = 5
    return {
        "sketch": VERSION,
        "step_types": step_types,
        "least": 0.8,
        "least_known": 0.2,
        "intercepts": [0.0] * len(step_types),
        "traits": {},
        "buckets": packed(np.array([bucket for bucket, _ in found]), "<u2"),
        "weights": packed(weights, "<f2"),
        "provenance": PROVENANCE,
        **told,
    }


def _words() -> list[tuple[int, str]]:
    return list(enumerate(KNOWN))


def written(folder: Path, **told: Any) -> Path:
    import json

    path = folder / "words.json"
    path.write_text(json.dumps(document(**told)))
    return path
