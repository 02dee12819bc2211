"""What do the tests of figures look at? A ledger with steps in it, behind the door."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

from fastapi import FastAPI
from starlette.exceptions import HTTPException

from rungwise.contracts import Keyring
from rungwise.edge.answers import AnswerRoutes
from rungwise.edge.app import _show_fault
from rungwise.edge.closing import Closing
from rungwise.edge.door import Door
from rungwise.edge.figures import FigureRoutes
from rungwise.edge.owners import OwnerRoutes
from rungwise.errors import NotAuthorised
from rungwise.ledger.books import Books
from rungwise.ledger.rows import attempt_row, entry_row
from rungwise.ledger.sql import SqlLedger
from rungwise.store import tables
from rungwise.store.sql import Store
from rungwise.store.statements import insert_rows
from rungwise.tiers.scripted import ScriptedTier
from rungwise.types import Caller, Entry, StepType
from tests.edge.doubles import ATTEMPT

NOW = 1_764_150_200.0
"""2025-11-26, 09:43:20 UTC."""
OWNER = {"x-api-key": "owner"}
TEAM = {"x-api-key": "team"}
STEP = Entry(
    id="req_1",
    at=NOW - 10,
    caller="team",
    route="auto",
    step_type=StepType.PLANNING,
    plan_why="by the table",
    attempts=(ATTEMPT,),
    state="answered",
    first_byte_s=0.5,
    latency_s=1.0,
)


class Keys:
    """The owner sees all, the team only its own."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    def identify(self, secret: str | None) -> Caller:
        if secret is None:
            raise NotAuthorised("no API key was sent", code="missing_api_key")
        return Caller(name=secret, sees_all=secret == "owner")


def steps(count: int, **changed: Any) -> list[Entry]:
    """Oldest first, a second apart, the last one now."""
    return [replace(STEP, id=f"req_{n:05}", at=NOW - count + n, **changed) for n in range(count)]


async def write(store: Store, entries: Sequence[Entry]) -> None:
    """Their own rows alone, without what they add up to."""

    def job(connection: Any) -> None:
        insert_rows(connection, tables.entry, map(entry_row, entries))
        tried = ((e.id, n, a) for e in entries for n, a in enumerate(e.attempts))
        insert_rows(connection, tables.attempt, (attempt_row(*row) for row in tried))

    await store.write(job)


def looked_at(store: Store, keyring: Keyring | None = None, **owners: Any) -> FastAPI:
    app = FastAPI(docs_url=None, openapi_url=None, exception_handlers={HTTPException: _show_fault})
    app.add_middleware(Door, keyring=keyring or Keys(), new_id=lambda: "req_x", closing=Closing())
    books = Books(store)
    ladder = owners.pop("ladder", (ScriptedTier("tier1"), ScriptedTier("tier2", local=False)))
    figures = FigureRoutes(books, unix=lambda: NOW)
    owner = OwnerRoutes(books, ladder, **owners)
    answers = AnswerRoutes(SqlLedger(store), books)
    for path, route in (
        ("/v1/figures", figures.figures),
        ("/v1/series", figures.series),
        ("/v1/answers", figures.answers),
        ("/v1/answers/{id}", answers.answer),
        ("/v1/alarms", owner.alarms),
        ("/v1/calibrations", owner.calibrations),
        ("/v1/gpus", owner.gpus),
        ("/v1/ladder", owner.ladder),
    ):
        app.add_route(path, route, methods=["GET"])
    return app


@contextlib.asynccontextmanager
async def opened(store: Store) -> AsyncIterator[Store]:
    await store.start()
    try:
        yield store
    finally:
        await store.stop()
