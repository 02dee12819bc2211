"""Does the server run as it was told, and say in one line why it does not start?"""

from __future__ import annotations

import asyncio
import gc
import signal
import socket
import sqlite3
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from pathlib import Path

import httpx
import pytest

from rungwise.cli.server import server_of
from rungwise.config import ServerConfig
from rungwise.edge.closing import closing_of
from rungwise.errors import ConfigError, StoreError
from rungwise.tiers.scripted import ScriptedTier
from rungwise.types import Caller, Chat
from tests.cli.test_main import one_line_error, rungwise, write
from tests.edge.doubles import Event, NoLedger, ScriptedCascade, Step, app

pytestmark = pytest.mark.anyio

LEDGER = """
server: {{port: 0}}
ledger: {{path: '{path}'}}
tiers:
  - {{name: tier1, kind: openai, model: m, api_key_env: RUNGWISE_TEST_KEY}}
"""


class Unsuited(ScriptedTier):
    """A rung whose settings turn out to be wrong when it starts."""

    async def start(self) -> None:
        raise ConfigError("tier 'tier1': engine: vLLM says: no such flag; see engine.extra")


class Locked(NoLedger):
    async def start(self) -> None:
        raise StoreError("rungwise.db: of a later release")


def test_what_keeps_the_app_from_starting_comes_out_as_it_is(
    caplog: pytest.LogCaptureFixture,
) -> None:
    for served, kind in (
        (app(rungs=[Unsuited("tier1", local=False)]), ConfigError),
        (app(ledger=Locked()), StoreError),
    ):
        with socket.create_server(("127.0.0.1", 0)) as listener, pytest.raises(kind):
            server_of(served, ServerConfig()).run(sockets=[listener])
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


def test_ledger_and_ladder_live_as_long_as_the_server() -> None:
    ledger, tier = NoLedger(), ScriptedTier("tier1")
    server = server_of(app(ledger=ledger, rungs=[tier]), ServerConfig())
    server.should_exit = True
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server.run(sockets=[listener])
    assert server.started and ledger.life == ["start", "stop"] and not tier.running


class Engine(ScriptedTier):
    """Comes up once it may, with what it keeps."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.may, self.keeps = asyncio.Event(), list[object]()

    async def start(self) -> None:
        await self.may.wait()
        self.keeps = [self]

    @property
    def looked_through(self) -> bool:
        return any(found is self.keeps for found in gc.get_objects())


async def test_what_comes_up_behind_the_server_is_not_looked_through_again() -> None:
    engine = Engine("tier1")
    server = server_of(app(rungs=[engine]), ServerConfig())
    thresholds = gc.get_threshold()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving = asyncio.create_task(server._serve(sockets=[listener]))
        try:
            while not server.started:
                await asyncio.sleep(0.005)
            assert not engine.looked_through
            engine.may.set()
            async with asyncio.timeout(20):
                while not engine.keeps or engine.looked_through:
                    await asyncio.sleep(0.005)
        finally:
            server.should_exit = True
            await serving
            gc.unfreeze()
            gc.set_threshold(*thresholds)


@pytest.mark.parametrize("forced", [False, True])
async def test_what_is_cancelled_at_the_end_is_over_before_the_ledger_stops(forced: bool) -> None:
    ledger = NoLedger()
    cascade = Slow([asyncio.Event()], ledger.life)
    server = server_of(app(cascade, ledger=ledger), ServerConfig(grace_s=30.0 if forced else 0.0))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving = asyncio.create_task(server._serve(sockets=[listener]))
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1/chat/completions"
        async with httpx.AsyncClient(timeout=None) as http:
            body = {"model": "auto", "messages": [{"role": "user", "content": "hi"}]}
            asking = asyncio.create_task(http.post(url, json=body))
            await cascade.begun.wait()
            server.should_exit, server.force_exit = True, forced
            await serving
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
    assert ledger.life == ["start", "written", "stop"]


class Slow(ScriptedCascade):
    """An answer that takes a while to end when it is cancelled."""

    def __init__(self, steps: Sequence[Step], life: list[str]) -> None:
        super().__init__(steps)
        self._life = life

    async def answer(self, chat: Chat, caller: Caller, *, id: str) -> AsyncGenerator[Event, None]:
        try:
            async with aclosing(super().answer(chat, caller, id=id)) as events:
                async for event in events:
                    yield event
        finally:
            await asyncio.sleep(0.1)
            self._life.append("written")


def test_the_servers_section_reaches_uvicorn() -> None:
    config = server_of(app(), ServerConfig(max_connections=7, idle_s=0.5)).config
    config.load()
    limits = config.http_protocol_class.limits  # type: ignore[union-attr]
    assert (limits.connections, limits.idle_s) == (7, 0.5)


def test_signals_that_come_together_are_one_and_a_later_one_is_a_second() -> None:
    server = server_of(served := app(), ServerConfig())
    for _ in range(2):
        server.handle_exit(signal.SIGTERM, None)
    assert server.should_exit and not server.force_exit
    closing_of(served).begin(30.0)
    server.handle_exit(signal.SIGTERM, None)
    assert server.force_exit


def later_release(path: Path) -> Path:
    db = sqlite3.connect(path)
    db.execute("pragma user_version = 99")
    db.close()
    return path


def test_a_ledger_that_cannot_be_kept_is_one_line(tmp_path: Path) -> None:
    garbage = tmp_path / "garbage.db"
    garbage.write_bytes(b"no database " * 100)
    for path, said in ((tmp_path, "is no file"), (garbage, "not a database")):
        config = write(tmp_path, LEDGER.format(path=path))
        done = rungwise("serve", "--config", config, RUNGWISE_TEST_KEY="x")
        assert said in one_line_error(done) and str(path) in done.stderr


def test_what_only_shows_at_the_start_is_an_error_without_a_traceback(tmp_path: Path) -> None:
    path = later_release(tmp_path / "later.db")
    config = write(tmp_path, LEDGER.format(path=path))
    done = rungwise("serve", "--config", config, RUNGWISE_TEST_KEY="x")
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith(f"rungwise: {path}: the file is of version 99")
