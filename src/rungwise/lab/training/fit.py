"""How is a predictor of difficulty fitted? For each tier words and traits, calibrated out of fold.

For each tier a logistic regression on the hashed words (rarity-weighted, as TF-IDF has it) and the
traits, and gradient-boosted trees on the traits: see lab/predictors. They are mixed in the share
that foresees best on groups that neither was fitted on, and scaled there so that the probabilities
mean what they say (Platt 1999). How one tier's right drafts go with another's, and how confidences
spread, is learned from the same forecasts out of fold.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from rungwise import __version__
from rungwise.errors import ConfigError
from rungwise.lab.calibration.readings import Floats, Ints
from rungwise.lab.predictors.columns import KINDS, OF_INPUTS, Columns, basis_of, columns_of
from rungwise.lab.predictors.dealing import dealt, whole_groups
from rungwise.lab.predictors.logistic import LinearFit, fit_linear
from rungwise.lab.predictors.platt import Mixed, fit_mix
from rungwise.lab.predictors.trees import TreesFit, fit_trees
from rungwise.lab.training.spread import links_of, spread_of, usual_of
from rungwise.policy.artefact import packed
from rungwise.policy.difficulty import Difficulty, difficulty_of
from rungwise.policy.difficulty_file import (
    Document,
    Inputs,
    Mix,
    Provenance,
    Spread,
    Trees,
    Words,
)
from rungwise.policy.sketch import VERSION, Sketch
from rungwise.types import StepType

__all__ = ["LEAST_EACH", "LEAST_LABELS", "Example", "TooLittle", "fit", "write_difficulty"]

LEAST_LABELS = 40
"""Of each tier; in no smaller a number can folds be made that say anything."""
LEAST_EACH = 5
"""Right labels of each tier, and wrong ones."""
FOLDS = 4


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Example:
    """One step, and what is known of some tiers' drafts of it."""

    sketch: Sketch
    step_type: StepType
    group: str
    """Steps of one group are not told apart by the words that they share: they stay together."""
    right: Mapping[str, bool | float]
    """By tier, where there is a label; a number is P(right)."""
    weight: float = 1.0
    sure: Mapping[str, float] = field(default_factory=dict)
    """The drafts' confidences, by tier."""
    tokens: Mapping[str, float] = field(default_factory=dict)
    """Output tokens of the drafts, by tier."""
    seconds: Mapping[str, float] = field(default_factory=dict)
    """How long the drafts took, by tier."""


class TooLittle(Exception):
    """What lacks, by tier: how many labels in all, right ones and wrong ones."""

    def __init__(self, lacks: Mapping[str, Mapping[str, int]]) -> None:
        self.lacks = lacks
        told = (
            f"{tier} needs {', '.join(f'{more} more {kind}' for kind, more in needs.items())}"
            for tier, needs in lacks.items()
        )
        super().__init__("; ".join(told))


def fit(
    examples: Sequence[Example],
    tiers: Sequence[str],
    *,
    name: str = "difficulty",
    data: str = "",
    seed: int = 0,
    date: str | None = None,
    days: tuple[str, str] | None = None,
) -> Difficulty:
    """Raises TooLittle. The same examples, seed and date give the same numbers. `days`: the first
    and the last one of the ledger's entries that they are."""
    since, until = days or (None, None)
    if lacks := _lacks(examples, tiers):
        raise TooLittle(lacks)
    columns = columns_of(examples, tiers)
    matrix = columns.matrix()
    fold = _folds(columns, seed)
    held = _held(columns, matrix, fold, seed)
    mixes = [_mixed(columns, held, tier) for tier in range(len(tiers))]
    words, inputs, trees, mix = _tables(columns, matrix, mixes, seed)
    document = Document(
        name=name,
        sketch=VERSION,
        tiers=tuple(tiers),
        step_types=KINDS,
        words=words,
        inputs=inputs,
        trees=trees,
        mix=mix,
        links=links_of(
            tiers, np.column_stack([m.held for m in mixes]), columns.right, columns.weight
        ),
        usual={tier: told for tier in tiers if (told := usual_of(examples, tier))},
        spreads=_spreads(examples, tiers, columns, mixes),
        provenance=Provenance(
            data=data or f"{len(examples)} steps",
            data_sha256=_digest(examples),
            since=since,
            until=until,
            rows=len(examples),
            groups=len(np.unique(columns.group)),
            date=date or datetime.now(UTC).date().isoformat(),
            version=__version__,
            seed=seed,
            folds=int(fold.max()) + 1,
            validated={tier: m.validated for tier, m in zip(tiers, mixes, strict=True)},
        ),
    )
    body = document.model_dump_json(exclude={"provenance"}).encode()
    return difficulty_of(document, f"{name}@{hashlib.sha256(body).hexdigest()[:8]}", tiers)


