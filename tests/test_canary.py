"""Does any secret get out? Every kind is given to a whole server, and looked for in every byte.

Provider keys, callers' keys (of the environment and stored), the passwords of database and Redis.
Every logger of every package writes at DEBUG, and the upstream quotes the keys that it is sent in
all that it says.
"""

from __future__ import annotations

import asyncio
import base64
import json
import secrets
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlsplit

import httpx
import pytest
import redis
from sqlalchemy import text

from rungwise.store.database import Database
from tests.doubles.upstream import (
    Answer,
    Request,
    Upstream,
    openai_delta,
    openai_stream,
    refused_url,
)
from tests.nursery import LOUD, Nursery, nursery

pytestmark = pytest.mark.anyio

ENDS = 12
"""So many of a secret's first or last characters are too many, too."""
CONFIG = """
server: {{api_keys_env: CALLERS}}
ledger: {ledger}
access: {{stored_keys: true, refresh_s: 0.1, limits: {{caps: [{{usd: 1000, window: day}}]}}}}
answer_cache: {{store: redis, redis_url_env: REDIS}}
prices: {{book: none}}
tiers:
  - {{name: own, kind: 'tests.doubles.local_rung:LocalRung', model: hand}}
  - {{name: chat, kind: openai, model: a, base_url: '{url}/v1', {more}, api_key_env: KEY}}
  - {{name: pro, kind: responses, model: b, base_url: '{url}/v1', {more}, api_key_env: KEY}}
  - {{name: pool, kind: openai, model: c, base_url: '{url}/v1', {more}, api_key_env: POOL}}
  - {{name: gone, kind: openai, model: d, base_url: '{gone}/v1', {more}, api_key_env: KEY}}
  - {{name: claude, kind: anthropic, model: e, base_url: '{url}', {more}, api_key_env: OTHER}}
"""
MORE = (
    "price: {input: 1, output: 2, cache_read: 1}, max_tokens: 100,"
    " guards: {retries: 0, breaker_failures: 0}"
)
TIERS = ("chat", "pro", "pool", "gone", "claude")


# ---- what is secret --------------------------------------------------------------------------


def canary(prefix: str) -> str:
    """Of characters, some of which an address has to quote."""
    return f"{prefix}{secrets.token_hex(9)}+/{secrets.token_hex(9)}="


@dataclass(frozen=True, slots=True)
class Canaries:
    key: str = field(default_factory=lambda: canary("sk-"))
    other: str = field(default_factory=lambda: canary("sa-"))
    pool: tuple[str, ...] = field(
        default_factory=lambda: (canary("k1-"), canary("k2-"), canary("k3-"))
    )
    caller: str = field(default_factory=lambda: canary("me-"))
    wrong: str = field(default_factory=lambda: canary("no-"))
    database: str = field(default_factory=lambda: canary("db-"))
    redis: str = field(default_factory=lambda: canary("re-"))

    def __iter__(self) -> Iterator[str]:
        yield from (self.key, self.other, *self.pool, self.caller, self.wrong)
        yield from (self.database, self.redis)


