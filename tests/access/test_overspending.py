"""Can two servers on one PostgreSQL together spend more than a cap? Real processes, random costs.

A check of the database itself refuses, at every moment, a row in which more is spent and set aside
than the cap allows.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.access.accounts import account
from tests.access.spender import caller_of

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[2]
CAP = 1000
"""Enough for 10 answers of the middle price; 500 ask."""
ANSWERS = 250


@contextmanager
def spender(url: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.access.spender", url, str(CAP)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, cwd=ROOT) as process:
        try:
            yield process
            assert process.stdin is not None
            process.stdin.close()
            process.wait(timeout=60)
        finally:
            process.kill()


def heard(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def told(process: subprocess.Popen[str], line: str) -> None:
    assert process.stdin is not None
    process.stdin.write(f"{line}\n")
    process.stdin.flush()


def guard(url: str) -> None:
    import psycopg

    with psycopg.connect(url) as db:
        db.execute(f"alter table spending add check (spent + reserved <= {CAP})")


async def test_two_servers_never_overspend_and_nothing_stays_set_aside(
    postgres_url: str, thorough: bool
) -> None:
    async with account(postgres_url) as books:
        guard(postgres_url)
        with ExitStack() as running:
            servers = [running.enter_context(spender(postgres_url)) for _ in range(2)]
            assert [heard(server) for server in servers] == ["ready"] * 2
            for seed in range(100 if thorough else 3):
                for server in servers:
                    told(server, f"{seed} {ANSWERS}")
                ends = [json.loads(heard(server)) for server in servers]
                paid, spent, unwritten = (sum(column) for column in zip(*ends, strict=True))
                assert unwritten == 0
                assert (await books.books())[caller_of(seed), "all", "month"] == (spent, 0)
                assert 0 < spent <= CAP and paid < 2 * ANSWERS
                assert await books.open() == []


async def test_what_a_killed_server_had_set_aside_is_neither_stuck_nor_overspent(
    postgres_url: str,
) -> None:
    async with account(postgres_url) as books:
        guard(postgres_url)
        with spender(postgres_url) as stays:
            with spender(postgres_url) as dies:
                assert (heard(stays), heard(dies)) == ("ready", "ready")
                told(dies, f"7 {ANSWERS}")
                async with asyncio.timeout(60):
                    while not await books.open():
                        pass
                dies.kill()
            told(stays, f"7 {ANSWERS}")
            heard(stays)
            left = await books.open()
            await books.purse.put_in_order()
            assert await books.open() == []
            spent, reserved = (await books.books())[caller_of(7), "all", "month"]
            assert spent <= CAP and reserved == 0
            lost = [id for id, state in await books.entries() if state == "lost"]
            assert set(left) <= set(lost)
