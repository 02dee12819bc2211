"""A double: what the page is told under /v1, of a day that was made up, and its own files.

It shows what a real server seldom has at hand: alarms, GPUs, refusals. Each body is what the
server's own routes make of that day (see made_up.py); a ledger is behind them in test_whole.py."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, cast, get_args

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from rungwise.access.static import StaticKeyring
from rungwise.contracts import Ledger
from rungwise.edge.answers import AnswerRoutes
from rungwise.edge.closing import Closing
from rungwise.edge.door import Door
from rungwise.edge.figures import FigureRoutes
from rungwise.edge.owners import OwnerRoutes
from rungwise.edge.page import PageRoutes
from rungwise.ledger.lines import Group
from tests.edge.doubles import client
from tests.page.made_up import FIRST, Day, Empty

__all__ = ["HOSTILE", "Told", "app_of", "nothing", "told"]

Json = Any

HOSTILE = (
    "<script>window.hurt = 1</script>",
    '"><img src=x onerror="window.hurt = 1">',
    "javascript:window.hurt=1",
    "\u202egnp.exe\u202c\u2066 \u200b",
    "null \x00 \x1b[31m \U0001f680 \u0645\u0631\u062d\u0628\u0627",
    "x" * 5000,
    "__proto__",
    "constructor",
    "%E0%A4%A ../../ #/?&=",
)


@dataclass
class Told:
    """What is answered: a body for each path below /v1; refusals and delays where set."""

    bodies: dict[str, Json]
    key: str | None = None
    status: int = 200
    failing: frozenset[str] = frozenset()
    """Paths that are answered by 503 while the others are answered well."""
    wait_s: float = 0.0
    asked: list[str] = field(default_factory=list)


def app_of(scene: Told) -> Starlette:
    page = PageRoutes()

    async def data(request: Request) -> Response:
        path = request.path_params["path"]
        scene.asked.append(f"{path}?{request.url.query}")
        if scene.wait_s:
            await asyncio.sleep(scene.wait_s)
        if scene.key and request.headers.get("authorization") != f"Bearer {scene.key}":
            return _fault(401, "no such key", "invalid_api_key")
        status = 503 if path in scene.failing else scene.status
        if status != 200:
            return _fault(status, "the ledger cannot be read just now", "store_error")
        grouped = f"{path}?by={request.query_params.get('by')}"
        body = scene.bodies.get(grouped, scene.bodies.get(path))
        if body is None:
            return _fault(404, f"no answer {path!r:.80}", "answer_not_found")
        return JSONResponse(body)

    return Starlette(
        routes=[
            Route("/ui", page.root),
            Route("/ui/{name:path}", page.file),
            Route("/v1/{path:path}", data),
        ]
    )


def _fault(status: int, message: str, code: str) -> Response:
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": code}
    return JSONResponse({"error": error}, status_code=status)


# ---- what it tells ---------------------------------------------------------------------------


def told(names: Mapping[str, str] | None = None, *, alarm: bool = False) -> dict[str, Json]:
    """A day of one ladder. `names` puts others in place of tiers, models, routes."""
    return _bodies(Day(names, alarm=alarm))


def nothing() -> dict[str, Json]:
    """A server that was just started."""
    return _bodies(Empty())


def _bodies(day: Empty) -> dict[str, Json]:
    # on a thread of its own: where a browser is driven, a loop runs on this one already
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, _asked(day)).result()


async def _asked(day: Empty) -> dict[str, Json]:
    """What the server's own routes make of it."""
    figures, answers = FigureRoutes(day), AnswerRoutes(cast(Ledger, day), day)
    owner = OwnerRoutes(
        day,
        day.ladder,
        gates=day.gates,
        alarms=day,
        standing=day.standing,
        gpus=day.gpus,
        engine=day.engine,
    )
    routes = {
        "figures": figures.figures,
        "series": figures.series,
        "alarms": owner.alarms,
        "ladder": owner.ladder,
        "answers": figures.answers,
        "calibrations": owner.calibrations,
        "gpus": owner.gpus,
    }
    routed = [Route(f"/{path}", route) for path, route in routes.items()]
    app = Starlette(routes=[*routed, Route("/answers/{id}", answers.answer)])
    door = Door(app, keyring=StaticKeyring(()), new_id=lambda: "req_x", closing=Closing())
    groups = [f"figures?by={by}" for by in get_args(Group)]
    stories = [f"answers/{FIRST}"] if day.ladder else []
    async with client(door) as http:
        return {path: _data(await http.get(f"/{path}")) for path in (*routes, *groups, *stories)}


def _data(answer: httpx.Response) -> Json:
    assert answer.status_code == 200, answer.text
    return answer.json()
