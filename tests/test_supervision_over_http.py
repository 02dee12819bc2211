"""What does a caller see when an engine dies under open answers, and after? Through the app."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import openai
import pytest

from rungwise.config import RestartConfig
from rungwise.errors import TierError
from rungwise.tiers.local.supervised import Supervised
from rungwise.tiers.scripted import Script, ScriptedTier, fail, pause, say
from rungwise.types import Chat
from tests.served import CHAT, Served, served

pytestmark = pytest.mark.anyio

ENGINES = "engines_of_a_test"
HELD = "gates: [{tier: low, accept: checked}]"
DIED = "low: the engine has died"
QUICK = {"first_wait_s": 0.01, "most_wait_s": 0.01, "tries": 3, "settled_s": 0}


class Engine(ScriptedTier):
    """Writes two words, and the rest once `go` is set: the end, or its own death."""

    def __init__(self) -> None:
        super().__init__("low", self._script, model="small", sleep=self._wait)
        self.go, self.may_start = asyncio.Event(), asyncio.Event()
        self.may_start.set()
        self.starts = 0

    def _script(self, chat: Chat) -> Script:
        if "at once" in chat.messages[-1].text:
            return say("by low")
        end = fail("unavailable", "the engine stopped")
        return say("two words", finish=None) + pause(1) + end

    async def _wait(self, seconds: float) -> None:
        await self.go.wait()

    def die(self) -> None:
        self.ill = DIED
        self.go.set()

    async def close(self) -> None: ...

    async def start(self) -> None:
        self.starts, self.ill = self.starts + 1, None
        await self.may_start.wait()
        if self.start_fault is not None:
            raise self.start_fault


@asynccontextmanager
async def kept(
    folder: Path,
    engine: Engine,
    *,
    config: str = "",
    top: ScriptedTier | None = None,
    **restart: Any,
) -> AsyncIterator[tuple[Served, Supervised]]:
    """The app of this engine, kept alive, and of `top` above it."""
    told = RestartConfig.model_validate({**QUICK, **restart})
    tier = Supervised(engine, told, turn=asyncio.Lock(), look_s=0.01)
    module = ModuleType(ENGINES)
    module.low = lambda _: tier  # type: ignore[attr-defined]
    sys.modules[ENGINES] = module
    low = f"{{name: low, kind: '{ENGINES}:low', model: small}}"
    top = top or ScriptedTier("top", say("by top"), model="big", local=False)
    try:
        async with served(folder, low, top, config=config, listening=True) as server:
            yield server, tier
    finally:
        del sys.modules[ENGINES]


async def until(done: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not done():
            await asyncio.sleep(0.002)


def asks(model: str, text: str = "go on") -> dict[str, Any]:
    """Of the rung itself, and so released unjudged, or of the ladder, and so held."""
    return {
        "model": model,
        "max_tokens": 50,
        "messages": [{"role": "user", "content": text}],
        "stream": True,
    }


async def readyz(server: Served) -> Mapping[str, Any]:
    told: Mapping[str, Any] = (await server.http.get("/readyz")).json()
    return told


def data(stream: str) -> list[Any]:
    lines = [line[6:] for line in stream.splitlines() if line.startswith("data: ")]
    return [line if line == "[DONE]" else json.loads(line) for line in lines]


async def test_a_death_under_open_answers(tmp_path: Path) -> None:
    engine = Engine()
    async with kept(tmp_path, engine, config=HELD) as (server, tier):
        chat, messages, held = [
            asyncio.ensure_future(server.http.post(path, json=asks(model)))
            for path, model in ((CHAT, "low"), ("/v1/messages", "low"), (CHAT, "auto"))
        ]
        await until(lambda: engine.open == 3)
        engine.may_start.clear()
        engine.die()

        # released: what was there, then a typed error, and no end that looks like one
        *pieces, fault = data((await chat).text)
        assert words(pieces) == "two words"
        assert fault["error"] == {
            "message": "low broke off: unavailable",
            "type": "server_error",
            "param": None,
            "code": "unavailable",
        }
        told = (await messages).text
        assert told.split("event: ")[-1].startswith("error\n")
        assert data(told)[-1]["error"]["message"] == "low broke off: unavailable"
        assert "message_stop" not in told

        # held: the next rung's answer, and nothing of the dead one's
        *pieces, end = data((await held).text)
        assert words(pieces) == "by top" and end == "[DONE]"

        # while it is away the next rung serves, and readiness says so
        await until(lambda: engine.starts == 2)
        ready = await readyz(server)
        assert ready["missing"] == {"low": "low: starting"} and ready["tiers"] == ["top"]
        meanwhile = await server.ask("at once")
        assert (meanwhile.text, meanwhile.tier) == ("by top", "top")
        refused = meanwhile.attempt("low")
        assert (refused["state"], refused["fault"]) == ("failed", "unavailable")
        assert refused["usage"]["output"] == 0 and refused["engine_s"] == 0

        # and it is back by itself
        engine.may_start.set()
        await until(lambda: tier.up)
        assert (await readyz(server))["missing"] == {}
        again = await server.ask("at once")
        assert (again.text, again.tier) == ("by low", "low")

        # nothing is lost: what was released, and what was held, with its tokens
        whole = data((await chat).text)
        for id, states in (
            (whole[0]["id"], {"low": "broken_off"}),
            (pieces[0]["id"], {"low": "failed", "top": "released"}),
            ((await messages).headers["x-request-id"], {"low": "broken_off"}),
        ):
            attempts = (await server.why(id))["attempts"]
            assert {a["tier"]: a["state"] for a in attempts} == states
            assert [a["usage"]["output"] for a in attempts if a["tier"] == "low"] == [2]


async def test_a_crash_loop_ends_in_a_clear_state_and_the_next_rung_serves_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    engine = Engine()
    async with kept(tmp_path, engine) as (server, _):
        engine.start_fault = TierError("low", "unavailable", "CUDA out of memory")
        engine.die()
        await until(lambda: engine.starts == 4)
        line = (
            "low: down: 3 starts in a row failed, the last: CUDA out of memory; "
            "mend that, then restart the server"
        )
        await until(lambda: line in caplog.messages)
        ready = await server.http.get("/readyz")
        assert ready.status_code == 200 and ready.json()["missing"] == {"low": line}
        assert (await server.ask("at once")).tier == "top"
        with pytest.raises(openai.InternalServerError) as raised:
            await server.ask("at once", model="low")
        assert raised.value.status_code == 503 and raised.value.code == "ladder_exhausted"
        assert "retry-after" not in raised.value.response.headers, "it does not come back"
        assert caplog.messages.count(line) == 1


async def test_where_no_other_rung_may_answer_the_caller_is_told_when_to_come_again(
    tmp_path: Path,
) -> None:
    engine = Engine()
    engine.may_start.clear()
    async with kept(tmp_path, engine) as (server, tier):
        ready = await server.http.get("/readyz")
        assert ready.status_code == 503 and ready.json() == {
            "ready": False,
            "tiers": ["top"],
            "starting": {"low": "low: starting"},
            "missing": {},
        }
        assert (await server.ask("at once")).tier == "top", "it answers while it is not ready"
        for path in (CHAT, "/v1/messages"):
            told = await server.http.post(path, json=asks("low"))
            assert told.status_code == 503 and 1 <= int(told.headers["retry-after"]) <= 20
        engine.may_start.set()
        await until(lambda: tier.up)
        assert (await server.ask("at once", model="low")).text == "by low"
        assert (await server.http.get("/readyz")).status_code == 200


async def test_a_rung_that_is_down_for_good_does_not_hide_when_another_one_is_back(
    tmp_path: Path,
) -> None:
    engine = Engine()
    engine.may_start.clear()
    top = ScriptedTier("top", fail("unavailable"), model="big", local=False)
    async with kept(tmp_path, engine, top=top) as (server, _):
        told = await server.http.post(CHAT, json=asks("auto"))
        assert told.status_code == 503 and 1 <= int(told.headers["retry-after"]) <= 20


def words(chunks: list[Any]) -> str:
    told = [choice["delta"].get("content") for chunk in chunks for choice in chunk["choices"]]
    return "".join(text for text in told if text)
