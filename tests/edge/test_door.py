"""Who is let in at what pace? Before a body is read, and for as long as an answer lasts."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from rungwise.access.pace import LocalPace
from rungwise.access.static import StaticKeyring
from rungwise.config import LimitsConfig
from rungwise.edge.closing import Closing
from rungwise.edge.door import LOOKS, OUTCOMES, Door

pytestmark = pytest.mark.anyio

HEAD = {"authorization": "Bearer one-secret"}


class App:
    """Answers once it is let; keeps whose bodies it was given to read."""

    def __init__(self) -> None:
        self.go, self.begun, self.visits = asyncio.Event(), asyncio.Event(), 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.visits += 1
        self.begun.set()
        await receive()
        if scope["path"] == "/v1/broken":
            raise ValueError("no")
        if scope["method"] == "POST":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"begun", "more_body": True})
            async with asyncio.timeout(20):
                await self.go.wait()
            await send({"type": "http.response.body", "body": b"ended"})
            return
        await PlainTextResponse("ok")(scope, receive, send)


def client(
    app: App, *, pace: bool = True, closing: Closing | None = None, **limits: int
) -> httpx.AsyncClient:
    door = Door(
        app,
        keyring=StaticKeyring(("one-secret", "two-secret"), LimitsConfig(**limits)),
        new_id=lambda: "req_1",
        closing=closing or Closing(),
        pace=LocalPace() if pace else None,
        looks=LocalPace(what="look and tell") if pace else None,
    )
    transport = httpx.ASGITransport(app=door)
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", headers=HEAD)


async def test_a_stream_holds_its_place_until_it_ends() -> None:
    app = App()
    async with client(app, concurrent=1) as http:
        first = asyncio.create_task(http.post("/v1/chat/completions"))
        await app.begun.wait()
        refused = await http.post("/v1/chat/completions")
        assert refused.status_code == 429 and int(refused.headers["retry-after"]) >= 1
        assert refused.json()["error"]["code"] == "too_many_at_once"
        assert app.visits == 1, "nothing of it was read"
        other = await http.get("/v1/models")
        assert other.text == "ok", "looking takes no answer's place"
        app.go.set()
        assert (await first).text == "begunended"
        assert (await http.post("/v1/chat/completions")).status_code == 200


async def test_a_caller_s_rate_is_its_own() -> None:
    app = App()
    app.go.set()
    async with client(app, requests_per_minute=2) as http:
        told = [(await http.post("/v1/chat/completions")).status_code for _ in range(3)]
        assert told == [200, 200, 429]
        other = await http.post("/v1/chat/completions", headers={"x-api-key": "two-secret"})
        assert other.status_code == 429, "the bearer key goes before"
        http.headers = httpx.Headers({"x-api-key": "two-secret"})
        assert (await http.post("/v1/chat/completions")).status_code == 200


@pytest.mark.parametrize("rate", [1, 59, 60, 61, 90])
async def test_looks_have_a_pace_of_their_own_that_leaves_a_page_open(rate: int) -> None:
    app, most = App(), max(LOOKS, 2 * rate)
    async with client(app, requests_per_minute=rate, concurrent=1) as http:
        told = [(await http.get("/v1/figures")).status_code for _ in range(most)]
        assert told == [200] * most, "and none of them is too many to be open at once"
        refused = await http.get("/v1/answers/req_1")
        assert refused.status_code == 429 and int(refused.headers["retry-after"]) >= 1
        assert refused.json()["error"]["code"] == "rate_limit_exceeded"
        assert str(most) in refused.json()["error"]["message"]
        assert (await http.post(OUTCOMES)).status_code == 429, "it is as cheap to ask"
        assert app.visits == most, "nothing of it was read"
        assert (await http.get("/healthz")).status_code == 200
        assert (await http.get("/metrics")).status_code == 200
        app.go.set()
        assert (await http.post("/v1/chat/completions")).status_code == 200, "answers are apart"


async def test_looks_are_heard_and_paced_during_a_drain() -> None:
    app, closing = App(), Closing()
    app.go.set()
    closing.begin(10.0)
    async with client(app, closing=closing, requests_per_minute=1) as http:
        assert (await http.post("/v1/chat/completions")).status_code == 503
        told = [(await http.post(OUTCOMES)).status_code for _ in range(LOOKS + 1)]
    assert told == [200] * LOOKS + [429]


async def test_a_key_without_a_rate_looks_as_often_as_it_likes() -> None:
    async with client(App(), concurrent=1) as http:
        told = {(await http.get("/v1/series")).status_code for _ in range(3 * LOOKS)}
    assert told == {200}


async def test_what_breaks_gives_its_place_back() -> None:
    app = App()
    app.go.set()
    async with client(app, concurrent=1) as http:
        assert (await http.post("/v1/broken")).status_code == 500
        assert (await http.post("/v1/chat/completions")).status_code == 200


async def test_without_a_pace_nobody_is_held_back() -> None:
    app = App()
    app.go.set()
    async with client(app, pace=False, requests_per_minute=1) as http:
        told = [(await http.post("/v1/chat/completions")).status_code for _ in range(3)]
        assert told == [200] * 3
