"""What is learnt from: each rung's label of a recorded step, one rung's of a ledger's entry."""

from dataclasses import replace

import pytest

from rungwise.lab.ladders.rows import RecordedLadder, Result, Row
from rungwise.lab.training.examples import FAR, Examples, of_entries, of_ladder
from rungwise.policy.sketch import sketch_of
from rungwise.types import (
    Attempt,
    AttemptState,
    Chat,
    Confidence,
    Entry,
    Message,
    Outcome,
    StepType,
    Usage,
)

TIERS = ("low", "high")


def nothing() -> None: ...


def attempt(
    tier: str,
    state: AttemptState = "released",
    *,
    p: float | None = None,
    threshold: float | None = 0.8,
) -> Attempt:
    return Attempt(
        tier=tier,
        model="m",
        state=state,
        reason="",
        usage=Usage(),
        cost_nano=0,
        started_s=0.0,
        first_piece_s=None,
        ended_s=1.0,
        confidence=None if p is None else Confidence(probability=p, calibration="c"),
        threshold=threshold,
    )


def sketch(text: str = "What is it?") -> bytes:
    return sketch_of(Chat(messages=(Message(role="user", text=text),))).to_bytes()


def entry(*attempts: Attempt, right: bool | None = True, text: str = "What is it?") -> Entry:
    return Entry(
        id="a",
        at=0.0,
        caller="c",
        route="auto",
        step_type=StepType.PLANNING,
        plan_why="",
        attempts=attempts,
        state="answered",
        first_byte_s=None,
        latency_s=1.0,
        outcome=None if right is None else Outcome(right=right),
        conversation="talk",
        sketch=sketch(text),
    )


def of(*entries: Entry, most: int = 100) -> Examples:
    return of_entries(entries, TIERS, nothing, most)


def test_an_answer_labels_the_rung_that_wrote_it() -> None:
    (item,) = of(entry(attempt("low"), right=False)).items
    assert item.right == {"low": False} and item.step_type == StepType.PLANNING
    assert item.sketch.to_bytes() == sketch()


def test_a_refused_draft_has_its_confidence_as_a_soft_label() -> None:
    (item,) = of(entry(attempt("low", "abandoned", p=0.6), attempt("high"))).items
    assert item.right == {"low": 0.6, "high": True}
    assert isinstance(item.right["low"], float) and item.right["high"] is True


@pytest.mark.parametrize(("p", "threshold"), [(0.9, 0.8), (None, None), (0.9, None)])
def test_a_draft_that_a_check_refused_counts_as_wrong(
    p: float | None, threshold: float | None
) -> None:
    refused = attempt("low", "abandoned", p=p, threshold=threshold)
    (item,) = of(entry(refused, attempt("high"))).items
    assert item.right == {"low": 0.0, "high": True}


@pytest.mark.parametrize("state", ["failed", "outrun", "spilled", "cancelled"])
def test_a_draft_that_nobody_judged_has_no_label(state: AttemptState) -> None:
    (item,) = of(entry(attempt("low", state, p=0.5), attempt("high"))).items
    assert item.right == {"high": True}


def test_a_draft_that_could_not_be_read_has_no_label() -> None:
    (item,) = of(entry(attempt("low", "abandoned", p=None), attempt("high"))).items
    assert item.right == {"high": True}


def test_evidence_on_a_draft_is_no_draft() -> None:
    asked = replace(attempt("high", "asked", p=0.1), role="judge")
    (item,) = of(entry(asked, attempt("low"))).items
    assert item.right == {"low": True}


@pytest.mark.parametrize(
    ("unfit", "why"),
    [
        (entry(attempt("low"), right=None), "have no outcome"),
        (replace(entry(attempt("low")), sketch=None), "no sketch (routing.keep_sketches)"),
        (replace(entry(attempt("low")), sketch=b"junk"), "a sketch of another version"),
        (entry(attempt("low", "recalled")), "not drafted and read to the end"),
        (entry(attempt("low", "left")), "not drafted and read to the end"),
        (replace(entry(), state="exhausted"), "not drafted and read to the end"),
        (entry(attempt("other")), "a rung that is not in the ladder"),
    ],
)
def test_what_teaches_nothing_is_counted_and_named(unfit: Entry, why: str) -> None:
    found = of(unfit, entry(attempt("low")), unfit)
    assert len(found.items) == 1
    note, selected = found.notes
    assert "labels are selected" in selected
    assert note.startswith("2 entries ") and why in note


def test_an_answer_of_a_rung_that_is_seldom_labelled_weighs_more() -> None:
    labelled, not_labelled = entry(attempt("low")), entry(attempt("low"), right=None)
    climbed = entry(attempt("high"))
    found = of(labelled, not_labelled, climbed, climbed)
    weights = [item.weight for item in found.items]
    assert weights[0] == pytest.approx(2 * weights[1]) and sum(weights) > 3 * weights[1]
    total = sum(weights)
    assert total * (weights[0] / total) == pytest.approx(3 / 4 * 2)
    assert "low 1.50, high" in found.notes[1] or "high 0.75, low 1.50" in found.notes[1]


