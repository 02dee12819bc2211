"""How sure is this tier of answers that somebody has labelled already? It scores their tokens."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast, get_args, runtime_checkable

from rungwise.lab.calibration.label import Progress, all_of, read_pieces
from rungwise.lab.calibration.recorded import Recorded
from rungwise.lab.lines import Line, read_lines
from rungwise.types import Chat, Message, Piece, Role

__all__ = ["Answered", "Scoring", "read_answers", "score_answers"]


@runtime_checkable
class Scoring(Protocol):
    """A tier that can read an answer which it did not write."""

    async def score(self, chat: Chat, answer: str) -> Sequence[float | None]:
        """The log-probability of each of the answer's tokens. Raises TierError."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """One labelled answer."""

    chat: Chat
    answer: str
    step_type: str
    right: bool
    reference: bool
    group: str | None


def read_answers(path: Path, step_types: Collection[str]) -> list[Answered]:
    """Lines of {"step_type"?, "prompt" or "messages", "answer", "label", "reference"?, "group"?}.
    ConfigError names the line."""
    return [_answered(line, step_types) for line in read_lines(path)]


def _answered(line: Line, step_types: Collection[str]) -> Answered:
    step_type = line.text("step_type", "open_chat")
    if step_type not in step_types:
        known = ", ".join(step_types)
        raise line.fault("step_type", f"no step type {step_type!r:.60}; known: {known}")
    answer = line.text("answer")
    if not answer:
        raise line.fault("answer", "is empty, so there is nothing to score; leave the line out")
    return Answered(
        chat=Chat(messages=_messages(line)),
        answer=answer,
        step_type=step_type,
        right=line.truth("label"),
        reference=line.truth("reference", True),
        group=line.text("group") if line.fields.get("group") is not None else None,
    )


def _messages(line: Line) -> tuple[Message, ...]:
    if ("prompt" in line.fields) == ("messages" in line.fields):
        raise line.fault("prompt", "give either `prompt`, a text, or `messages`, a list")
    if "prompt" in line.fields:
        return (Message(role="user", text=line.text("prompt")),)
    found = line.fields["messages"]
    if not isinstance(found, list) or not found:
        raise line.fault("messages", "must be a list of at least one message")
    return tuple(_message(line, f"messages.{i}", item) for i, item in enumerate(found))


def _message(line: Line, key: str, found: object) -> Message:
    if not isinstance(found, dict):
        raise line.fault(key, "must be an object with `role` and `content`")
    role, content = found.get("role"), found.get("content")
    if role not in get_args(Role):
        raise line.fault(f"{key}.role", f"must be one of {', '.join(get_args(Role))}")
    if not isinstance(content, str):
        raise line.fault(f"{key}.content", "must be a text")
    return Message(role=cast(Role, role), text=content)


async def score_answers(
    tier: Scoring,
    answers: Sequence[Answered],
    signals: Sequence[str],
    *,
    concurrency: int,
    progress: Progress,
) -> list[Recorded | None]:
    """Each answer as if the tier had drafted it; None where nothing could be read."""

    async def one(item: Answered) -> Recorded | None:
        scored = tuple(await tier.score(item.chat, item.answer))
        # which text belongs to which token does not matter where all of it decides
        piece = Piece(text=item.answer, logprobs=scored)
        read = read_pieces(item.chat, [piece], signals)
        if read is None:
            return None
        return Recorded(
            step_type=item.step_type,
            readings=read.readings,
            right=item.right,
            reference=item.reference,
            prefixes=read.prefixes,
            prose=read.prose,
            tokens=read.tokens,
            group=item.group,
        )

    return await all_of(one, answers, concurrency, progress)
