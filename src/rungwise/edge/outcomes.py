"""Was it right? POST /v1/outcomes: what callers say of their answers and tasks afterwards.

| field | says |
|---|---|
| answer, or task | what it is about: an answer's id, or the name that its steps were given |
| right | whether it was right |
| reward | from 0 to 1; right from `outcomes.right_reward` on |
| label | in the caller's own word; right or wrong where `outcomes.labels` knows it |
| corrected | what would have been right: so it was wrong |
| source | caller, unless a program (checker) says so; others are the server's own |
| outcomes | instead of all these: a list of such objects |
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Protocol

from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from rungwise.config import OutcomesConfig
from rungwise.edge.body import BodyLimits, read_body, refuse_other_kinds
from rungwise.edge.door import visit_of
from rungwise.edge.faults import fault_of
from rungwise.edge.reading import Fields, is_long, read_fields, unknown_field
from rungwise.errors import CallerError, UnknownAnswer
from rungwise.ledger.sayings import Heard, Saying
from rungwise.types import Caller, Json, JsonObject, Outcome

__all__ = ["MOST", "Hears", "OutcomeRoutes"]

MOST = 1000
"""In one list."""
LONGEST_ID = 255
LONGEST_MARK = 80
LONGEST_CORRECTION = 64 * 1024


class Hears(Protocol):
    """Where it is written down."""

    async def hear(self, sayings: Sequence[Saying]) -> Sequence[Heard]:
        """What became of each. Raises StoreError."""
        ...


class OutcomeFields(Fields):
    answer: str | None = None
    task: str | None = None
    right: bool | None = None
    reward: Annotated[float, Field(ge=0, le=1)] | None = None
    label: str | None = None
    corrected: str | None = None
    source: Literal["caller", "checker"] = "caller"


class OutcomeList(Fields):
    outcomes: list[dict[str, Any]] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """What the body says, and what is wrong with each part of it."""

    items: Sequence[Saying | CallerError]
    listed: bool


class OutcomeRoutes:
    def __init__(
        self,
        ledger: Hears,
        config: OutcomesConfig,
        *,
        limits: BodyLimits,
        unix: Callable[[], float] = time.time,
    ) -> None:
        self._ledger, self._config, self._limits, self._unix = ledger, config, limits, unix

    async def say(self, request: Request) -> Response:
        """One outcome, or a list of which each has a result of its own. Of what it says twice
        nothing changes; an answer of another caller is as unknown as one that never was, also to
        a key that sees all: that is a right to look."""
        refuse_other_kinds(request.headers)
        body = await read_body(request.headers, request.receive, self._limits)
        visit = visit_of(request)
        if is_long(body):
            read = await asyncio.to_thread(self._read, body, visit.caller)
        else:
            read = self._read(body, visit.caller)
        if not read.listed and isinstance(read.items[0], CallerError):
            raise read.items[0]
        sayings = [item for item in read.items if isinstance(item, Saying)]
        heard = iter(await self._ledger.hear(sayings))
        shown = [
            item if isinstance(item, CallerError) else _found(item, next(heard))
            for item in read.items
        ]
        if not read.listed:
            (only,) = shown
            if isinstance(only, CallerError):
                raise only
            return JSONResponse(only)
        data: list[Json] = [
            _failed(item, visit.id) if isinstance(item, CallerError) else item for item in shown
        ]
        return JSONResponse({"object": "list", "data": data})

    def _read(self, body: bytes, caller: Caller) -> _Read:
        told = read_fields(OutcomeList, body)
        if told.outcomes is None:
            fields = read_fields(OutcomeFields, body)
            return _Read(items=[self._saying(fields, "", caller)], listed=False)
        for key in told.model_extra or ():
            raise CallerError(
                f"{key:.60}: stands in each of the outcomes, not beside them", param=key
            )
        if not 1 <= len(told.outcomes) <= MOST:
            raise CallerError(
                f"outcomes: a list has 1 to {MOST:,}, not {len(told.outcomes):,}", param="outcomes"
            )
        items = [self._item(i, item, caller) for i, item in enumerate(told.outcomes)]
        return _Read(items=items, listed=True)

    def _item(self, place: int, item: Mapping[str, Any], caller: Caller) -> Saying | CallerError:
        """One of a list: what is wrong with it takes no other with it."""
        try:
            fields = read_fields(OutcomeFields, json.dumps(item).encode())
            return self._saying(fields, f"outcomes[{place}].", caller)
        except CallerError as error:
            param = error.param or ""
            if not param.startswith("outcomes["):
                param = f"outcomes[{place}].{param}".rstrip(".")
            return CallerError(error.message, param=param, code=error.code)

    def _saying(self, fields: OutcomeFields, at: str, caller: Caller) -> Saying:
        """Raises CallerError whose `param` is the field."""
        for key in fields.model_extra or ():
            raise unknown_field(at.rstrip("."), key)
        if (fields.answer is None) == (fields.task is None):
            raise CallerError("name one answer, or one task", param=f"{at}answer")
        _check_mark(fields.answer, f"{at}answer", LONGEST_ID)
        _check_mark(fields.task, f"{at}task", LONGEST_MARK)
        _check_mark(fields.label, f"{at}label", LONGEST_MARK)
        if len(fields.corrected or "") > LONGEST_CORRECTION:
            wrong = f"is longer than {LONGEST_CORRECTION:,} characters"
            raise CallerError(f"{at}corrected: {wrong}", param=f"{at}corrected")
        kept = fields.corrected if self._config.keep_corrections else None
        outcome = Outcome(
            right=self._right(fields, at),
            source=fields.source,
            at=self._unix(),
            label=fields.label,
            reward=fields.reward,
            corrected=fields.corrected is not None,
            correction=kept,
            counted=caller.outcomes_count,
        )
        return Saying(
            outcome=outcome,
            answer=fields.answer,
            task=None if fields.task is None else fields.task.strip(),
            by=caller.name,
        )

    def _right(self, fields: OutcomeFields, at: str) -> bool:
        """What all that is said comes to. Raises CallerError where it is nothing, or two things."""
        said: dict[str, bool] = {}
        if fields.right is not None:
            said["right"] = fields.right
        if fields.reward is not None:
            said["reward"] = fields.reward >= self._config.right_reward
        if fields.label is not None and fields.label in self._config.labels:
            said["label"] = self._config.labels[fields.label]
        if fields.corrected is not None:
            said["corrected"] = False
        if not said:
            known = ", ".join(sorted(self._config.labels)) or "none"
            raise CallerError(
                "nothing says whether it was right: give right, reward, corrected, or a label "
                f"that outcomes.labels knows ({known:.200})",
                param=f"{at}right",
            )
        first, *others = said
        for other in others:
            if said[other] is not said[first]:
                words = {True: "right", False: "wrong"}
                raise CallerError(
                    f"{at}{first} says {words[said[first]]}, {at}{other} says {words[said[other]]}",
                    param=f"{at}{other}",
                    code="contradictory_outcome",
                )
        return said[first]


def _check_mark(told: str | None, param: str, longest: int) -> None:
    if told is not None and not (told.strip() and len(told) <= longest and told.isprintable()):
        raise CallerError(f"{param}: has 1 to {longest} printable characters", param=param)


def _found(saying: Saying, heard: Heard) -> JsonObject | CallerError:
    if not heard.known:
        what, id = ("answer", saying.answer) if saying.task is None else ("task", saying.task)
        return UnknownAnswer(f"no {what} {id!r:.80}", param=what, code=f"{what}_not_found")
    return {
        "id": saying.answer if saying.task is None else saying.task,
        "object": "outcome",
        "of": "answer" if saying.task is None else "task",
        "right": saying.outcome.right,
        "source": saying.outcome.source,
        "counted": heard.counted,
        "changed": heard.changed,
    }


def _failed(error: CallerError, id: str) -> JsonObject:
    told: JsonObject = json.loads(fault_of(error, id).body)
    return {"object": "error", **told}
