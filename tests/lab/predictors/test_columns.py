"""Examples become arrays; rare words weigh more; a soft label is a vote for either."""

import numpy as np
import pytest

from rungwise.lab.predictors.columns import basis_of, columns_of, votes
from rungwise.lab.predictors.logistic import fit_linear
from rungwise.lab.training.fit import Example
from rungwise.policy.sketch import TRAITS, sketch_of
from rungwise.types import Chat, Message, StepType


def example(text: str, right: float = 1.0, group: str = "g") -> Example:
    return Example(
        sketch=sketch_of(Chat(messages=(Message(role="user", text=text),))),
        step_type=StepType.PLANNING,
        group=group,
        right={"t1": right},
    )


def test_what_is_not_labelled_is_nan_and_groups_are_numbered() -> None:
    columns = columns_of([example("a", 0.25, "x"), example("b", 1.0, "y")], ("t1", "t2"))
    assert columns.right[:, 0].tolist() == [0.25, 1.0] and np.isnan(columns.right[:, 1]).all()
    assert columns.group.tolist() == [0, 1]
    kinds = columns.inputs[:, len(TRAITS) :]
    assert kinds.sum(axis=1).tolist() == [1, 1]
    assert kinds[:, list(StepType).index(StepType.PLANNING)].tolist() == [1, 1]


def test_a_word_of_one_step_is_not_known_and_a_common_one_weighs_less() -> None:
    columns = columns_of([example("the cat"), example("the dog"), example("the cat")], ("t1",))
    matrix, every = columns.matrix(), np.arange(3)
    basis = basis_of(columns, matrix, every)
    assert len(basis.buckets) == 3  # the, cat, "the cat"
    assert sorted(set(basis.rarity.tolist()))[0] == 1.0
    features = basis.of(columns, matrix, every)
    words = features[:, :3]
    assert np.sqrt(words.multiply(words).sum(axis=1)).ravel().tolist()[0] == pytest.approx(
        [1.0] * 3
    )


def test_only_the_rows_that_are_given_are_looked_at() -> None:
    columns = columns_of([example("cat"), example("cat"), example("dog"), example("dog")], ("t1",))
    basis = basis_of(columns, columns.matrix(), np.array([0, 1]))
    assert len(basis.buckets) == 1


def test_a_soft_label_is_a_vote_for_either() -> None:
    rows, labels, weights = votes(np.array([1.0, 0.0, 0.25]), np.array([1.0, 1.0, 2.0]))
    assert list(zip(rows.tolist(), labels.tolist(), weights.tolist(), strict=True)) == [
        (0, True, 1.0),
        (2, True, 0.5),
        (1, False, 1.0),
        (2, False, 1.5),
    ]


def test_labels_of_one_kind_give_a_constant() -> None:
    fitted = fit_linear(np.zeros((4, 2)), np.zeros(4), np.ones(4))
    assert fitted.of(np.ones((1, 2))).tolist() == [pytest.approx(np.log(0.5 / 4.5))]
