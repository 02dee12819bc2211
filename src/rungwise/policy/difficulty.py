"""How probable is it that a rung's draft of this chat will be acceptable, before it is written?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from rungwise.errors import ConfigError
from rungwise.policy.artefact import read_artefact, unpacked
from rungwise.policy.difficulty_file import BOUND, LEAVES, NODES, Document, Logistic, Provenance
from rungwise.policy.reach import Reach, assumed_reach
from rungwise.policy.sketch import BUCKETS, Sketch
from rungwise.types import StepType

__all__ = ["LEAST_P", "Difficulty", "difficulty_of", "load_difficulty"]

Array: TypeAlias = NDArray[np.float64]
Singles: TypeAlias = NDArray[np.float32]
N = TypeVar("N", float, Array)
"""One chat, or many at once."""

MEND = "correct routing.difficulty, or fit another with `rungwise train-router`"

LEAST_P = 0.002
"""Nothing is foreseen more surely than this, or less surely than 1 minus it."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Difficulty:
    """What `rungwise train-router` learned. Pure, and the same for the same file everywhere."""

    name: str
    """Short, with a digest of the file."""
    tiers: tuple[str, ...]
    """Lowest first."""
    missing: tuple[str, ...]
    """Tiers of the ladder that it knows nothing of."""
    document: Document
    _table: Singles
    """[BUCKETS, 1 + tiers]: rarity, 0 where unknown, and the weights."""
    _middle: Singles
    _scale: Singles
    _weights: Singles
    """[inputs, tiers]"""
    _nodes: NDArray[np.intp]
    """[trees, NODES]"""
    _thresholds: Singles
    _leaves: Singles
    """[trees, LEAVES], times what their tier's mix makes of them."""
    _first: tuple[int, ...]
    """[tiers], the place of each tier's first tree."""
    _of_words: Singles
    """[tiers]"""
    _starts: Array
    """[tiers]"""
    _kinds: Mapping[StepType, Singles]
    """The inputs that stand for a step type."""
    _links: Mapping[tuple[str, str], tuple[Logistic, Logistic]]
    _reach: Mapping[str, Reach]

    @property
    def provenance(self) -> Provenance:
        return self.document.provenance

    def forecast(self, sketch: Sketch, step_type: StepType) -> dict[str, float]:
        """P(acceptable) by tier, for each of `tiers` but those whose number came out as none: of
        them nothing is foreseen. The bounds of the file leave no such number."""
        z = self.logits(sketch, step_type).tolist()
        return {
            tier: min(max(_sigmoid(x), LEAST_P), 1 - LEAST_P)
            for tier, x in zip(self.tiers, z, strict=True)
            if math.isfinite(x)
        }

    def logits(self, sketch: Sketch, step_type: StepType) -> Array:
        """[tiers], of P(acceptable). See policy/difficulty_file.py for the formula."""
        inputs = np.concatenate((sketch.traits, self._kinds[step_type]))
        linear = np.clip((inputs - self._middle) / self._scale, -BOUND, BOUND) @ self._weights
        rows = self._table[sketch.buckets]
        values = rows[:, 0] * _LOGS[sketch.counts]
        size = math.sqrt(float(values @ values))
        if size:
            linear += (values @ rows[:, 1:]) / size
        return self._starts + self._of_words * linear + self._of_trees(inputs)

    def _of_trees(self, inputs: Singles) -> Array:
        """[tiers]"""
        found = np.zeros(len(self.tiers))
        if not len(self._nodes):
            return found
        right = inputs[self._nodes] > self._thresholds
        each = np.arange(len(right))
        place = right[:, 0].astype(np.intp)
        place += place + right[each, 1 + place]
        place += place + right[each, 3 + place]
        leaves = self._leaves[each, place]
        for tier, first in enumerate(self._first):
            last = self._first[tier + 1] if tier + 1 < len(self._first) else None
            found[tier] = leaves[first:last].sum()
        return found

    def after(self, refused: str, confidence: float, tier: str, probability: N) -> N:
        """P(`tier` is right), once the draft of `refused` came out at P = `confidence`; before
        that it was `probability`. Linear in the confidence. Where no steps had labels of both, the
        draft says nothing of it."""
        link = self._links.get((refused, tier))
        if link is None:
            return probability
        right, wrong = link
        if confidence in (0.0, 1.0):  # as the planner asks, many times for one chat
            return _linked(right if confidence else wrong, probability)
        told, other = _linked(right, probability), _linked(wrong, probability)
        return confidence * told + (1.0 - confidence) * other

    def expected(self, tier: str, step_type: StepType) -> tuple[float | None, float | None]:
        """Output tokens and seconds of a draft, as in the training data; None where unknown."""
        usual = self.document.usual.get(tier, {})
        told = [found for kind in (step_type, "all") if (found := usual.get(kind)) is not None]
        tokens = next((found.tokens for found in told if found.tokens is not None), None)
        seconds = next((found.seconds for found in told if found.seconds is not None), None)
        return tokens, seconds

    def gate(self, tier: str) -> Reach:
        """How this tier's confidences spread: as recorded, else as assumed (see Reach)."""
        return self._reach.get(tier) or assumed_reach()


