"""How long does /metrics take with every route in use, and does junk make it longer?"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import TYPE_CHECKING

from rungwise.counted import percentile
from rungwise.lab.bench.fixed_upstream import MODEL
from rungwise.lab.bench.gateways import KEY, Gateway
from rungwise.lab.bench.looks import fetch
from rungwise.types import StepType

if TYPE_CHECKING:
    import aiohttp

__all__ = ["measure_series"]

SCRAPES = 200
AT_ONCE = 32

Ask = Callable[[int], Awaitable[None]]


async def measure_series(server: Gateway, junk: int) -> dict[str, object]:
    """`metrics_ms` of /metrics after every route was used, and `series` before and after `junk`
    made-up names of each kind: models, users, tasks, agents, paths; and the metrics of those that
    are `new`. What a detector of drift has learned is told from when it has."""
    import aiohttp
    from tqdm import tqdm

    async with aiohttp.ClientSession() as session:
        asks = _junk(session, server)
        with tqdm(total=len(asks) * junk, unit="request", mininterval=1) as bar:
            routes = await _routes(session, server)
            for route, kind in routes:
                await _chat(session, server, route, headers={"x-rungwise-step-type": kind.value})
            for ask in asks.values():  # what has a series of its own, such as a kind of refusal
                await ask(-1)
            before = _series(await fetch(session, server, "/metrics"))
            for ask in asks.values():
                await _all(ask, junk, bar.update)
            after = _series(await fetch(session, server, "/metrics"))
        taken = [await _scrape_ms(session, server) for _ in range(SCRAPES)]
    return {
        "routes": len(routes),
        "metrics_ms": {"p50": percentile(taken, 0.5), "p95": percentile(taken, 0.95)},
        "junk": {"each": junk, "kinds": list(asks)},
        "series": {
            "before": len(before),
            "after": len(after),
            "new": sorted({name.partition("{")[0] for name in after - before}),
        },
    }


async def _routes(session: aiohttp.ClientSession, server: Gateway) -> list[tuple[str, StepType]]:
    """Every name of the ladder with every step type that may come on it."""
    told = json.loads(await fetch(session, server, "/v1/models"))
    ids = [str(model["id"]) for model in told["data"] if model["id"] != MODEL]
    return [
        (id, kind) for id in ids for kind in StepType if id.partition(":")[2] in ("", kind.value)
    ]


async def _scrape_ms(session: aiohttp.ClientSession, server: Gateway) -> float:
    begun = time.perf_counter()
    await fetch(session, server, "/metrics")
    return 1000 * (time.perf_counter() - begun)


async def _all(ask: Ask, count: int, progress: Callable[[], object]) -> None:
    waiting: Iterator[int] = iter(range(count))

    async def worker() -> None:
        for number in waiting:
            await ask(number)
            progress()

    await asyncio.gather(*(worker() for _ in range(AT_ONCE)))


def _junk(session: aiohttp.ClientSession, server: Gateway) -> dict[str, Ask]:
    async def model(n: int) -> None:
        await _chat(session, server, f"junk-{n}", status=404)

    async def user(n: int) -> None:
        await _chat(session, server, "auto", user=f"junk-{n}")

    async def task(n: int) -> None:
        await _chat(session, server, "auto", headers={"x-rungwise-task": f"junk-{n}"})

    async def agent(n: int) -> None:
        await _chat(session, server, "auto", headers={"x-rungwise-agent": f"junk-{n}"})

    async def path(n: int) -> None:
        async with session.get(f"{server.url}/junk/{n}", headers=_key()) as answer:
            await answer.read()

    return {"models": model, "users": user, "tasks": task, "agents": agent, "paths": path}


async def _chat(
    session: aiohttp.ClientSession,
    server: Gateway,
    model: str,
    *,
    user: str = "bench",
    headers: dict[str, str] | None = None,
    status: int = 200,
) -> None:
    """Raises RuntimeError for any other status."""
    asked = {
        "model": model,
        "user": user,
        "max_tokens": 64,
        "messages": [{"role": "user", "content": "hello"}],
    }
    url = f"{server.url}/v1/chat/completions"
    async with session.post(url, json=asked, headers={**_key(), **(headers or {})}) as answer:
        await answer.read()
        if answer.status != status:
            raise RuntimeError(f"{model}: HTTP {answer.status}")


def _key() -> dict[str, str]:
    return {"authorization": f"Bearer {KEY}"}


def _series(exposition: bytes) -> set[str]:
    lines = exposition.decode().splitlines()
    return {line.rpartition(" ")[0] for line in lines if line and not line.startswith("#")}
