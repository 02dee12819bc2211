"""Which real databases do tests use? Those an address names, else the distribution's own.

`postgres_url` is a new, empty database on a real PostgreSQL, `redis_url` an emptied Redis,
`store_url` a new database on SQLite and then on PostgreSQL.

RUNGWISE_TEST_POSTGRES   address of a server where databases may be made and dropped
RUNGWISE_TEST_REDIS      address of a Redis whose database may be emptied
"""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.outside import folder, free_port, leave_out, running

__all__ = ["Server", "postgres_server", "postgres_url", "redis_url", "store_url"]

POSTGRES_HOMES = Path("/usr/lib/postgresql")
FAST = "fsync=off synchronous_commit=off full_page_writes=off max_connections=200".split()


class Server:
    """A server that tests may use: its address, with the name of a database at its end."""

    def __init__(self, url: str) -> None:
        self.url = url

    def database(self, name: str) -> str:
        return urlsplit(self.url)._replace(path=f"/{name}").geturl()


# ---- what tests ask for ----------------------------------------------------------------------


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Server]:
    """A PostgreSQL in which databases may be made."""
    if given := os.environ.get("RUNGWISE_TEST_POSTGRES"):
        yield Server(given)
        return
    initdb, postgres = _postgres("initdb"), _postgres("postgres")
    if initdb is None or postgres is None:
        leave_out("postgres", _lacking("postgres", "PostgreSQL", "postgresql"))
    whom = _as_whom()
    with folder(whom) as home:
        _make_postgres(initdb, home / "data")
        port = free_port()
        url = f"postgresql://rungwise@127.0.0.1:{port}/postgres"
        command = [postgres, "-D", home / "data", "-p", str(port)]
        for setting in ("listen_addresses=127.0.0.1", "unix_socket_directories=", *FAST):
            command += ["-c", setting]
        with running(command, home, lambda: _answers_postgres(url), whom):
            yield Server(url)


@pytest.fixture
def postgres_url(postgres_server: Server) -> Iterator[str]:
    """A new database, dropped afterwards: postgresql://..."""
    import psycopg

    name = f"rungwise_test_{secrets.token_hex(6)}"
    with psycopg.connect(postgres_server.url, autocommit=True) as db:
        db.execute(f'create database "{name}"'.encode())
        yield postgres_server.database(name)
        db.execute(f'drop database "{name}" with (force)'.encode())


@pytest.fixture(scope="session")
def _redis_server() -> Iterator[str]:
    if given := os.environ.get("RUNGWISE_TEST_REDIS"):
        yield given
        return
    binary = shutil.which("redis-server")
    if binary is None:
        leave_out("redis", _lacking("redis", "Redis", "redis-server"))
    with folder() as home:
        port = free_port()
        settings = f"--port {port} --bind 127.0.0.1 --appendonly no --dir {home}".split()
        command = [binary, *settings, "--save", ""]
        with running(command, home, lambda: _answers_redis(port)):
            yield f"redis://127.0.0.1:{port}/0"


@pytest.fixture
def redis_url(_redis_server: str) -> str:
    """An empty database: redis://..."""
    import redis

    with redis.Redis.from_url(_redis_server) as client:
        client.flushdb()
    return _redis_server


@pytest.fixture(params=["sqlite", "postgres"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A new database in each kind of store, as `Store` takes it."""
    if request.param == "postgres":
        return str(request.getfixturevalue("postgres_url"))
    return f"sqlite:///{tmp_path / 'store.db'}"


# ---- how they come to be ---------------------------------------------------------------------


def _lacking(kind: str, name: str, package: str) -> str:
    return f"no {name}: install Debian's package {package}, or set RUNGWISE_TEST_{kind.upper()}"


def _postgres(program: str) -> str | None:
    """Where a program of PostgreSQL is: the newest of the distribution's, or on PATH."""
    homes = (home for home in POSTGRES_HOMES.glob("*/bin") if (home / program).exists())
    newest = max(homes, key=lambda home: float(home.parent.name), default=None)
    return str(newest / program) if newest is not None else shutil.which(program)


def _make_postgres(initdb: str, data: Path) -> None:
    options = "-U rungwise -A trust -E UTF8 --locale=C --no-sync".split()
    made = subprocess.run(
        [initdb, "-D", data, *options], cwd=data.parent, capture_output=True, **_as_whom()
    )
    assert made.returncode == 0, f"initdb: {made.stderr.decode(errors='replace')}"


def _as_whom() -> dict[str, Any]:
    """PostgreSQL refuses to run as root."""
    if os.getuid() != 0:
        return {}
    known = {user.pw_name: user for user in pwd.getpwall()}
    user = known.get("postgres") or known["nobody"]
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _answers_postgres(url: str) -> bool:
    import psycopg

    try:
        psycopg.connect(url, connect_timeout=5).close()
    except psycopg.OperationalError:
        return False
    return True


def _answers_redis(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as link:
            link.sendall(b"PING\r\n")
            return link.recv(16).startswith(b"+PONG")
    except OSError:
        return False