def load_difficulty(path: Path, tiers: Sequence[str]) -> Difficulty:
    """For a ladder of these tiers; of none: for any. Raises ConfigError for anything that is no
    such file, or knows none of the tiers."""
    document, name = read_artefact(path, Document, mend=MEND)
    if tiers and set(tiers).isdisjoint(document.tiers):
        asked, known = (", ".join(told) for told in (tiers, document.tiers))
        raise ConfigError(f"{path}: knows none of the rungs {asked}, only {known}; {MEND}")
    return difficulty_of(document, name, tiers)


def difficulty_of(document: Document, name: str, tiers: Sequence[str]) -> Difficulty:
    mixes, width = document.mix, len(document.tiers)
    table = np.zeros((BUCKETS, 1 + width), np.float32)
    buckets = unpacked(document.words.buckets, "<u2")[:, 0].astype(np.intp)
    table[buckets, :1] = unpacked(document.words.rarity, "<f2")
    table[buckets, 1:] = unpacked(document.words.weights, "<f2", columns=width)
    counts = np.array(document.trees.counts)
    times = np.repeat([mix.of_trees for mix in mixes], counts).astype(np.float32)
    kinds = np.eye(len(document.step_types), dtype=np.float32)
    nothing = np.zeros(len(document.step_types), np.float32)
    return Difficulty(
        name=name,
        tiers=document.tiers,
        missing=tuple(tier for tier in tiers if tier not in document.tiers),
        document=document,
        _table=table,
        _middle=unpacked(document.inputs.middle, "<f4")[:, 0],
        _scale=unpacked(document.inputs.scale, "<f4")[:, 0],
        _weights=unpacked(document.inputs.weights, "<f4", columns=width),
        _nodes=unpacked(document.trees.inputs, "<u2", columns=NODES).astype(np.intp),
        _thresholds=unpacked(document.trees.thresholds, "<f4", columns=NODES),
        _leaves=unpacked(document.trees.leaves, "<f4", columns=LEAVES) * times[:, None],
        _first=tuple((np.cumsum(counts) - counts).tolist()),
        _of_words=np.array([mix.of_words for mix in mixes], np.float32),
        _starts=np.array(
            [m.intercept + m.of_words * m.linear + m.of_trees * m.start for m in mixes]
        ),
        _kinds=dict.fromkeys(StepType, nothing)
        | dict(zip(document.step_types, kinds, strict=True)),
        _links={(link.refused, link.tier): (link.right, link.wrong) for link in document.links},
        _reach={
            tier: Reach(
                probability=told.probability,
                bars=told.bars,
                of_right=told.of_right,
                of_wrong=told.of_wrong,
            )
            for tier, told in document.spreads.items()
        },
    )


_LOGS = (1 + np.log(np.maximum(1, np.arange(256)))).astype(np.float32)


def _sigmoid(z: N) -> N:
    if isinstance(z, float):
        return 1.0 / (1.0 + math.exp(-z)) if z > -700 else 0.0
    return np.asarray(1.0 / (1.0 + np.exp(-z)))


def _linked(logistic: Logistic, probability: N) -> N:
    if isinstance(probability, float):
        p = min(max(probability, LEAST_P), 1 - LEAST_P)
        return _sigmoid(logistic.intercept + logistic.slope * math.log(p / (1 - p)))
    many = np.clip(probability, LEAST_P, 1 - LEAST_P)
    return _sigmoid(np.asarray(logistic.intercept + logistic.slope * np.log(many / (1 - many))))
