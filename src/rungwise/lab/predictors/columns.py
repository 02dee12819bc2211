"""What do the examples look like as arrays? One row a step, one column a tier."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rungwise.lab.calibration.readings import Floats, Ints
from rungwise.policy.difficulty_file import BOUND
from rungwise.policy.sketch import BUCKETS
from rungwise.types import StepType

if TYPE_CHECKING:
    from rungwise.lab.training.fit import Example

__all__ = ["KINDS", "Basis", "Columns", "Singles", "basis_of", "columns_of", "votes"]

Singles = NDArray[np.float32]

KINDS = tuple(StepType)
MOST_BUCKETS = 1 << 14
"""Those that the most steps have; more of them foresee no better and make the file larger."""
FEWEST_ROWS = 2
"""A bucket of one step says nothing about another."""
OF_INPUTS = 0.1
"""How large a scaled input is beside the words of a step, whose values are of size 1 together."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Columns:
    starts: Ints
    """[steps + 1], where each step's buckets begin."""
    buckets: Ints
    counts: Floats
    """[all buckets], 1 + log(count)."""
    inputs: Singles
    """[steps, inputs]: traits, then one for each step type."""
    right: Floats
    """[steps, tiers], P(right), NaN where there is no label."""
    weight: Floats
    group: Ints
    """[steps]"""

    def __len__(self) -> int:
        return len(self.weight)

    def matrix(self) -> Any:
        """[steps, BUCKETS], sparse."""
        from scipy.sparse import csr_matrix

        places = (self.buckets.astype(np.int32), self.starts.astype(np.int32))
        return csr_matrix((self.counts, *places), shape=(len(self), BUCKETS))


def columns_of(examples: Sequence[Example], tiers: Sequence[str]) -> Columns:
    sketches = [example.sketch for example in examples]
    kinds = np.eye(len(KINDS), dtype=np.float32)[[KINDS.index(e.step_type) for e in examples]]
    right = [[float(e.right.get(tier, np.nan)) for tier in tiers] for e in examples]
    groups = np.unique(np.array([e.group for e in examples]), return_inverse=True)[1]
    return Columns(
        starts=np.cumsum([0, *(len(sketch.buckets) for sketch in sketches)]),
        buckets=np.concatenate([sketch.buckets for sketch in sketches]).astype(np.int64),
        counts=1 + np.log(np.concatenate([sketch.counts for sketch in sketches]), dtype=np.float64),
        inputs=np.hstack((np.stack([sketch.traits for sketch in sketches]), kinds)),
        right=np.array(right).reshape(len(examples), len(tiers)),
        weight=np.array([example.weight for example in examples], np.float64),
        group=groups.astype(np.int64),
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Basis:
    """Which buckets are known, and how inputs are scaled: of some steps, whatever their labels."""

    buckets: Ints
    """[known], rising."""
    rarity: Floats
    """[known]"""
    middle: Singles
    scale: Singles
    """[inputs]"""

    def of(self, columns: Columns, matrix: Any, rows: Ints) -> Any:
        """[rows, known + inputs], sparse: what the linear predictor is fitted on."""
        from scipy.sparse import diags, hstack

        values = matrix[rows][:, self.buckets] @ diags(self.rarity)
        sizes = np.sqrt(np.asarray(values.multiply(values).sum(axis=1)).ravel())
        scaled = (columns.inputs[rows] - self.middle) / self.scale
        bounded = OF_INPUTS * np.clip(scaled, -BOUND, BOUND)
        return hstack((diags(1 / np.maximum(sizes, 1e-9)) @ values, bounded)).tocsr()


def basis_of(columns: Columns, matrix: Any, rows: Ints) -> Basis:
    having = np.bincount(matrix[rows].indices, minlength=BUCKETS)
    most = np.argsort(-having, kind="stable")[:MOST_BUCKETS]
    known = np.sort(most[having[most] >= FEWEST_ROWS])
    rarity = 1 + np.log((1 + len(rows)) / (1 + having[known]))
    inputs = columns.inputs[rows].astype(np.float64)
    scale = inputs.std(axis=0)
    return Basis(
        buckets=known.astype(np.int64),
        rarity=rarity.astype(np.float16).astype(np.float64),
        middle=inputs.mean(axis=0).astype(np.float32),
        scale=np.where(scale > 1e-6, scale, 1.0).astype(np.float32),
    )


def votes(right: Floats, weight: Floats) -> tuple[Ints, NDArray[np.bool_], Floats]:
    """Rows, labels and weights: a P between 0 and 1 is a vote for either, each with its share."""
    yes, no = np.flatnonzero(right > 0), np.flatnonzero(right < 1)
    rows = np.concatenate((yes, no))
    labels = np.arange(len(rows)) < len(yes)
    weights = np.concatenate((weight[yes] * right[yes], weight[no] * (1 - right[no])))
    return rows.astype(np.int64), labels, weights
