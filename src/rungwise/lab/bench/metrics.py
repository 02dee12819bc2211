"""What does it cost to be watched? Requests/s with all metrics on against off, and what is told."""

from __future__ import annotations

import argparse
import asyncio
import random
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager, nullcontext, suppress
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from rungwise.lab.bench import by_round
from rungwise.lab.bench.cpu import cpu_of
from rungwise.lab.bench.gateways import Gateway, bare, bodies, rungwise, together
from rungwise.lab.bench.load import Round, load
from rungwise.lab.bench.looks import fetch, measure_looks
from rungwise.lab.bench.series import measure_series

if TYPE_CHECKING:
    import aiohttp

__all__ = ["figures", "measure_metrics"]

SCRAPED_EVERY_S = 1.0
RUNGS = 6
"""As many as a ladder may have: with `auto` and its aliases that makes 16 names for a route, and
with the step types that may come on each 69 routes of a kind."""
CONCURRENCY = 32
NAMES = ("on", "off", "again")
"""Watched, unwatched, and unwatched once more."""


@dataclass(frozen=True, slots=True)
class Turn:
    done: Round
    processor_s: float | None
    """Of the process; None where it cannot be read."""


Turns: TypeAlias = Mapping[str, Sequence[Turn]]
"""Of one start of all servers, by name, a turn a round."""


def measure_metrics(arguments: argparse.Namespace) -> dict[str, object]:
    """Raises RuntimeError where a server fails, ConfigError where one does not start."""
    import uvloop

    told: dict[str, object] = {"concurrency": CONCURRENCY}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rungwise-bench-")))
        upstream = stack.enter_context(bare(folder, 16))
        if arguments.starts:
            asked = {name: getattr(arguments, name) for name in ("starts", "rounds", "seconds")}
            told |= {**asked, **figures(_measured(folder, upstream, arguments))}
        if arguments.junk:
            with rungwise(folder, upstream, name="many", rungs=RUNGS) as many:
                told |= uvloop.run(measure_series(many, arguments.junk))
        if arguments.entries:
            told |= measure_looks(folder, upstream, arguments.entries, page=arguments.page)
    return told


def _measured(folder: Path, upstream: Gateway, arguments: argparse.Namespace) -> Sequence[Turns]:
    """All three in one process, which is started anew again and again."""
    import uvloop
    from tqdm import tqdm

    found: list[Turns] = []
    total = len(NAMES) * arguments.starts * arguments.rounds
    with tqdm(total=total, unit="turn", mininterval=1) as bar:
        for number in range(arguments.starts):
            home = folder / str(number)
            home.mkdir()
            with together(home, upstream, NAMES, watched="on") as servers:
                found.append(uvloop.run(_measure(servers, arguments, bar.update)))
    return found


async def _measure(
    servers: Sequence[Gateway], arguments: argparse.Namespace, told: Callable[[], object]
) -> Turns:
    """All in every round, in all orders by turns: who follows itself, or whom, is quicker."""
    import aiohttp

    for server in servers:
        trial = await _load(server, 20 * CONCURRENCY)
    count = max(CONCURRENCY, round(trial.rps * arguments.seconds))
    orders = list(permutations(servers))
    found: dict[str, list[Turn]] = {server.name: [] for server in servers}
    async with aiohttp.ClientSession() as session:
        for number in range(arguments.rounds):
            for server in orders[number % len(orders)]:
                async with _scraped(session, server) if server.name == "on" else nullcontext():
                    found[server.name].append(await _turn(server, count))
                told()
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
async def _scraped(session: aiohttp.ClientSession, server: Gateway) -> AsyncIterator[None]:
    """As a Prometheus would, but oftener; a turn may be shorter than what lies between two."""

    async def scrape() -> None:
        await asyncio.sleep(random.uniform(0.0, SCRAPED_EVERY_S))
        while True:
            await fetch(session, server, "/metrics")
            await asyncio.sleep(SCRAPED_EVERY_S)

    scraping = asyncio.create_task(scrape())
    try:
        yield
    finally:
        if scraping.done():
            scraping.result()
        scraping.cancel()
        with suppress(asyncio.CancelledError):
            await scraping


def figures(starts: Sequence[Turns]) -> dict[str, object]:
    """`rps_ratio`: requests/s watched over unwatched. Of each start the median over its rounds; of
    those the median, with its 95 % interval by ranks: None and None where they were too few.
    `processor_ratio`: of the processor time for a request, of each start over all its rounds, for
    a turn is only fifty of the clock's ticks; left out where it cannot be read. `again_...`: the
    same of two that are both unwatched, which is what chance does. `rps_on` and the like are
    medians over all turns: what the machine did meanwhile is in them."""
    taken = [turn for start in starts for turns in start.values() for turn in turns]
    told: dict[str, object] = {"requests": sum(turn.done.requests for turn in taken)}
    told |= _compared("rps", starts, _quicker)
    told |= {f"rps_{name}": _median(starts, name, lambda turn: turn.done.rps) for name in NAMES[:2]}
    if all(turn.processor_s for turn in taken):
        told |= _compared("processor", starts, _dearer)
        each = {name: _median(starts, name, _milliseconds) for name in NAMES[:2]}
        told |= {f"processor_ms_{name}": ms for name, ms in each.items()}
    return told


def _compared(
    what: str, starts: Sequence[Turns], over: Callable[[Sequence[Turn], Sequence[Turn]], float]
) -> dict[str, object]:
    told: dict[str, object] = {}
    for server, name in (("on", f"{what}_ratio"), ("again", f"again_{what}_ratio")):
        middle, low, high = by_round.median([over(s[server], s["off"]) for s in starts])
        told |= {name: middle, f"{name}_interval": [low, high]}
    return told


def _quicker(one: Sequence[Turn], off: Sequence[Turn]) -> float:
    return by_round.ratio([turn.done.rps for turn in one], [turn.done.rps for turn in off])[0]


def _dearer(one: Sequence[Turn], off: Sequence[Turn]) -> float:
    return _for_a_request(one) / _for_a_request(off)


def _for_a_request(turns: Sequence[Turn]) -> float:
    return sum(t.processor_s or 0.0 for t in turns) / sum(t.done.requests for t in turns)


def _median(starts: Sequence[Turns], name: str, of: Callable[[Turn], float]) -> float:
    return by_round.median([of(turn) for start in starts for turn in start[name]])[0]


def _milliseconds(turn: Turn) -> float:
    return 1000 * _for_a_request([turn])
