"""What stopping early saved and what it cost in judgement, on steps made by hand."""

from collections.abc import Sequence

import pytest

from rungwise.lab.bench.abort import Twice, abort_figures


def twice(
    right: bool, whole_p: float, early_p: float, *, climbed: bool = False, early: int = 100
) -> Twice:
    return Twice(
        step_type="planning",
        right=right,
        whole_tokens=100,
        whole_p=whole_p,
        early_tokens=early,
        early_p=early_p,
        escalated=climbed,
        would_escalate=whole_p < 0.5,
    )


SURE = [twice(True, 0.9, 0.9)] * 30
STOPPED = [twice(False, 0.1, 0.2, climbed=True, early=40)] * 20


def told(steps: Sequence[Twice]) -> dict[str, object]:
    return dict(abort_figures(steps))


def test_the_saving_is_of_the_tokens_of_escalated_drafts() -> None:
    found = told([*SURE, *STOPPED])
    assert (found["count"], found["escalated"]) == (50, 20)
    assert found["tokens_saved_share"] == pytest.approx(0.6)
    assert found["tokens_saved_share_interval"] == pytest.approx([0.6, 0.6])
    late = told([*SURE, *STOPPED, twice(False, 0.1, 0.1, climbed=True)])
    assert late["tokens_saved_share"] == pytest.approx(1 - 900 / 2100)


def test_judgement_is_lost_where_a_stop_ranks_a_right_draft_low() -> None:
    kept = told([*SURE, *STOPPED])
    assert (kept["auroc_end"], kept["auroc_early"], kept["auroc_lost"]) == (1.0, 1.0, 0.0)
    given_up = [twice(True, 0.8, 0.1, climbed=True, early=20)] * 10
    found = told([*SURE, *STOPPED, *given_up])
    assert found["auroc_end"] == 1.0 and found["auroc_early"] == pytest.approx(0.75)
    assert found["auroc_lost"] == pytest.approx(0.25)
    low, high = found["auroc_lost_interval"]  # type: ignore[misc]
    assert 0.1 < low < 0.25 < high < 0.4
    assert found["given_up_though_it_would_pass"] == pytest.approx(10 / 60)


def test_the_same_seed_gives_the_same_intervals() -> None:
    steps = [*SURE, *STOPPED, *(twice(i % 3 > 0, 0.5, i / 40) for i in range(40))]
    assert abort_figures(steps, seed=3) == abort_figures(steps, seed=3)
    assert abort_figures(steps, seed=3) != abort_figures(steps, seed=4)


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        (SURE, "no draft was escalated"),
        ([], "no draft was escalated"),
        (STOPPED, "all drafts are right, or all are wrong"),
    ],
)
def test_what_cannot_be_told_is_an_error(steps: list[Twice], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        abort_figures(steps)