def write_difficulty(path: Path, difficulty: Difficulty) -> None:
    """Raises ConfigError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(difficulty.document.model_dump_json() + "\n", encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written ({error.strerror})") from None


# ---- parts -----------------------------------------------------------------------------------


def _lacks(examples: Sequence[Example], tiers: Sequence[str]) -> dict[str, dict[str, int]]:
    found = {}
    for tier in tiers:
        labels = [float(e.right[tier]) for e in examples if tier in e.right]
        right = sum(labels)
        needs = {
            "labels": LEAST_LABELS - len(labels),
            "right labels": math.ceil(LEAST_EACH - right),
            "wrong labels": math.ceil(LEAST_EACH - (len(labels) - right)),
        }
        if lacks := {kind: more for kind, more in needs.items() if more > 0}:
            found[tier] = lacks
    return found


def _folds(columns: Columns, seed: int) -> Ints:
    return dealt(whole_groups(columns.group, FOLDS), FOLDS, seed)


def _held(columns: Columns, matrix: Any, fold: Ints, seed: int) -> Floats:
    """[steps, tiers, 2], the logits of words and of trees, fitted on the other folds."""
    found = np.zeros((*columns.right.shape, 2))
    for number in range(int(fold.max()) + 1):
        known, rest = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
        basis = basis_of(columns, matrix, known)
        learned, held = (basis.of(columns, matrix, rows) for rows in (known, rest))
        for tier in range(columns.right.shape[1]):
            linear, trees = _fit_tier(columns, learned, known, tier, seed)
            found[rest, tier, 0] = linear.of(held)
            found[rest, tier, 1] = trees.of(columns.inputs[rest])
    return found


def _fit_tier(
    columns: Columns, features: Any, rows: Ints, tier: int, seed: int
) -> tuple[LinearFit, TreesFit]:
    """On those of the rows that have a label; `features` are theirs, in their order."""
    labelled = np.flatnonzero(~np.isnan(columns.right[rows, tier]))
    own = rows[labelled]
    right, weight = columns.right[own, tier], columns.weight[own]
    return (
        fit_linear(features[labelled], right, weight),
        fit_trees(columns.inputs[own], right, weight, seed),
    )


def _mixed(columns: Columns, held: Floats, tier: int) -> Mixed:
    """Fitted where there is a label; what it holds is of every step, NaN without a label."""
    own = np.flatnonzero(~np.isnan(columns.right[:, tier]))
    found = fit_mix(held[own, tier], columns.right[own, tier], columns.weight[own])
    p = np.full(len(columns), np.nan)
    p[own] = found.held
    return replace(found, held=p)


def _tables(
    columns: Columns, matrix: Any, mixes: Sequence[Mixed], seed: int
) -> tuple[Words, Inputs, Trees, tuple[Mix, ...]]:
    """What is fitted on all steps."""
    every = np.arange(len(columns), dtype=np.int64)
    basis = basis_of(columns, matrix, every)
    features = basis.of(columns, matrix, every)
    both = [_fit_tier(columns, features, every, tier, seed) for tier in range(len(mixes))]
    weights = np.column_stack([linear.weights for linear, _ in both])
    known = len(basis.buckets)
    words = Words(
        buckets=packed(basis.buckets, "<u2"),
        rarity=packed(basis.rarity, "<f2"),
        weights=packed(weights[:known], "<f2"),
    )
    inputs = Inputs(
        middle=packed(basis.middle, "<f4"),
        scale=packed(basis.scale, "<f4"),
        weights=packed(OF_INPUTS * weights[known:], "<f4"),
    )
    trees = Trees(
        counts=tuple(len(trees.nodes) for _, trees in both),
        inputs=packed(np.concatenate([t.nodes for _, t in both]), "<u2"),
        thresholds=packed(np.concatenate([t.thresholds for _, t in both]), "<f4"),
        leaves=packed(np.concatenate([t.leaves for _, t in both]), "<f4"),
    )
    mix = tuple(
        Mix(
            intercept=mixed.intercept,
            of_words=mixed.of_words,
            of_trees=mixed.of_trees,
            linear=linear.intercept,
            start=trees.start,
        )
        for mixed, (linear, trees) in zip(mixes, both, strict=True)
    )
    return words, inputs, trees, mix


def _spreads(
    examples: Sequence[Example], tiers: Sequence[str], columns: Columns, mixes: Sequence[Mixed]
) -> dict[str, Spread]:
    found = {}
    for place, tier in enumerate(tiers):
        sure = np.array([e.sure.get(tier, np.nan) for e in examples])
        spread = spread_of(sure, mixes[place].held, columns.right[:, place])
        if spread is not None:
            found[tier] = spread
    return found


def _digest(examples: Sequence[Example]) -> str:
    """SHA-256 of all that is learned from."""
    found = hashlib.sha256()
    for example in examples:
        told = [
            example.step_type.value,
            example.group,
            round(example.weight, 9),
            *(
                sorted((tier, float(value)) for tier, value in by_tier.items())
                for by_tier in (example.right, example.sure, example.tokens, example.seconds)
            ),
        ]
        found.update(json.dumps(told).encode() + example.sketch.to_bytes())
    return found.hexdigest()
