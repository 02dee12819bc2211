"""The pure router, by what is foreseen and by what came out."""

from rungwise.lab.routing.parts import parts_of
from rungwise.lab.routing.policies.router import Oracle, PureRouter
from rungwise.lab.routing.policies.walk import Worth
from tests.lab.foretold import ByType, columns

COLUMNS = columns(300)
(PART,) = parts_of(COLUMNS, ByType, train=columns(300, seed=1), count=5, seed=0)
KINDS = [row.step_type for row in COLUMNS.rows]


def test_where_a_right_answer_is_worth_little_the_cheapest_rung_answers() -> None:
    (walk,) = PureRouter().walks(PART, [Worth(right_usd=1e-6)])
    assert (walk.answered == 0).all()


def test_each_step_goes_where_it_is_foreseen_to_pay_most() -> None:
    (walk,) = PureRouter().walks(PART, [Worth(right_usd=0.003)])
    found = {kind: walk.answered[[k == kind for k in KINDS]] for kind in set(KINDS)}
    assert (found["classification"] == 0).all() and (found["planning"] == 1).all()
    assert (walk.asked.sum(axis=1) == 1).all()


def test_a_second_that_costs_speaks_for_the_quicker_rung() -> None:
    dear = Worth(right_usd=0.003, second_usd=100.0)
    (walk,) = PureRouter().walks(PART, [dear])
    assert (walk.answered == 0).all(), "the lowest rung is the quickest here"


def test_the_oracle_pays_for_no_rung_that_does_not_get_it_right() -> None:
    (walk,) = Oracle().walks(PART, [Worth(right_usd=10.0)])
    for step, rung in enumerate(walk.answered.tolist()):
        right = COLUMNS.right[step]
        assert rung == (right.argmax() if right.any() else 0)
