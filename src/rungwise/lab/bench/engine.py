"""How much does this server cost over vLLM's own? Both on the same model, in turn, as ratios."""

from __future__ import annotations

import argparse
import asyncio
import math
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from itertools import product
from pathlib import Path

from rungwise.errors import ConfigError
from rungwise.lab.bench.command import command_of
from rungwise.lab.bench.compact import write_compact
from rungwise.lab.bench.engine_figures import MEASURES, Point, figures, ratio_rows, table
from rungwise.lab.bench.engine_plot import plot_engine
from rungwise.lab.bench.engine_rounds import Asked, take_rounds
from rungwise.lab.bench.prompts import words_per_token
from rungwise.lab.bench.served import Server, engine_of, name_of, own, reference
from rungwise.lab.machine import describe
from rungwise.lab.pictures import check_matplotlib

__all__ = ["bench_engine", "measure", "points_of"]

Figures = list[dict[str, object]]
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
        rows = [row for one in found for row in ratio_rows(one)]
        left_out = [point.told for point in left]
        document = {**about, "left_out": left_out, "ratios": rows, "points": found}
        write_compact(arguments.json, document)

    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rungwise-bench-")))
        tier = engine_of(arguments, folder)
        rate = words_per_token(Path(tier.model)) if arguments.prompt_tokens else 1.0
        vllm = stack.enter_context(reference(tier, folder))
        both = stack.enter_context(own(tier, folder, deaf=bool(arguments.prompt_tokens)))
        about["start_s"] = time.perf_counter() - begin
        asked = Asked(
            rounds=arguments.rounds,
            seconds=arguments.seconds,
            max_tokens=arguments.max_tokens,
            words_per_token=rate,
        )
        end = math.inf if arguments.within is None else begin + arguments.within
        found = asyncio.run(measure((vllm, *both), points, asked, end, write))
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


async def measure(
    servers: Sequence[Server],
    points: Sequence[Point],
    asked: Asked,
    end: float,
    write: Callable[[Figures, Sequence[Point]], None],
) -> Figures:
    """Where there is an end, each point may take its share of the time that is left. Those for
    which there is no time are left out, and the others keep their rounds."""
    from tqdm import tqdm

    found: Figures = []
    left_out: list[Point] = []
    with tqdm(total=len(points), unit="point", mininterval=1) as bar:
        for number, point in enumerate(points):
            now, ahead = time.perf_counter(), len(points) - number
            until = now + (end - now) / ahead
            timely = now < end
            taken = await take_rounds(servers, point, asked, until, end) if timely else None
            bar.clear()
            if taken is None:
                left_out.append(point)
                print(f"no time left for {asked.least} rounds of {point.told}", flush=True)
            else:
                found.append(one := figures(point, taken))
                print(table(one), end="\n\n", flush=True)
            bar.update()
            write(found, [*left_out, *points[number + 1 :]])
    return found
