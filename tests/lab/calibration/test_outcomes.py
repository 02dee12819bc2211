"""Which drafts of a ledger carry a label, and which do not?"""

from dataclasses import replace

from rungwise.lab.calibration.outcomes import Labels, of_ledger
from rungwise.types import Attempt, Entry, Outcome, Reading, StepType, Usage

RELEASED = Attempt(
    tier="tier1",
    model="m",
    state="released",
    reason="not judged",
    usage=Usage(),
    cost_nano=0,
    started_s=0,
    first_piece_s=0.1,
    ended_s=0.2,
    readings=(Reading(signal="mean_logprob", value=-0.5), Reading(signal="min_logprob", value=-2)),
)


def entry(*attempts: Attempt, right: bool | None = True) -> Entry:
    return Entry(
        id="e",
        at=0,
        caller="c",
        route="auto",
        step_type=StepType.PLANNING,
        plan_why="",
        attempts=attempts,
        state="answered",
        first_byte_s=None,
        latency_s=0.2,
        outcome=None if right is None else Outcome(right=right),
    )


def test_a_released_draft_with_an_outcome_is_a_label() -> None:
    labels = of_ledger([entry(RELEASED, right=False)], "tier1", ["min_logprob"])
    (found,) = labels.items
    assert not found.right and found.step_type == "planning" and labels.unread == 0
    assert found.readings == {"min_logprob": -2}


def test_others_say_nothing_of_this_tier() -> None:
    entries = [
        entry(RELEASED, right=None),
        entry(replace(RELEASED, tier="tier2")),
        entry(replace(RELEASED, role="judge", state="asked")),
        entry(replace(RELEASED, threshold=0.9)),  # let go by a gate: it says nothing of the rest
        *(entry(replace(RELEASED, state=s)) for s in ("abandoned", "failed", "left", "cancelled")),  # type: ignore[arg-type]
    ]
    assert of_ledger(entries, "tier1", ["min_logprob"]) == Labels(items=[])


def test_a_draft_without_all_readings_is_counted_and_left_out() -> None:
    unread = of_ledger([entry(RELEASED)], "tier1", ["min_logprob", "self_check"])
    assert unread == Labels(items=[], unread=1)


def test_no_key_gives_more_than_its_share_of_a_step_types_labels() -> None:
    one, other = entry(RELEASED), replace(entry(RELEASED, right=False), caller="d")
    labels = of_ledger([*[one] * 9, *[other] * 2], "tier1", ["min_logprob"])
    assert labels.dropped == 7 and [item.right for item in labels.items] == [True] * 2 + [False] * 2
    whole = of_ledger([*[one] * 9, *[other] * 2], "tier1", ["min_logprob"], most_share=1.0)
    assert whole.dropped == 0 and len(whole.items) == 11
