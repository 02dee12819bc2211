"""How much does this server cost over vLLM's own? Both on the same model, in turn, as ratios."""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from itertools import product
from pathlib import Path

from rungwise.errors import ConfigError
from rungwise.lab.bench.command import command_of
from rungwise.lab.bench.compact import write_compact
from rungwise.lab.bench.cpu import cpu_of
from rungwise.lab.bench.engine_figures import (
    MEASURES,
    Point,
    Taken,
    figures,
    ratio_rows,
    table,
)
from rungwise.lab.bench.engine_plot import plot_engine
from rungwise.lab.bench.load import load
from rungwise.lab.bench.prompts import MadeUp, Suite, words_per_token
from rungwise.lab.bench.served import Server, bodies, engine_of, name_of, own, reference
from rungwise.lab.machine import describe
from rungwise.lab.pictures import check_matplotlib

__all__ = ["bench_engine", "points_of"]

Figures = list[dict[str, object]]
LEAST_ROUNDS = 2
ROOM = 64
"""Tokens that a chat template may add."""


def bench_engine(arguments: argparse.Namespace) -> int:
    """Measure every point and print it; what was asked for is written after each, too. Raises
    ConfigError before anything is started, RuntimeError when a server could not be measured."""
    begin = time.perf_counter()
    points = points_of(arguments)
    if arguments.plot is not None:
        check_matplotlib()
    about: dict[str, object] = {
        "command": command_of(arguments),
        "machine": describe(),
        "model": name_of(arguments),
        "max_tokens": arguments.max_tokens,
        "compiled": arguments.compiled,
        "measures": {name: measure.told for name, measure in MEASURES.items()},
    }

    def write(found: Figures, left: Sequence[Point]) -> None:
        left_out = [f"{p.concurrency} at a time, {p.prompts}, stream: {p.stream}" for p in left]
        rows = [row for one in found for row in ratio_rows(one)]
        document = {**about, "left_out": left_out, "ratios": rows, "points": found}
        write_compact(arguments.json, document)

    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rungwise-bench-")))
        tier = engine_of(arguments, folder)
        rate = words_per_token(Path(tier.model)) if arguments.prompt_tokens else 1.0
        vllm = stack.enter_context(reference(tier, folder))
        both = stack.enter_context(own(tier, folder, deaf=bool(arguments.prompt_tokens)))
        about["start_s"] = time.perf_counter() - begin
        end = None if arguments.within is None else begin + arguments.within
        found = asyncio.run(_measure((vllm, *both), points, rate, arguments, end, write))
    if arguments.plot is not None and found:
        plot_engine(arguments.plot, found, name_of(arguments))
    return 0


def points_of(arguments: argparse.Namespace) -> list[Point]:
    """In the order in which they are measured. Raises ConfigError."""
    lengths: Sequence[int | None] = arguments.prompt_tokens or [None]
    if not arguments.prompt_tokens and any(arguments.shared_prefix):
        raise ConfigError("--shared-prefix: the suite has its own; name --prompt-tokens, too")
    longest = max(arguments.prompt_tokens or [0]) + max(arguments.shared_prefix) + ROOM
    if arguments.prompt_tokens and longest + arguments.max_tokens > arguments.max_model_len:
        raise ConfigError(
            f"--prompt-tokens: up to {longest} tokens of prompt and {arguments.max_tokens} of "
            f"answer do not fit into --max-model-len {arguments.max_model_len}"
        )
    streams = [kind == "stream" for kind in arguments.answers]
    kinds = product(lengths, arguments.shared_prefix, arguments.concurrency, streams)
    return [
        Point(concurrency=c, stream=stream, prompt_tokens=length, shared_prefix=shared)
        for length, shared, c, stream in kinds
    ]


async def _measure(
    servers: Sequence[Server],
    points: Sequence[Point],
    rate: float,
    arguments: argparse.Namespace,
    end: float | None,
    write: Callable[[Figures, Sequence[Point]], None],
) -> Figures:
    """Where there is an end, each point may take its share of the time that is left."""
    from tqdm import tqdm

    found: Figures = []
    with tqdm(total=len(points), unit="point", mininterval=1) as bar:
        for number, point in enumerate(points):
            now, left = time.perf_counter(), points[number:]
            if end is not None and now >= end:
                print(f"no time left: {len(left)} of {len(points)} points were not measured")
                break
            until = None if end is None else now + (end - now) / len(left)
            one = figures(point, await _rounds(servers, point, rate, arguments, until))
            found.append(one)
            bar.clear()
            print(table(one), end="\n\n", flush=True)
            bar.update()
            write(found, points[number + 1 :])
    return found


async def _rounds(
    servers: Sequence[Server],
    point: Point,
    rate: float,
    arguments: argparse.Namespace,
    until: float | None,
) -> dict[str, list[Taken]]:
    """In every round each server has one turn, and another one begins."""
    turns = _Turns(point, rate, arguments.max_tokens)
    count = await _warm_up(servers, turns, float(arguments.seconds))
    found: dict[str, list[Taken]] = {server.name: [] for server in servers}
    for number in range(arguments.rounds):
        if number >= LEAST_ROUNDS and until is not None and time.perf_counter() >= until:
            break
        for place in range(len(servers)):
            server = servers[(number + place) % len(servers)]
            found[server.name].append(await turns.take(server, number, count))
    return found


async def _warm_up(servers: Sequence[Server], turns: _Turns, seconds: float) -> int:
    """How many requests fill a turn of so many seconds on the reference."""
    at_once = turns.point.concurrency
    for server in servers[1:]:
        await turns.take(server, -1, at_once)
    trial = await turns.take(servers[0], -1, max(at_once, min(3 * at_once, 96)))
    return max(1, round(trial.round.rps * seconds / at_once)) * at_once


class _Turns:
    """What one point asks of any server."""

    def __init__(self, point: Point, rate: float, max_tokens: int) -> None:
        self.point, self._most = point, max_tokens
        self._prompts: MadeUp | Suite = Suite()
        if point.prompt_tokens is not None:
            self._prompts = MadeUp(
                tokens=point.prompt_tokens, shared=point.shared_prefix, words_per_token=rate
            )

    async def take(self, server: Server, number: int, count: int) -> Taken:
        point, salted = self.point, isinstance(self._prompts, MadeUp)
        asked = self._prompts.of_round(number, count)
        sent = bodies(server, point.stream, self._most, asked, salted=salted)
        before = cpu_of(server.pid)
        done = await load(
            "127.0.0.1", server.port, sent, concurrency=point.concurrency, requests=count
        )
        after = cpu_of(server.pid)
        return Taken(done, None if before is None or after is None else after.since(before))
