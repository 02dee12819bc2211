"""What did every rung answer to the same steps? A file of the house's, or one of the public sets.

Which one it is is known by its fields: RouteLLM's have `weak_correct`, those made from ZeroEval and
MMLU-Pro have `correct` by model, the house's own have `tiers` (see lab/ladders/lines.py).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from rungwise.errors import ConfigError
from rungwise.lab.ladders.lines import row_of, write_ladder
from rungwise.lab.ladders.rows import RecordedLadder, Result, Row
from rungwise.lab.lines import Line, read_lines
from rungwise.types import StepType

__all__ = [
    "CHARACTERS_PER_TOKEN",
    "RecordedLadder",
    "Result",
    "Row",
    "read_ladder",
    "write_ladder",
]

CHARACTERS_PER_TOKEN = 4
"""Where only characters were recorded: about what English takes."""
ROUTELLM = ("mixtral-8x7b-instruct", "gpt-4-1106-preview")
"""Whose answers RouteLLM's evaluation files hold, weak and strong."""
_NUMBER = re.compile(r"\d[\d,.]*")


def read_ladder(path: Path, ladder: Sequence[str] | None = None) -> RecordedLadder:
    """Every line of the file; `ladder` names the rungs, lowest first, where the file has others
    too or another order. ConfigError names line and key."""
    lines = read_lines(path)
    first = next(lines)
    read = _reader(first)
    tiers = tuple(ladder or read.default(first))
    if len(tiers) < 2 and not ladder:
        raise first.fault("tiers", "has fewer than two rungs; record at least two of each step")
    if len(tiers) < 2 or len(set(tiers)) < len(tiers):
        raise ConfigError(f"--ladder: two rungs at least, each once, not {', '.join(tiers)}")
    rows = [read.row(line, tiers) for line in _again(first, lines)]
    kept = tuple(row for row in rows if row is not None)
    if not kept:
        raise first.fault("correct", f"no line has all of {', '.join(tiers)}; choose other rungs")
    left_out = len(rows) - len(kept)
    told = f"{left_out} of {len(rows)} steps, which not every rung answered, are left out"
    return RecordedLadder(
        name=path.name.split(".")[0],
        source=path.name,
        tiers=tiers,
        rows=kept,
        notes=((told,) if left_out else ()) + read.notes,
    )


def _again(first: Line, rest: Iterator[Line]) -> Iterator[Line]:
    yield first
    yield from rest


class _Reader:
    """How one kind of file is read."""

    def __init__(
        self,
        row: Callable[[Line, Sequence[str]], Row | None],
        default: Callable[[Line], Sequence[str]],
        notes: tuple[str, ...] = (),
    ) -> None:
        self.row, self.default, self.notes = row, default, notes


def _reader(first: Line) -> _Reader:
    if "tiers" in first.fields:
        return _Reader(row_of, lambda line: tuple(line.object("tiers")))
    if "weak_correct" in first.fields:
        if "subject" in first.fields:
            return _Reader(_pair, lambda line: ROUTELLM)
        note = "grouped by the prompt without its numbers"
        return _Reader(_pair, lambda line: ROUTELLM, (note,))
    if isinstance(first.fields.get("correct"), dict):
        return _Reader(_many, _needs_ladder)
    raise first.fault("tiers", "is missing; add an object: what each rung made of the step")


def _pair(line: Line, ladder: Sequence[str]) -> Row:
    """A line of RouteLLM's: one weak and one strong model."""
    told = {ROUTELLM[0]: "weak", ROUTELLM[1]: "strong"}
    for name in ladder:
        if name not in told:
            raise ConfigError(f"--ladder: no rung {name!r} in {line.place}; {', '.join(told)}")
    prompt = line.text("prompt")
    return Row(
        id=line.text("id"),
        group=line.text("subject", _without_numbers(prompt)),
        step_type=_step_type(line),
        prompt=prompt,
        tiers={
            name: Result(
                correct=line.truth(f"{told[name]}_correct"),
                output_tokens=_tokens(line.text(f"{told[name]}_response", "")),
            )
            for name in ladder
        },
    )


def _many(line: Line, ladder: Sequence[str]) -> Row | None:
    """A line of ZeroEval's or MMLU-Pro's: many models; None where one of the ladder is missing."""
    correct = line.object("correct")
    if any(name not in correct for name in ladder):
        return None
    marks = Line(place=f"{line.place}: correct", fields=correct)
    sizes = line.numbers("out_chars", ladder) if line.fields.get("out_chars") else {}
    return Row(
        id=line.text("id"),
        group=line.text("category", line.text("task", "")) or line.text("id"),
        step_type=_step_type(line),
        prompt=line.text("prompt"),
        tiers={
            name: Result(
                correct=marks.truth(name),
                output_tokens=_count(sizes[name]) if name in sizes else None,
            )
            for name in ladder
        },
    )


def _step_type(line: Line) -> str:
    """Questions of these sets want thought; none of them says so itself."""
    return line.text("step_type", StepType.MULTI_STEP_REASONING.value)


def _needs_ladder(line: Line) -> Sequence[str]:
    here = ", ".join(line.object("correct"))
    raise ConfigError(f"--ladder: {line.place} has many models; name some, lowest first: {here}")


def _without_numbers(prompt: str) -> str:
    return " ".join(_NUMBER.sub("#", prompt).split())


def _tokens(text: str) -> int | None:
    return _count(len(text)) if text else None


def _count(characters: float) -> int:
    return max(1, round(characters / CHARACTERS_PER_TOKEN))