def test_no_weight_is_far_from_one() -> None:
    rare = [entry(attempt("low"), right=None)] * 200
    found = of(*rare, entry(attempt("low")), *[entry(attempt("high"))] * 200, most=999)
    assert [item.weight for item in found.items[:2]] == [FAR, pytest.approx(0.5, abs=0.01)]


def test_a_long_ledger_gives_its_latest_labels() -> None:
    entries = [entry(attempt("low"), text=f"question {'x' * n}") for n in range(9)]
    found = of(*entries, most=4)
    assert [item.sketch.to_bytes() for item in found.items] == [e.sketch for e in entries[-4:]]
    assert "the 5 oldest labelled entries are left out" in found.notes
    assert found.source == "ledger, 4 labelled of 9 entries"


TEMPLATE = "Extract the city and the day from this letter: we meet in Rome on {} of May, at noon."
OTHERS = ("Name the colours of the flag.", "Prove that there is no largest prime number at all.")


def groups_of(*told: tuple[str, str]) -> tuple[list[str], tuple[str, ...]]:
    """Of entries with a text and a conversation."""
    found = of(*(replace(entry(attempt("low"), text=t), conversation=c) for t, c in told))
    return [item.group for item in found.items], found.notes


def test_what_is_nearly_the_same_text_is_one_group_whatever_its_conversation() -> None:
    groups, _ = groups_of(*((TEMPLATE.format(n), f"talk {n}") for n in range(9)))
    assert len(set(groups)) == 1


def test_a_conversation_is_one_group_and_so_is_what_it_joins() -> None:
    told = [(TEMPLATE.format(1), "a"), (OTHERS[0], "a"), (TEMPLATE.format(2), "b")]
    groups, _ = groups_of(*told, *((f"{word} " * 5, word) for word in ("x", "yy", "zzz")))
    assert len(set(groups[:3])) == 1 and len(set(groups)) == 4


def test_conversations_that_would_join_most_steps_do_not_count_and_that_is_told() -> None:
    texts = (TEMPLATE, *OTHERS)
    groups, notes = groups_of(*((text.format(n), f"talk {n}") for n in range(4) for text in texts))
    assert len(set(groups)) == 3 and groups[0] == groups[3]
    assert "conversations would join 12 of 12 steps" in notes[0]


def test_the_days_of_a_ledger_go_with_its_examples() -> None:
    one = entry(attempt("low"))
    assert of(replace(one, at=86_400.0), one).days == ("1970-01-01", "1970-01-02")
    assert of().days is None


def row(id: str, group: str, prompt: str, *right: bool, step_type: str = "planning") -> Row:
    results = {name: Result(correct=r) for name, r in zip(TIERS, right, strict=True)}
    return Row(id=id, group=group, step_type=step_type, prompt=prompt, tiers=results)


def recorded(*rows: Row) -> Examples:
    notes = ("2 steps are left out",)
    return of_ladder(RecordedLadder(name="r", tiers=TIERS, rows=rows, notes=notes), nothing)


def test_a_recorded_step_labels_every_rung() -> None:
    found = recorded(row("1", "algebra", "What is x?", False, True))
    (item,) = found.items
    assert item.right == {"low": False, "high": True} and item.weight == 1.0
    assert item.group == "algebra" and item.step_type == StepType.PLANNING
    assert found.notes == ("2 steps are left out",) and found.tiers == TIERS


def test_a_step_type_that_is_none_of_ours_is_open_chat() -> None:
    (item,) = recorded(row("1", "g", "x", True, True, step_type="riddles")).items
    assert item.step_type == StepType.OPEN_CHAT


def test_steps_without_a_group_are_grouped_with_those_nearly_the_same() -> None:
    text = "A train leaves the station at {} o'clock and travels {} miles; how fast was it then?"
    texts = [text.format(1, 20), "Name the colours of the flag of France.", text.format(7, 35)]
    found = recorded(*(row(str(n), str(n), told, True, True) for n, told in enumerate(texts)))
    groups = [item.group for item in found.items]
    assert groups[0] == groups[2] != groups[1]


def test_what_was_recorded_of_a_draft_goes_with_it() -> None:
    told = Result(correct=True, confidence=0.7, output_tokens=12, latency_ms=250.0)
    step = row("1", "g", "x", True, True)
    (item,) = recorded(replace(step, tiers={**step.tiers, "low": told})).items
    assert (item.sure, item.tokens, item.seconds) == ({"low": 0.7}, {"low": 12}, {"low": 0.25})


def test_only_a_draft_that_was_given_out_says_what_a_draft_uses() -> None:
    refused = attempt("low", "abandoned", p=0.6)
    given = replace(attempt("high", p=0.9), usage=Usage(output=7), started_s=1.0, ended_s=3.5)
    (item,) = of(entry(refused, given)).items
    assert item.sure == {"low": 0.6, "high": 0.9}
    assert (item.tokens, item.seconds) == ({"high": 7}, {"high": 2.5})
