"""What does the whole server do while its ledger's disk is full, and once there is room again?

A real `rungwise serve` whose SQLite file is on a small file system of its own (which only root may
mount), or may not grow (a limit of its process); an upstream that keeps its own bill.
"""

from __future__ import annotations

import asyncio
import os
import re
import resource
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import httpx
import pytest
from sqlalchemy import select

from rungwise.ledger.sql import read_entries
from rungwise.store.database import Database
from rungwise.store.tables import reservation, spending
from tests.doubles.till import Act, Asked, Rates, Till
from tests.doubles.upstream import Upstream
from tests.nursery import Process, nursery

pytestmark = pytest.mark.anyio

PATHS = ("/v1/chat/completions", "/v1/messages")
RATES = {"paid": Rates(75, 7, 93, 150, 301)}
LATE = 1000
"""From this number on an answer takes long enough for the disk to fill up meanwhile."""
CONFIG = """
ledger: {{path: {path}, when_lost: {when_lost}}}
access: {{limits: {{caps: [{{usd: 900000, window: ever}}]}}}}
prices: {{book: none}}
tiers:
  - {{name: own, kind: 'tests.doubles.local_rung:LocalRung', model: hand}}
  - {{name: paid, kind: openai, model: small, base_url: '{url}/paid/v1', price: {price},
     api_key_env: KEY, max_tokens: 20000}}
"""


def script(asked: Asked) -> Act:
    return Act(drip_s=0.1 if asked.number >= LATE else 0.0)


# ---- how a disk fills up ---------------------------------------------------------------------


class Disk(Protocol):
    folder: Path

    def fill(self, process: Process) -> None: ...

    def free(self, process: Process) -> None: ...


@dataclass
class Small:
    """A file system of its own."""

    folder: Path

    def fill(self, process: Process) -> None:
        with (self.folder / "ballast").open("ab", buffering=0) as ballast:
            try:
                while True:
                    ballast.write(bytes(4096))
            except OSError:
                pass

    def free(self, process: Process) -> None:
        (self.folder / "ballast").unlink()


@dataclass
class Limited:
    """The process may write no file any more, beyond its first bytes."""

    folder: Path

    def fill(self, process: Process) -> None:
        self._allow(process, 64)

    def free(self, process: Process) -> None:
        self._allow(process, resource.RLIM_INFINITY)

    def _allow(self, process: Process, size: int) -> None:
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


@pytest.fixture(params=[Small, Limited])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Disk]:
    folder = tmp_path / "disk"
    folder.mkdir()
    if request.param is Limited:
        yield Limited(folder)
        return
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "rungwise-test", str(folder)]
    if os.getuid() != 0 or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("no small disk: only root may mount one, where mounting is allowed")
    yield Small(folder)
    subprocess.run(["umount", str(folder)], check=True)


# ---- one server on it ------------------------------------------------------------------------


@dataclass
class Standing:
    process: Process
    http: httpx.AsyncClient
    till: Till
    path: Path

    async def ask(
        self, rung: str, number: int, *, path: str = PATHS[0], once: str | None = None
    ) -> httpx.Response:
        body = {
            "model": rung,
            "max_tokens": 100,
            "messages": [{"role": "user", "content": f"What is it? #{number}"}],
        }
        headers = {"idempotency-key": once} if once else {}
        return await self.http.post(path, json=body, headers=headers)

    async def readiness(self) -> tuple[int, dict[str, Any]]:
        answer = await self.http.get("/readyz")
        return answer.status_code, answer.json()

    @property
    def calls(self) -> int:
        return len(self.till.served)


@asynccontextmanager
async def standing(disk: Disk, folder: Path, when_lost: str) -> AsyncIterator[Standing]:
    till = Till(script, RATES)
    async with Upstream(till) as upstream, nursery() as forks:
        config, path = folder / "server.yaml", disk.folder / "ledger.db"
        price = RATES["paid"].yaml
        config.write_text(
            CONFIG.format(url=upstream.url, path=path, when_lost=when_lost, price=price)
        )
        process = await forks.serve(config, {"KEY": "any"}, log=folder / "log")
        async with httpx.AsyncClient(
            base_url=process.url, trust_env=False, timeout=30, limits=httpx.Limits()
        ) as http:
            yield Standing(process, http, till, path)
        process.kill()
        await forks.ended(process)


async def until_refused(server: Standing) -> None:
    """A full disk may have room in what a file has taken already."""
    for number in range(200):
        before = server.calls
        answer = await server.ask("paid", number)
        if answer.status_code == 503:
            assert server.calls == before
            return
        assert answer.status_code == 200 and server.calls == before + 1
    raise AssertionError("the disk is not full")


# ---- what must hold --------------------------------------------------------------------------


