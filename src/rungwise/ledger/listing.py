"""Which answers were given last? A page of them, newest first, and where the next page begins.

However many entries there are, one page looks at `SEARCHED` of them at most: what can be asked for
is more than there are indexes for.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from rungwise.store.statements import ask
from rungwise.types import AttemptState, EntryState, Outcome, StepType

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["SEARCHED", "AuditsWanted", "Glance", "Glances", "Place", "Sought", "Tried", "glances"]

SEARCHED = 20_000

AuditsWanted: TypeAlias = Literal["none", "only", "any"]
Conditions: TypeAlias = "list[tuple[str, tuple[Any, ...]]]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Between two entries, in their order by time and id: just above the one it names."""

    at: float
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """Which entries; None is any."""

    limit: int = 50
    before: Place | None = None
    caller: str | None = None
    route: str | None = None
    step_type: StepType | None = None
    tier: str | None = None
    """The rung that answered."""
    state: EntryState | None = None
    outcome: Literal["right", "wrong", "none"] | None = None
    task: str | None = None
    audits: AuditsWanted = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """One draft, in short."""

    tier: str
    model: str
    state: AttemptState
    confidence: float | None
    threshold: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Glance:
    """An entry, in short."""

    id: str
    at: float
    caller: str
    route: str
    step_type: str
    state: EntryState
    tier: str | None
    stream: bool
    first_byte_s: float | None
    latency_s: float
    cost_nano: int | None
    outcome: Outcome | None
    task: str | None
    audits: str | None
    tried: tuple[Tried, ...] = ()
    """Its drafts, in order."""

    @property
    def model(self) -> str | None:
        """Whose draft the caller saw."""
        seen = ("released", "left", "broken_off", "recalled")
        return next((one.model for one in self.tried if one.state in seen), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Glances:
    found: tuple[Glance, ...]
    next: Place | None
    """Where to go on; None where nothing is left. There may be fewer than were asked for, and yet
    something left: then no further back than `searched_at` was looked."""
    searched_at: float | None = None


def glances(connection: Connection, sought: Sought) -> Glances:
    indexed, others = _indexed(sought), _others(sought)
    least = _least(connection, [*indexed, *_before(sought)]) if _sparse(sought) else None
    asked = [*indexed, *others, *_before(sought)]
    if least is not None:
        asked.append(("at >= ?", (least,)))
    rows = _rows(connection, asked, sought.limit + 1)
    tried = _tried(connection, [row[0] for row in rows[: sought.limit]])
    found = tuple(_glance(row, tried.get(row[0], ())) for row in rows[: sought.limit])
    if len(rows) > sought.limit:
        return Glances(found=found, next=Place(at=found[-1].at, id=found[-1].id))
    if least is not None:
        return Glances(found=found, next=Place(at=least, id=""), searched_at=least)
    return Glances(found=found, next=None)


def _indexed(sought: Sought) -> Conditions:
    """The one condition that an index answers in order of time."""
    if sought.task is not None:
        return [("task = ?", (sought.task,))]
    if sought.caller is not None:
        return [("caller = ?", (sought.caller,))]
    if sought.outcome in ("right", "wrong"):
        return [("outcome_right = ?", (sought.outcome == "right",))]
    return []


def _others(sought: Sought) -> Conditions:
    """Written so that no index is taken for them: what order it would give is not the one."""
    told: Conditions = []
    for name, value in (
        ("route", sought.route),
        ("step_type", sought.step_type and sought.step_type.value),
        ("tier", sought.tier),
        ("state", sought.state),
        ("coalesce(caller, '')", sought.caller if sought.task is not None else None),
    ):
        if value is not None:
            told.append((f"{name} = ?", (value,)))
    told += [(_OUTCOME[sought.outcome], ())] if sought.outcome is not None else []
    return [*told, (_AUDITS[sought.audits], ())]


_OUTCOME = {
    "right": "coalesce(outcome_right, false) = true",
    "wrong": "coalesce(outcome_right, true) = false",
    "none": "outcome_right is null",
}
_AUDITS: Mapping[AuditsWanted, str] = {
    "none": "coalesce(audits, '') = ''",
    "only": "coalesce(audits, '') <> ''",
    "any": "true",
}


def _sparse(sought: Sought) -> bool:
    """Whether few of the entries that are walked along may be wanted."""
    filtered = (sought.route, sought.step_type, sought.tier, sought.state)
    outcome = sought.outcome is not None and (sought.outcome == "none" or sought.caller is not None)
    of_task = sought.task is not None and sought.caller is not None  # others may call theirs so
    rare = any(value is not None for value in filtered) or outcome or of_task
    return rare or sought.audits != "any"


def _before(sought: Sought) -> Conditions:
    place = sought.before
    if place is None:
        return []
    # the first half alone is what an index is walked by
    return [("at <= ? and (at < ? or id < ?)", (place.at, place.at, place.id))]


def _least(connection: Connection, walked: Conditions) -> float | None:
    """When the last of the entries came that may be looked at; None where all may be."""
    where, values = _joined(walked)
    asked = f"select at from entry{where} order by at desc limit 1 offset {SEARCHED}"
    for (at,) in ask(connection, asked, values):
        return float(at)
    return None


def _rows(connection: Connection, conditions: Conditions, limit: int) -> Sequence[tuple[Any, ...]]:
    where, values = _joined(conditions)
    asked = f"select {_COLUMNS} from entry{where} order by at desc, id desc limit ?"
    return ask(connection, asked, (*values, limit))


_COLUMNS = (
    "id, at, caller, route, step_type, state, tier, stream, first_byte_s, latency_s, cost_nano,"
    " outcome_right, outcome_source, task, audits"
)


def _joined(conditions: Conditions) -> tuple[str, tuple[Any, ...]]:
    if not conditions:
        return "", ()
    values = tuple(value for _, told in conditions for value in told)
    return " where " + " and ".join(f"({told})" for told, _ in conditions), values


def _tried(connection: Connection, ids: Sequence[str]) -> Mapping[str, Sequence[Tried]]:
    found: defaultdict[str, list[Tried]] = defaultdict(list)
    for id, *told in _drafts(connection, ids) if ids else ():
        tier, model, state, confidence, threshold = told
        found[id].append(
            Tried(tier=tier, model=model, state=state, confidence=confidence, threshold=threshold)
        )
    return found


def _drafts(connection: Connection, ids: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    places = ", ".join("?" * len(ids))
    asked = (
        "select entry_id, tier, model, state, probability, threshold from attempt"
        f" where entry_id in ({places}) and role = 'draft' order by entry_id, rung"
    )
    yield from ask(connection, asked, tuple(ids))


def _glance(row: tuple[Any, ...], tried: Sequence[Tried]) -> Glance:
    id, at, caller, route, step_type, state, tier, stream, first, latency, cost, right, source = (
        row[:13]
    )
    known = right is not None
    return Glance(
        id=id,
        at=at,
        caller=caller,
        route=route,
        step_type=step_type,
        state=state,
        tier=tier,
        stream=bool(stream),
        first_byte_s=first,
        latency_s=latency,
        cost_nano=cost,
        outcome=Outcome(right=bool(right), source=source or "caller") if known else None,
        task=row[13],
        audits=row[14],
        tried=tuple(tried),
    )
