"""How much does this server cost over vLLM's own? Both on the same model, in turn, as ratios."""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from rungwise.counted import percentile
from rungwise.lab.bench.load import Round, interval_of_ratio, load
from rungwise.lab.bench.served import Server, bodies, engine_of, name_of, own, prose, reference
from rungwise.lab.machine import describe

__all__ = ["bench_engine"]


Ratios = list[dict[str, object]]
Point = tuple[int, bool]


def bench_engine(arguments: argparse.Namespace) -> int:
    """Run every point and print a table; what was asked for is written after each point, too.
    Exit status 1 when a server could not be measured."""
    points = [(c, stream) for c in arguments.concurrency for stream in (False, True)]
    about = {
        "command": "rungwise bench engine",
        "machine": describe(),
        "model": name_of(arguments),
        "max_tokens": arguments.max_tokens,
        "compiled": arguments.compiled,
        "rounds": arguments.rounds,
    }

    def write(ratios: Ratios) -> None:
        if arguments.json is not None:
            arguments.json.write_text(json.dumps({**about, "ratios": ratios}, indent=2) + "\n")

    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rungwise-bench-")))
        tier = engine_of(arguments, folder)
        vllm = stack.enter_context(reference(tier, folder))
        servers = (vllm, *stack.enter_context(own(tier, folder)))
        ratios = asyncio.run(_measure(servers, points, arguments, write))
    print(_table(ratios))
    return 0


async def _measure(
    servers: Sequence[Server],
    points: Sequence[Point],
    arguments: argparse.Namespace,
    write: Callable[[Ratios], None],
) -> Ratios:
    from tqdm import tqdm

    ratios: Ratios = []
    with tqdm(
        total=len(points) * arguments.rounds * len(servers), unit="round", mininterval=1
    ) as bar:
        for point in points:
            found = await _rounds(servers, point, arguments, bar.update)
            ratios += [
                _ratio(found[gate], found[over], gate, over, *point)
                for gate, over in (("off", "vllm"), ("on", "vllm"), ("on", "off"))
            ]
            write(ratios)
    return ratios


async def _rounds(
    servers: Sequence[Server],
    point: Point,
    arguments: argparse.Namespace,
    progress: Callable[[], object],
) -> dict[str, list[Round]]:
    concurrency, stream = point
    steps = prose(96)
    count = await _requests_per_round(servers[0], concurrency, stream, arguments)
    found: dict[str, list[Round]] = {server.name: [] for server in servers}
    for _ in range(arguments.rounds):
        for server in servers:
            asked = bodies(server, stream, arguments.max_tokens, steps)
            done = await load(
                "127.0.0.1", server.port, asked, concurrency=concurrency, requests=count
            )
            found[server.name].append(done)
            progress()
    return found


async def _requests_per_round(
    server: Server, concurrency: int, stream: bool, arguments: argparse.Namespace
) -> int:
    """As many as fill `--seconds` on the reference; this also warms it up."""
    asked = bodies(server, stream, arguments.max_tokens, prose(96))
    trial = await load(
        "127.0.0.1", server.port, asked, concurrency=concurrency, requests=3 * concurrency
    )
    fill = round(trial.rps * float(arguments.seconds) / concurrency)
    return max(1, fill) * concurrency


def _ratio(
    ours: list[Round], theirs: list[Round], gate: str, over: str, concurrency: int, stream: bool
) -> dict[str, object]:
    def pair(value: Callable[[Round], float]) -> list[float]:
        return list(interval_of_ratio([value(r) for r in ours], [value(r) for r in theirs]))

    rps, low, high = pair(lambda r: r.rps)
    return {
        "gate": gate,
        "over": over,
        "concurrency": concurrency,
        "stream": stream,
        "rps": rps,
        "rps_interval": [low, high],
        "p50": pair(lambda r: percentile(r.latencies_s, 0.5) or 0.0)[0],
        "p95": pair(lambda r: percentile(r.latencies_s, 0.95) or 0.0)[0],
        "first_byte_p50": pair(lambda r: percentile(r.first_s, 0.5) or 0.0)[0],
        "reference_rps": sum(r.rps for r in theirs) / len(theirs),
        "reference_p50_s": sum(percentile(r.latencies_s, 0.5) or 0.0 for r in theirs) / len(theirs),
        "requests": sum(r.requests for r in ours),
        "tokens_per_answer": sum(r.tokens for r in ours) / sum(r.requests for r in ours),
    }


def _table(ratios: Sequence[dict[str, object]]) -> str:
    lines = [
        "gate  over  concurrency  stream  requests/s ratio [95 %]   p50    p95    its requests/s"
    ]
    for row in ratios:
        interval = row["rps_interval"]
        assert isinstance(interval, list)
        lines.append(
            f"{row['gate']:<5} {row['over']:<5} {row['concurrency']:>11}  {row['stream']!s:<6}  "
            f"{row['rps']:.3f} [{interval[0]:.3f}, {interval[1]:.3f}]      "
            f"{row['p50']:.3f}  {row['p95']:.3f}  {row['reference_rps']:>8.1f}"
        )
    return "\n".join(lines)