@pytest.mark.parametrize("when_lost", ["local", "refuse"])
async def test_nothing_is_paid_for_while_nothing_can_be_written(
    disk: Disk, tmp_path: Path, when_lost: str
) -> None:
    async with standing(disk, tmp_path, when_lost) as server:
        assert (await server.ask("paid", 1)).status_code == 200
        assert await server.readiness() == (
            200,
            {"ready": True, "tiers": ["own", "paid"], "starting": {}, "missing": {}},
        )
        disk.fill(server.process)
        await until_refused(server)
        before = server.calls
        for path in PATHS * 3:
            refused = await server.ask("paid", 2, path=path)
            assert refused.status_code == 503
            says_so(refused.json(), path)
            assert "disk" not in refused.text and "ledger.db" not in refused.text
            own = await server.ask("own", 3, path=path)
            if when_lost == "local":
                assert own.status_code == 200 and "by our own hand" in own.text
            else:
                assert own.status_code == 503
                says_so(own.json(), path)
        assert server.calls == before, "the upstream sees nothing of it"
        status, told = await server.readiness()
        assert told["missing"]["paid"] == "paid: the ledger cannot be written"
        assert (status, told["tiers"]) == ((200, ["own"]) if when_lost == "local" else (503, []))
        await told_by_the_log(server)
        await told_by_metrics(server, own=when_lost == "local", paid=False)
        disk.free(server.process)
        await recovers(server)


def says_so(body: Any, path: str) -> None:
    error = body["error"]
    if path == PATHS[0]:
        assert (error["code"], error["type"]) == ("store_error", "server_error")
    else:
        assert (body["type"], error["type"]) == ("error", "overloaded_error")
    assert "nothing can be written down" in error["message"] or "ledger" in error["message"]


def log_of(server: Standing) -> str:
    return server.process.said


async def told_by_the_log(server: Standing) -> None:
    """With the next sign of life that the server wants to give."""
    async with asyncio.timeout(20):
        while not re.search(r"ledger\.db: (database or disk is full|disk I/O err)", log_of(server)):
            await asyncio.sleep(0.1)


async def told_by_metrics(server: Standing, **ready: bool) -> None:
    """With their next look at the tiers: an alarm goes by them."""
    told = {f'rungwise_tier_ready{{tier="{tier}"}} {float(can)}' for tier, can in ready.items()}
    async with asyncio.timeout(20):
        while not told <= set((await server.http.get("/metrics")).text.splitlines()):
            await asyncio.sleep(0.2)


async def recovers(server: Standing) -> None:
    """Without a restart, and without anybody's help."""
    async with asyncio.timeout(20):
        while (await server.readiness())[1]["missing"]:
            await asyncio.sleep(0.1)
    for path in PATHS:
        assert (await server.ask("paid", 4, path=path)).status_code == 200
        assert (await server.ask("own", 5, path=path)).status_code == 200


async def test_what_was_answered_meanwhile_is_billed_once(disk: Disk, tmp_path: Path) -> None:
    """Calls that were under way as the disk filled up: answered, though their entries cannot be
    written; and once there is room they are spent, once, however often they are asked again."""
    async with standing(disk, tmp_path, "local") as server:
        assert (await server.ask("paid", 1)).status_code == 200
        asking = [
            asyncio.ensure_future(server.ask("paid", LATE + n, once=f"k{n}")) for n in range(20)
        ]
        async with asyncio.timeout(20):
            while server.calls < 21:
                await asyncio.sleep(0.01)
        disk.fill(server.process)
        told = await asyncio.gather(*asking)
        assert {answer.status_code for answer in told} == {200}
        await until_refused(server)
        lost = set(re.findall(r"not in the ledger: .*?Entry\(id='(req_\w+)'", log_of(server)))
        assert lost, "some could not be written down"
        disk.free(server.process)
        await recovers(server)
        before = server.calls
        again = [await server.ask("paid", LATE + n, once=f"k{n}") for n in range(20)]
        assert {answer.status_code for answer in again} <= {200, 409}
        assert server.calls == before, "the same key is not billed twice"
        await settles(server)
        ids = [entry.id for entry in read_entries(server.path)]
        assert len(ids) == len(set(ids)) and not lost & set(ids)
        count = f"rungwise_lost_entries_total {float(len(lost))}"
        assert count in (await server.http.get("/metrics")).text


async def settles(server: Standing) -> None:
    """What was set aside becomes what the upstream's bill says, to the nano-dollar."""
    async with asyncio.timeout(20):
        while (found := books(server.path))[1]:
            await asyncio.sleep(0.1)
    assert found == (sum(line.nano for line in server.till.served), 0, 0)


def books(path: Path) -> tuple[int, int, int]:
    """Spent, set aside, and for how many answers something is."""
    database = Database(path)
    with closing(database), database.looking() as connection:
        (row,) = connection.execute(select(spending)).all()
        return row.spent, row.reserved, len(connection.execute(select(reservation)).all())
