"""Trees are carried over to tables that say the same."""

import numpy as np
import pytest

from rungwise.lab.predictors.trees import fit_trees


def test_the_tables_say_what_sklearns_trees_say() -> None:
    from sklearn.ensemble import GradientBoostingClassifier

    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(600, 6)).astype(np.float16).astype(np.float32)
    right = (inputs[:, 0] * inputs[:, 1] + rng.normal(size=600) > 0).astype(np.float64)
    found = fit_trees(inputs, right, np.ones(600), seed=3)
    model = GradientBoostingClassifier(
        n_estimators=80,
        learning_rate=0.05,
        max_depth=3,
        min_samples_leaf=15,
        subsample=0.5,
        max_features=0.3,
        random_state=3,
    )
    rows = np.concatenate((np.flatnonzero(right > 0), np.flatnonzero(right < 1)))
    model.fit(inputs[rows], right[rows] > 0, sample_weight=np.ones(600))
    assert found.of(inputs) == pytest.approx(model.decision_function(inputs), abs=1e-4)
    assert np.corrcoef(found.of(inputs), inputs[:, 0] * inputs[:, 1])[0, 1] > 0.4


def test_a_tree_that_is_less_deep_on_one_side_is_filled_up() -> None:
    """Few rows allow few cuts."""
    inputs = np.arange(40, dtype=np.float32)[:, None]
    right = (inputs[:, 0] > 19).astype(np.float64)
    found = fit_trees(inputs, right, np.ones(40), seed=0)
    p = found.of(inputs)
    assert found.nodes.shape[1:] == (7,) and found.leaves.shape[1:] == (8,)
    assert (found.thresholds == np.finfo(np.float32).max).any()
    assert p[:15].max() < p[25:].min()


def test_labels_of_one_kind_give_a_constant() -> None:
    found = fit_trees(np.zeros((5, 2), np.float32), np.ones(5), np.ones(5), seed=0)
    assert len(found.nodes) == 0
    assert found.of(np.zeros((3, 2), np.float32)) == pytest.approx([np.log(5.5 / 0.5)] * 3)
