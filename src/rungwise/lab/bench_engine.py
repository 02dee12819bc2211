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
from rungwise.lab.load import Round, interval_of_ratio, load
from rungwise.lab.machine import describe
from rungwise.lab.served import Server, bodies, engine_of, own, prose, reference

__all__ = ["bench_engine"]


def bench_engine(arguments: argparse.Namespace) -> int:
    """Run every point and print a table. Exit status 1 when a server could not be measured."""
    points = [(c, stream) for c in arguments.concurrency for stream in (False, True)]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rungwise-bench-")))
        tier = engine_of(arguments, folder)
        vllm = stack.enter_context(reference(tier, folder))
        servers = (vllm, *stack.enter_context(own(tier, folder)))
        rounds = asyncio.run(_measure(servers, points, arguments))
    ratios = [
        _ratio(rounds[name, *point], rounds["vllm", *point], name, *point)
        for point in points
        for name in ("off", "on")
    ]
    print(_table(ratios))
    if arguments.json is not None:
        about = {
            "command": "rungwise bench engine",
            "machine": describe(),
            "model": "85M random parameters" if arguments.random_weights else str(arguments.model),
            "max_tokens": arguments.max_tokens,
            "rounds": arguments.rounds,
        }
        arguments.json.write_text(json.dumps({**about, "ratios": ratios}, indent=2) + "\n")
    return 0


async def _measure(
    servers: Sequence[Server], points: Sequence[tuple[int, bool]], arguments: argparse.Namespace
) -> dict[tuple[str, int, bool], list[Round]]:
    from tqdm import tqdm

    found: dict[tuple[str, int, bool], list[Round]] = {}
    steps = prose(96)
    with tqdm(total=len(points) * arguments.rounds * len(servers), unit="round") as bar:
        for concurrency, stream in points:
            count = await _requests_per_round(servers[0], concurrency, stream, arguments)
            for _ in range(arguments.rounds):
                for server in servers:
                    asked = bodies(server, stream, arguments.max_tokens, steps)
                    done = await load(
                        "127.0.0.1", server.port, asked, concurrency=concurrency, requests=count
                    )
                    found.setdefault((server.name, concurrency, stream), []).append(done)
                    bar.update()
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
    ours: list[Round], theirs: list[Round], gate: str, concurrency: int, stream: bool
) -> dict[str, object]:
    def pair(value: Callable[[Round], float]) -> list[float]:
        return list(interval_of_ratio([value(r) for r in ours], [value(r) for r in theirs]))

    rps, low, high = pair(lambda r: r.rps)
    return {
        "gate": gate,
        "concurrency": concurrency,
        "stream": stream,
        "rps": rps,
        "rps_interval": [low, high],
        "p50": pair(lambda r: percentile(r.latencies_s, 0.5) or 0.0)[0],
        "p95": pair(lambda r: percentile(r.latencies_s, 0.95) or 0.0)[0],
        "first_byte_p50": pair(lambda r: percentile(r.first_s, 0.5) or 0.0)[0],
        "reference_rps": sum(r.rps for r in theirs) / len(theirs),
        "requests": sum(r.requests for r in ours),
        "tokens_per_answer": sum(r.tokens for r in ours) / sum(r.requests for r in ours),
    }


def _table(ratios: Sequence[dict[str, object]]) -> str:
    lines = ["gate  concurrency  stream  requests/s ratio [95 %]   p50    p95    vLLM's requests/s"]
    for row in ratios:
        interval = row["rps_interval"]
        assert isinstance(interval, list)
        lines.append(
            f"{row['gate']:<5} {row['concurrency']:>11}  {row['stream']!s:<6}  "
            f"{row['rps']:.3f} [{interval[0]:.3f}, {interval[1]:.3f}]      "
            f"{row['p50']:.3f}  {row['p95']:.3f}  {row['reference_rps']:>8.1f}"
        )
    return "\n".join(lines)
