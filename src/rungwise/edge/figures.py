"""How does it go? GET /v1/figures, /v1/series and /v1/answers: what the page draws, as JSON."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import NoReturn, get_args

from starlette.requests import Request
from starlette.responses import Response

from rungwise.days import EPOCH
from rungwise.edge.extension import usd
from rungwise.edge.parameters import Parameters, refuse
from rungwise.edge.places import place_of, shown_place
from rungwise.edge.quoting import Quoted
from rungwise.edge.sight import only_of
from rungwise.errors import NotAllowed
from rungwise.ledger.books import Books
from rungwise.ledger.buckets import SLOT_S
from rungwise.ledger.lines import Group, Report, known
from rungwise.ledger.listing import AuditsWanted, Glance, Sought
from rungwise.ledger.series import WINDOWS, Stretch
from rungwise.types import EntryState, JsonObject, StepType

__all__ = ["FigureRoutes"]

MOST_DAYS, MOST_GROUPS, MOST_ANSWERS = 3650, 1000, 200
_SHARES = (0.50, 0.95)


class FigureRoutes:
    """A key that does not see all is told of its own steps alone."""

    def __init__(self, books: Books, *, unix: Callable[[], float] = time.time) -> None:
        self._books, self._unix = books, unix

    async def figures(self, request: Request) -> Response:
        told = Parameters(request, "by", "days", "since", "until", "limit")
        by = told.several_of("by", get_args(Group)) or ("route",)
        since, until = self._days(told)
        limit, own = told.whole("limit", 1, MOST_GROUPS) or 200, only_of(request)
        days: JsonObject = {"since": _iso(since), "until": _iso(until)}
        head: JsonObject = {"object": "figures", "of": own, **days}
        return await self._books.report(
            by,
            since_day=_number(since),
            until_day=_number(until),
            caller=own,
            shape=partial(_figures, head, limit),
        )

    async def series(self, request: Request) -> Response:
        told = Parameters(request, "window", "route")
        window, own = told.one_of("window", tuple(WINDOWS)) or "3h", only_of(request)
        sought = Stretch(window=window, now=self._unix(), route=told.text("route"), caller=own)
        p50: Sequence[float | None] = [None] * sought.count
        p95 = p50
        if own is None:  # of single callers latencies are not kept
            found, (p50, p95) = await asyncio.gather(
                self._books.series(sought), self._books.latencies(sought, _SHARES)
            )
        else:
            found = await self._books.series(sought)
        return Quoted(
            {
                "object": "series",
                "window": window,
                "of": own,
                "route": sought.route,
                "slot_s": sought.slots * SLOT_S,
                "at": list(sought.at),
                "steps": found.steps,
                "answered": found.answered,
                "escalated": found.escalated,
                "labelled": found.labelled,
                "right": found.right,
                "cost_usd": list(
                    map(usd, map(known, found.cost_nano, found.unpriced, found.steps))
                ),
                "unpriced": found.unpriced,
                "abandoned_tokens": found.abandoned_tokens,
                "answers": found.answers,
                "p50_ms": list(map(_ms, p50)),
                "p95_ms": list(map(_ms, p95)),
                "routes": found.routes,
            }
        )

    async def answers(self, request: Request) -> Response:
        own = only_of(request)
        found = await self._books.glances(_sought(request, own))
        return Quoted(
            {
                "object": "list",
                "of": own,
                "data": [_glance(glance) for glance in found.found],
                "next": None if found.next is None else shown_place(found.next),
                "searched_at": found.searched_at,
            }
        )

    def _days(self, told: Parameters) -> tuple[date | None, date | None]:
        days = told.whole("days", 1, MOST_DAYS)
        since, until = told.day("since"), told.day("until")
        if days is None:
            return since, until
        if since is not None or until is not None:
            refuse("days", str(days), "given without since and until alone")
        today = datetime.fromtimestamp(self._unix(), UTC).date()
        return today - timedelta(days=days - 1), None


def _figures(head: JsonObject, most: int, found: Report) -> Response:
    """The whole body, with so many groups of it at most."""
    from rungwise.ledger.shown import as_json

    told = replace(found, lines=found.lines[:most])
    body = {**head, **as_json(told), "left_out": len(found.lines) - len(told.lines)}
    if head["of"] is not None:  # of engines, and of rungs that the caller may not know
        body |= {"idle": [], "audits": [], "audited": None}
    return Quoted(body)


def _sought(request: Request, own: str | None) -> Sought:
    names = ("limit", "before", "key", "route", "step_type", "tier", "state", "outcome", "task")
    told = Parameters(request, *names, "audits")
    key, before = told.text("key"), told.text("before")
    wanted: Sequence[AuditsWanted] = get_args(AuditsWanted)
    audits = told.one_of("audits", wanted) or "none"
    if own is not None and key not in (None, own):
        _leave_out("key")
    if own is not None and audits != "none":  # they name rungs that the caller may not know
        _leave_out("audits")
    return Sought(
        limit=told.whole("limit", 1, MOST_ANSWERS) or 50,
        before=None if before is None else place_of(before),
        caller=own or key,
        route=told.text("route"),
        step_type=told.one_of("step_type", tuple(StepType)),
        tier=told.text("tier"),
        state=told.one_of("state", get_args(EntryState)),
        outcome=told.one_of("outcome", ("right", "wrong", "none")),
        task=told.text("task"),
        audits=audits,
    )


def _leave_out(param: str) -> NoReturn:
    raise NotAllowed(
        f"this key sees only its own answers; leave `{param}` out",
        param=param,
        code="sees_own_only",
    )


def _glance(glance: Glance) -> JsonObject:
    outcome = glance.outcome
    return {
        "id": glance.id,
        "object": "answer",
        "at": glance.at,
        "caller": glance.caller,
        "route": glance.route,
        "step_type": glance.step_type,
        "state": glance.state,
        "tier": glance.tier,
        "model": glance.model,
        "stream": glance.stream,
        "latency_ms": _ms(glance.latency_s),
        "first_byte_ms": _ms(glance.first_byte_s),
        "cost_usd": usd(glance.cost_nano),
        "tried": [
            {
                "tier": one.tier,
                "state": one.state,
                "confidence": one.confidence,
                "threshold": one.threshold,
            }
            for one in glance.tried
        ],
        "outcome": {"right": outcome.right, "source": outcome.source} if outcome else None,
        "task": glance.task,
        "audits": glance.audits,
    }


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 3)


def _number(day: date | None) -> int | None:
    return None if day is None else (day - EPOCH).days


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
