"""What does it cost to be watched? Requests/s with all metrics on against off, and what is told."""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

from rungwise.lab.bench import by_round
from rungwise.lab.bench.cpu import cpu_of
from rungwise.lab.bench.gateways import Gateway, bare, bodies, rungwise
from rungwise.lab.bench.load import Round, load
from rungwise.lab.bench.looks import fetch, measure_looks
from rungwise.lab.bench.series import measure_series

__all__ = ["figures", "measure_metrics"]

SCRAPED_EVERY_S = 1.0
RUNGS = 6
"""As many as a ladder may have: with `auto` and its aliases that makes 16 names for a route, and
with the step types that may come on each 69 routes of a kind."""
CONCURRENCY = 32


@dataclass(frozen=True, slots=True)
class Turn:
    done: Round
    processor_s: float | None
    """Of the server's process; None where it cannot be read."""


def measure_metrics(arguments: argparse.Namespace) -> dict[str, object]:
    """Raises RuntimeError where a server fails, ConfigError where one does not start."""
    import uvloop

    told: dict[str, object] = {"concurrency": CONCURRENCY}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rungwise-bench-")))
        upstream = stack.enter_context(bare(folder, 16))
        if arguments.rounds:
            with (
                rungwise(folder, upstream, name="on") as on,
                rungwise(folder, upstream, name="off", watched=False) as off,
            ):
                rounds = uvloop.run(_measure(on, off, arguments))
            told |= {"rounds": arguments.rounds, "seconds": arguments.seconds, **figures(rounds)}
        if arguments.junk:
            with rungwise(folder, upstream, name="many", rungs=RUNGS) as many:
                told |= uvloop.run(measure_series(many, arguments.junk))
        if arguments.entries:
            told |= measure_looks(folder, upstream, arguments.entries, page=arguments.page)
    return told


async def _measure(
    on: Gateway, off: Gateway, arguments: argparse.Namespace
) -> Mapping[str, Sequence[Turn]]:
    """Both in every round, and each as often first as second."""
    from tqdm import tqdm

    trial = await _load(off, 20 * CONCURRENCY)
    await _load(on, 20 * CONCURRENCY)
    count = max(CONCURRENCY, round(trial.rps * arguments.seconds))
    found: dict[str, list[Turn]] = {"on": [], "off": []}
    with tqdm(total=2 * arguments.rounds, unit="round", mininterval=1) as bar:
        for number in range(arguments.rounds):
            for server in (on, off) if number % 2 else (off, on):
                async with _scraped(server) if server is on else nullcontext():
                    found[server.name].append(await _turn(server, count))
                bar.update()
    return found


async def _turn(server: Gateway, requests: int) -> Turn:
    before = cpu_of(server.pid)
    done = await _load(server, requests)
    after = cpu_of(server.pid)
    if before is None or after is None:
        return Turn(done, None)
    return Turn(done, after.since(before).server_s)


async def _load(server: Gateway, requests: int) -> Round:
    return await load(
        "127.0.0.1",
        server.port,
        bodies(server, stream=False),
        concurrency=CONCURRENCY,
        requests=requests,
        key=server.key,
    )


@asynccontextmanager
async def _scraped(server: Gateway) -> AsyncIterator[None]:
    """As a Prometheus would, but oftener."""
    import aiohttp

    async def scrape(session: aiohttp.ClientSession) -> None:
        while True:
            await fetch(session, server, "/metrics")
            await asyncio.sleep(SCRAPED_EVERY_S)

    async with aiohttp.ClientSession() as session:
        scraping = asyncio.create_task(scrape(session))
        try:
            yield
        finally:
            if scraping.done():
                scraping.result()
            scraping.cancel()
            with suppress(asyncio.CancelledError):
                await scraping


def figures(turns: Mapping[str, Sequence[Turn]]) -> dict[str, object]:
    """`rps_ratio`: requests/s watched over unwatched, the median over rounds, with its 95 %
    interval by ranks: None and None where they were too few. `processor_ratio`: the same of the
    server's processor time for a request, which a busy machine disturbs less."""
    rps = {name: [turn.done.rps for turn in taken] for name, taken in turns.items()}
    ratio, low, high = by_round.ratio(rps["on"], rps["off"])
    return {
        "rps_ratio": ratio,
        "rps_ratio_interval": [low, high],
        **{f"rps_{name}": by_round.median(values)[0] for name, values in rps.items()},
        "requests": sum(turn.done.requests for taken in turns.values() for turn in taken),
        **_processor(turns),
    }


def _processor(turns: Mapping[str, Sequence[Turn]]) -> dict[str, object]:
    """Nothing where it could not be read."""
    ms = {
        name: [1000 * turn.processor_s / turn.done.requests for turn in taken if turn.processor_s]
        for name, taken in turns.items()
    }
    if not all(len(ms[name]) == len(taken) > 0 for name, taken in turns.items()):
        return {}
    ratio, low, high = by_round.ratio(ms["on"], ms["off"])
    return {
        "processor_ratio": ratio,
        "processor_ratio_interval": [low, high],
        **{f"processor_ms_{name}": by_round.median(values)[0] for name, values in ms.items()},
    }
