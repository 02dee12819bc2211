"""Do plain traits say how hard a step is? Gradient-boosted trees, three deep."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from rungwise.lab.calibration.readings import Floats, Ints
from rungwise.lab.predictors.columns import Singles, votes
from rungwise.lab.predictors.logistic import constant
from rungwise.policy.difficulty_file import LEAVES, NODES

__all__ = ["TreesFit", "fit_trees"]

TREES = 80
RATE = 0.05
FEWEST = 30
"""Steps in a leaf; of a smaller sample a fortieth."""
NEVER = float(np.finfo(np.float32).max)
"""No input is above it: a node that has it goes left."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TreesFit:
    """Complete trees: see policy/difficulty_file.py."""

    start: float
    nodes: Ints
    """[trees, NODES]"""
    thresholds: Singles
    leaves: Singles
    """[trees, LEAVES]"""

    def of(self, inputs: Singles) -> Floats:
        """[rows], logits."""
        found = np.full(len(inputs), self.start)
        each = np.arange(len(inputs))
        for nodes, thresholds, leaves in zip(self.nodes, self.thresholds, self.leaves, strict=True):
            right = (inputs[:, nodes] > thresholds).astype(np.int64)
            place = right[:, 0]
            place = 2 * place + right[each, 1 + place]
            place = 2 * place + right[each, 3 + place]
            found += leaves[place]
        return found


def fit_trees(inputs: Singles, right: Floats, weight: Floats, seed: int) -> TreesFit:
    """Labels of one kind only give a constant."""
    from sklearn.ensemble import GradientBoostingClassifier

    rows, labels, weights = votes(right, weight)
    if labels.all() or not labels.any():
        return _no_trees(constant(right, weight))
    model = GradientBoostingClassifier(
        n_estimators=TREES,
        learning_rate=RATE,
        max_depth=3,
        min_samples_leaf=max(5, min(FEWEST, len(right) // 40)),
        subsample=0.5,
        max_features=0.3,
        random_state=seed,
    )
    model.fit(inputs[rows], labels, sample_weight=weights)
    trees = [_complete(tree.tree_) for tree in model.estimators_[:, 0]]
    found = TreesFit(
        start=0.0,
        nodes=np.array([nodes for nodes, _, _ in trees], np.int64),
        thresholds=np.array([thresholds for _, thresholds, _ in trees], np.float32),
        leaves=np.array([leaves for _, _, leaves in trees], np.float32),
    )
    first = float(model.decision_function(inputs[:1])[0] - found.of(inputs[:1])[0])
    return TreesFit(
        start=first, nodes=found.nodes, thresholds=found.thresholds, leaves=found.leaves
    )


def _no_trees(start: float) -> TreesFit:
    return TreesFit(
        start=start,
        nodes=np.zeros((0, NODES), np.int64),
        thresholds=np.zeros((0, NODES), np.float32),
        leaves=np.zeros((0, LEAVES), np.float32),
    )


def _complete(tree: Any) -> tuple[list[int], list[float], list[float]]:
    """Inputs, thresholds and leaves of a tree that is made complete: below a leaf that stands
    higher up, every way leads to its value."""
    nodes, thresholds, level = [], [], [0]
    for _ in range(3):
        below = []
        for place in level:
            leaf = tree.children_left[place] < 0
            nodes.append(0 if leaf else int(tree.feature[place]))
            thresholds.append(NEVER if leaf else float(tree.threshold[place]))
            below += (
                [place, place] if leaf else [tree.children_left[place], tree.children_right[place]]
            )
        level = below
    return nodes, thresholds, [RATE * float(tree.value[place].ravel()[0]) for place in level]
