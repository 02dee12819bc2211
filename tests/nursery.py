"""How is `rungwise serve` started hundreds of times? By forking a process that has all imported.

Run as a program it reads one JSON object a line, and answers each with one number: to `start` with
the id of a new process that runs a command of ours, to `wait` with how such a process ended. When
its input ends it kills those that are left.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any, NoReturn

import httpx

from rungwise.lab.children import free_port

__all__ = ["LOUD", "Nursery", "Process", "nursery"]

LOUD = "LET_EVERYBODY_TALK"
"""A variable of the new process: its log is that of every package, at DEBUG."""
PATIENCE_S = 60.0
ROOT = Path(__file__).parents[1]
NEEDED = """
    rungwise.cli.serve rungwise.cli.preflight rungwise.cli.server rungwise.build.app
    rungwise.edge.app rungwise.store.migrate rungwise.tiers.hosted.openai
    rungwise.tiers.hosted.responses rungwise.tiers.hosted.anthropic rungwise.confidence.gate
    openai anthropic aiohttp httpx2 uvloop
    alembic.command alembic.runtime.migration sqlalchemy.dialects.sqlite
    sqlalchemy.dialects.postgresql.psycopg rungwise.ledger.sql
""".split()


# ---- the program -----------------------------------------------------------------------------


def _main() -> None:
    for module in NEEDED:
        import_module(module)
    gc.collect()
    gc.freeze()
    living: dict[int, Popen[bytes]] = {}
    """The children, and who writes each one's log."""
    for line in sys.stdin:
        told = json.loads(line)
        if "start" in told:
            answer, writer = _start(told["start"], told["environ"], Path(told["log"]))
            living[answer] = writer
        else:
            answer = os.waitstatus_to_exitcode(os.waitpid(told["wait"], 0)[1])
            living.pop(told["wait"]).wait()
        print(answer, flush=True)
    for child in living:
        os.kill(child, signal.SIGKILL)


def _start(
    command: Sequence[str], environ: Mapping[str, str], log: Path
) -> tuple[int, Popen[bytes]]:
    """Its log goes through a pipe: a limit on the size of its files is none on that."""
    source, out = os.pipe()
    with log.open("ab") as file:
        writer = Popen(["cat"], stdin=source, stdout=file)
    os.close(source)
    child = os.fork()
    if not child:
        _be(command, environ, out)
    os.close(out)
    return child, writer


def _be(command: Sequence[str], environ: Mapping[str, str], out: int) -> NoReturn:
    """The child: what this process holds open is not its own."""
    status = 1
    try:
        for number, file in ((0, os.open(os.devnull, os.O_RDONLY)), (1, out), (2, out)):
            os.dup2(file, number)
        os.close(out)
        os.environ.clear()
        os.environ.update(environ)
        if LOUD in environ:
            _let_everybody_talk()
        from rungwise.cli.main import main

        status = main(command)
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _let_everybody_talk() -> None:
    """Every logger there is writes everything, whatever it is told later."""
    logging.basicConfig(level=logging.DEBUG)
    for logger in logging.Logger.manager.loggerDict.values():
        if isinstance(logger, logging.Logger):
            logger.setLevel(logging.NOTSET)
    logging.Logger.setLevel = lambda *_: None  # type: ignore[method-assign]


# ---- for tests -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Process:
    pid: int
    url: str
    log: Path

    @property
    def lives(self) -> bool:
        """It is a zombie until `ended` is asked."""
        return Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"

    @property
    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def kill(self) -> None:
        """SIGKILL, in the middle of whatever it does."""
        os.kill(self.pid, signal.SIGKILL)


class Nursery:
    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def serve(
        self, config: Path, environ: Mapping[str, str], *, log: Path, port: int | None = None
    ) -> Process:
        """`rungwise serve`, once it is ready. Its output is added to the log."""
        port = free_port() if port is None else port
        pid = await self._start(
            ["serve", "--config", str(config), "--port", str(port)], environ, log
        )
        process = Process(pid, f"http://127.0.0.1:{port}", log)
        async with httpx.AsyncClient(trust_env=False) as http, asyncio.timeout(PATIENCE_S):
            while not await _is_ready(http, process.url):
                assert process.lives, process.said
                await asyncio.sleep(0.01)
        return process

    async def run(self, command: Sequence[str], environ: Mapping[str, str], *, log: Path) -> int:
        """Another command, to its end: its exit status. Its output is added to the log."""
        pid = await self._start(command, environ, log)
        return await self.ended(Process(pid, "", log))

    async def _start(self, command: Sequence[str], environ: Mapping[str, str], log: Path) -> int:
        environ = {"PATH": "/usr/bin:/bin", **environ}
        return await self._ask(start=command, environ=environ, log=str(log))

    async def ended(self, process: Process) -> int:
        """Its exit status, or the signal that ended it, negative; once it has ended."""
        return await self._ask(wait=process.pid)

    async def _ask(self, **told: Any) -> int:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(f"{json.dumps(told)}\n".encode())
        return int(await self._process.stdout.readline())


@asynccontextmanager
async def nursery() -> AsyncIterator[Nursery]:
    command = (sys.executable, "-m", "tests.nursery")
    process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, cwd=ROOT)
    try:
        yield Nursery(process)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()


async def _is_ready(http: httpx.AsyncClient, url: str) -> bool:
    try:
        return (await http.get(f"{url}/readyz")).status_code == 200
    except httpx.TransportError:
        return False


if __name__ == "__main__":
    _main()