def traces(secret: str) -> Mapping[str, bytes]:
    """What would give it away."""
    found = {
        "whole": secret,
        "its beginning": secret[:ENDS],
        "its end": secret[-ENDS:],
        "quoted": quote(secret, safe=""),
        "the quoted beginning": quote(secret, safe="")[:ENDS],
    }
    for shift in range(3):  # base64 of a text in which it stands anywhere
        coded = base64.b64encode(b"\0" * shift + secret.encode()).decode()
        found[f"base64, {shift}"] = coded[-(-shift * 4 // 3) + 1 : -5]
    return {how: trace.encode() for how, trace in found.items()}


# ---- an upstream that talks ------------------------------------------------------------------


class Talkative:
    """Quotes in whatever it says the headers of a request, and all keys of that owner's."""

    def __init__(self) -> None:
        self._seen: dict[str, list[str]] = defaultdict(list)

    def __call__(self, request: Request) -> Answer:
        key = request.headers.get("x-api-key") or request.headers["authorization"].split()[1]
        keys = self._seen[key[:2].rstrip("123")]
        if key not in keys:
            keys.append(key)
        quoted = " ".join(reversed(keys)) + json.dumps(request.headers)
        said = json.dumps(request.body)
        return next((make(quoted) for what, make in _ANSWERS.items() if what in said), _fine())


def _fine() -> Answer:
    usage = {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11}
    return Answer(
        openai_stream(openai_delta("fine"), openai_delta(finish="stop"), {"usage": usage})
    )


def _refuses(status: int, quoted: str) -> Answer:
    body = json.dumps({"error": {"type": "t", "code": "c", "message": f"no: {quoted}"}})
    return Answer(body.encode(), status=status, type="application/json")


def _padded(quoted: str) -> Answer:
    """Whose words are cut in the middle of a key."""
    return _refuses(400, f"{'x' * 270} {quoted[-130:]}")


def _inside(quoted: str) -> Answer:
    error = {"type": "error", "error": {"type": "overloaded_error", "message": quoted}}
    return Answer(b"data: %b\n\n" % json.dumps(error).encode())


_ANSWERS = {
    **{
        f"says {status}": lambda quoted, status=status: _refuses(status, quoted)
        for status in (400, 401, 403, 404, 413, 422, 429, 500, 503, 529)
    },
    "cuts": _padded,
    "fails inside": _inside,
    "ends oddly": lambda quoted: Answer(openai_stream(openai_delta("a", finish=quoted))),
    "no JSON": lambda quoted: Answer(b"data: {oops %b\n\n" % quoted.encode()),
    "no stream": lambda quoted: Answer(quoted.encode(), type=f"text/html; x={quoted[:9]}"),
    "plain words": lambda quoted: Answer(quoted.encode(), status=502, type="text/plain"),
    "goes away": lambda _: Answer(silent=True, then="reset"),
}


# ---- the run ---------------------------------------------------------------------------------


@dataclass
class Run:
    forks: Nursery
    folder: Path
    config: Path
    environ: dict[str, str]
    canaries: Canaries
    place: str
    told: list[bytes] = field(default_factory=list)
    """All that was heard of the server."""

    async def command(self, *words: str) -> None:
        """One of our other commands; what it writes goes to the log."""
        await self.forks.run(words, self.environ, log=self.folder / "commands.log")

    async def ask(self, http: httpx.AsyncClient, path: str, **more: object) -> httpx.Response:
        answer = await http.request("POST" if "json" in more else "GET", path, **more)  # type: ignore[arg-type]
        head = "\n".join(f"{name}: {value}" for name, value in answer.headers.items())
        self.told += [head.encode(), answer.content]
        return answer


@asynccontextmanager
async def standing(
    folder: Path, store: str, redis_url: str, canaries: Canaries
) -> AsyncIterator[tuple[Run, str]]:
    """A loud server, in which every secret is in use."""
    environ = {
        LOUD: "1",
        "PYTHONASYNCIODEBUG": "1",
        "KEY": canaries.key,
        "OTHER": canaries.other,
        "POOL": ",".join(canaries.pool),
        "CALLERS": canaries.caller,
        "REDIS": with_password(redis_url, "canary", canaries.redis),
    }
    ledger = f"{{path: '{folder / 'ledger.db'}'}}"
    if store.startswith("postgres"):
        environ["STORE"] = with_password(store, "rungwise", canaries.database)
        ledger = "{url_env: STORE}"
    async with Upstream(Talkative()) as upstream, nursery() as forks:
        config = folder / "server.yaml"
        gone = refused_url()
        config.write_text(CONFIG.format(url=upstream.url, gone=gone, ledger=ledger, more=MORE))
        run = Run(forks, folder, config, environ, canaries, environ.get("STORE", ""))
        server = await forks.serve(config, environ, log=folder / "server.log")
        yield run, server.url
        server.kill()
        await forks.ended(server)


def with_password(address: str, user: str, password: str) -> str:
    parts = urlsplit(address)
    where = f"{user}:{quote(password, safe='')}@{parts.hostname}:{parts.port}"
    return parts._replace(netloc=where).geturl()


@pytest.fixture
def guarded_redis(redis_url: str) -> Iterator[tuple[str, Canaries]]:
    """A Redis with a user of its own, whose password is one of the secrets."""
    canaries = Canaries()
    with redis.Redis.from_url(redis_url) as client:
        client.acl_setuser(
            "canary", enabled=True, passwords=[f"+{canaries.redis}"], keys=["*"], commands=["+@all"]
        )
        yield redis_url, canaries
        client.acl_deluser("canary")


async def test_no_secret_is_in_any_byte_that_leaves_the_server(
    tmp_path: Path, store_url: str, guarded_redis: tuple[str, Canaries]
) -> None:
    redis_url, canaries = guarded_redis
    async with standing(tmp_path, store_url, redis_url, canaries) as (run, url):
        stored = await new_key(run)
        async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=30) as http:
            await everything(run, http, stored)
        await raw(run, url)
        await every_command(run)
        await bad_configurations(run)
        found = {**kept(run, redis_url), **{f"answer {i}": b for i, b in enumerate(run.told)}}
        log = found["server.log"]
    assert all(name in log for name in LOGGERS), "every package talks"
    assert b"ZeroDivisionError" in log and b"Traceback" in log
    assert sum(b"***" in content for content in run.told) > 20, "keys were quoted, and hidden"
    assert len(found) > 300 and any(name.startswith("redis ") for name in found)
    for secret in (*canaries, stored):
        for how, trace in traces(secret).items():
            holders = [name for name, content in found.items() if trace in content]
            where = [excerpt(found[name], trace) for name in holders[:3]]
            assert not holders, f"{secret[:3]}...: {how} is in {holders[:5]}: {where}"


LOGGERS = (b":alembic.", b":redis.", b":sqlalchemy.", b" uvicorn.", b" rungwise.")


def excerpt(content: bytes, trace: bytes) -> bytes:
    place = content.index(trace)
    return content[max(0, place - 200) : place + 60]


async def new_key(run: Run) -> str:
    """Told once, to the one who makes it: that output is nobody else's."""
    told = run.folder.parent / f"{run.folder.name}-secret"
    command = ["keys", "create", "ci", "--cap", "10/day", "--config", str(run.config)]
    assert not await run.forks.run(command, run.environ, log=told)
    secret = next(line for line in told.read_text().splitlines() if line.startswith("rw"))
    told.unlink()
    return secret.strip()


async def everything(run: Run, http: httpx.AsyncClient, stored: str) -> None:
    heads = [{"authorization": f"Bearer {run.canaries.caller}"}, {"x-api-key": stored}]
    async with asyncio.timeout(20):
        while (await http.get("/v1/models", headers=heads[1])).status_code != 200:
            await asyncio.sleep(0.05)
    wrong = run.canaries.wrong
    for head in ({"authorization": f"Bearer {wrong}"}, {"x-api-key": wrong}, {}):
        assert (await run.ask(http, "/v1/models", headers=head)).status_code == 401
        params = {"api_key": wrong}
        await run.ask(http, "/v1/chat/completions", headers=head, params=params, json=asked("own"))
    turn = 0
    for rung in TIERS:
        for what in (*_ANSWERS, "all well"):
            turn += 1
            path = ("/v1/chat/completions", "/v1/messages")[turn % 2]
            body = {**asked(rung, what), "stream": turn % 3 == 0}
            head = heads[turn // 2 % 2]
            answer = await run.ask(http, path, headers=head, json=body)
            id = answer.headers["x-request-id"]
            await run.ask(http, f"/v1/answers/{id}", headers=head)
    crash = await run.ask(http, "/v1/messages", headers=heads[0], json=asked("own", "crash"))
    assert crash.status_code == 500
    for path in ("/metrics", "/readyz", "/healthz", "/v1/models", "/nowhere"):
        await run.ask(http, path, headers=heads[0])


def asked(rung: str, what: str = "all well") -> dict[str, object]:
    return {
        "model": rung,
        "max_tokens": 50,
        "temperature": 0,
        "messages": [{"role": "user", "content": f"The upstream {what}"}],
    }


async def raw(run: Run, url: str) -> None:
    """What is no HTTP, with a key in it."""
    key = run.canaries.caller.encode()
    for head in (
        b"GET /v1/models HTTP/1.1\r\nAuthorization: Bearer " + key + b"\r\nbad\x01 header\r\n\r\n",
        b"GET /v1/models HTTP/9.9 " + key + b"\r\n\r\n",
        b"GET /v1/models HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + key + b"\x80\r\n\r\n",
    ):
        reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(url).port)
        writer.write(head)
        writer.write_eof()
        run.told.append(await reader.read())
        writer.close()


async def every_command(run: Run) -> None:
    config = ("--config", str(run.config))
    for command in (("keys", "list"), ("doctor",), ("report",)):
        await run.command(*command, *config)
    for place in filter(None, (run.place, run.place.replace("127.0.0.1", "127.0.0.2"))):
        await run.command("report", "--ledger", place)
    await run.command("keys", "rotate", "nobody", *config)


async def bad_configurations(run: Run) -> None:
    """A secret in the wrong place."""
    good, key = run.config.read_text(), run.canaries.key
    address = f"postgresql://rungwise:{run.canaries.database}@127.0.0.1:1/none"
    for number, bad in enumerate(
        (
            good.replace("api_key_env: OTHER", f"api_key_env: {key}"),
            good.replace("api_key_env: OTHER", f"api_key: '{key}'"),
            good.replace("api_key_env: OTHER", f"api_key: '{key}"),
            good.replace("api_key_env: OTHER", f"{key}: x"),
            good.replace("api_key_env: OTHER", f"[{key}"),
            good.replace("kind: anthropic", f"kind: '{key}'"),
            good.replace("name: claude", f"name: '{key}'"),
            good.replace("api_keys_env: CALLERS", f"api_keys_env: '{key}'"),
            good.replace("redis_url_env: REDIS", f"redis_url: '{address}'"),
            good.replace("caps: [", f"requests_per_minute: '{key}', caps: ["),
            f"ledger: {{url: '{address}'}}\ntiers: []",
            f"ledger: '{address}'\ntiers: []",
            key,
            f"- {key}",
            f"{key}: {key}",
            f"tiers: {key}",
        )
    ):
        path = run.folder / f"bad{number}.conf"
        path.write_text(bad)
        await run.command("serve", "--port", "0", "--config", str(path))
        path.unlink()
    # an address where no database answers, and a variable that holds no address
    for store in (address, run.canaries.database):
        environ = {**run.environ, "STORE": store, "REDIS": run.canaries.redis}
        path = run.folder / "else.conf"
        path.write_text("ledger: {url_env: STORE}\n" + good.replace("ledger:", "#"))
        for command in (("serve", "--port", "0"), ("report",), ("keys", "list"), ("doctor",)):
            words = (*command, "--config", str(path))
            await run.forks.run(words, environ, log=run.folder / "commands.log")


def kept(run: Run, redis_url: str) -> dict[str, bytes]:
    """All that is on the disk, in the database and in Redis."""
    found = {file.name: file.read_bytes() for file in run.folder.iterdir() if file.is_file()}
    assert found.keys() >= {"server.log", "commands.log"}
    if run.place:
        found |= rows(run.place)
    else:
        assert found.keys() >= {"ledger.db", "ledger.db-wal"}
    with redis.Redis.from_url(redis_url) as client:
        for key in client.scan_iter("*"):
            found[f"redis {key!r}"] = key + (client.get(key) or b"")
    return found


def rows(place: str) -> dict[str, bytes]:
    database = Database(place)
    with closing(database), database.looking() as connection:
        named = text("select table_name from information_schema.tables where table_schema='public'")
        tables = connection.scalars(named).all()
        assert {"entry", "attempt", "api_key", "reservation"} <= set(tables)
        return {
            table: repr(connection.execute(text(f'select * from "{table}"')).all()).encode()
            for table in tables
        }
