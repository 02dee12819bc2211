"""How much does this server add to a hosted answer? Beside the bare upstream and other gateways."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from rungwise.counted import percentile
from rungwise.lab.bench import by_round
from rungwise.lab.bench.gateways import Gateway, bare, bodies, litellm, passthrough, rungwise
from rungwise.lab.bench.load import Round, load

__all__ = ["Point", "figures", "measure_gateways"]

WARM_UP = 48
"""Requests at the least before anything counts."""


@dataclass(frozen=True, slots=True)
class Point:
    """One kind of load on one gateway."""

    gateway: str
    concurrency: int
    stream: bool


Rounds = Mapping[Point, Sequence[Round]]


def measure_gateways(arguments: argparse.Namespace) -> dict[str, object]:
    """The figures of one run in which every gateway takes its turn in every round. Raises
    RuntimeError where one of them fails, ConfigError where one does not start."""
    import uvloop

    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rungwise-bench-")))
        upstream = stack.enter_context(bare(folder, arguments.tokens))
        gateways = [
            upstream,
            stack.enter_context(rungwise(folder, upstream)),
            stack.enter_context(passthrough(folder, upstream)),
        ]
        if arguments.litellm is not None:
            gateways.append(stack.enter_context(litellm(folder, upstream, arguments.litellm)))
        rounds = uvloop.run(_measure(gateways, arguments))
    about = {
        "tokens": arguments.tokens,
        "rounds": arguments.rounds,
        "seconds": arguments.seconds,
    }
    left_out = {} if arguments.litellm else {"left_out": "litellm: no --litellm was given"}
    return {**about, **left_out, **figures(rounds)}


async def _measure(gateways: Sequence[Gateway], arguments: argparse.Namespace) -> Rounds:
    from tqdm import tqdm

    found: dict[Point, list[Round]] = {}
    loads = [(stream, c) for stream in (False, True) for c in arguments.concurrency]
    turns = len(loads) * arguments.rounds * len(gateways)
    with tqdm(total=turns, unit="round", mininterval=1) as bar:
        for stream, concurrency in loads:
            counts = {
                gateway.name: await _requests_per_round(gateway, concurrency, stream, arguments)
                for gateway in gateways
            }
            for number in range(arguments.rounds):
                first = number % len(gateways)  # whoever comes after a slow one has a cold cache
                for gateway in (*gateways[first:], *gateways[:first]):
                    done = await _load(gateway, concurrency, stream, counts[gateway.name])
                    point = Point(gateway.name, concurrency, stream)
                    found.setdefault(point, []).append(done)
                    bar.update()
    return found


async def _requests_per_round(
    gateway: Gateway, concurrency: int, stream: bool, arguments: argparse.Namespace
) -> int:
    """As many as take `--seconds`; this also warms the gateway up."""
    trial = await _load(gateway, concurrency, stream, max(WARM_UP, 3 * concurrency))
    return max(concurrency, round(trial.rps * float(arguments.seconds)))


async def _load(gateway: Gateway, concurrency: int, stream: bool, requests: int) -> Round:
    return await load(
        "127.0.0.1",
        gateway.port,
        bodies(gateway, stream=stream),
        concurrency=concurrency,
        requests=requests,
        key=gateway.key,
    )


def figures(rounds: Rounds) -> dict[str, object]:
    """By gateway and concurrency: requests/s, the median latency, and what of it was added to the
    bare upstream's in the same round. `ratios` are this server's figures over each other's. All
    again for streams under `streams`. Each is a median over rounds, with its 95 % interval: None
    and None where they were too few."""
    return {**_figures(rounds, stream=False), "streams": _figures(rounds, stream=True)}


def _figures(rounds: Rounds, *, stream: bool) -> dict[str, object]:
    points = [point for point in rounds if point.stream == stream]
    told: dict[str, dict[str, object]] = {}
    ratios: dict[str, dict[str, object]] = {}
    for point in points:
        load_name = f"c{point.concurrency}"
        own, least = rounds[point], rounds[Point("bare", point.concurrency, stream)]
        ours = rounds[Point("rungwise", point.concurrency, stream)]
        told.setdefault(point.gateway, {})[load_name] = _point(own, least)
        if point.gateway != "rungwise":
            ratios.setdefault(point.gateway, {})[load_name] = _ratio(ours, own)
    return {**told, "ratios": ratios}


def _point(own: Sequence[Round], least: Sequence[Round]) -> dict[str, object]:
    added = [_p50_ms(a) - _p50_ms(b) for a, b in zip(own, least, strict=True)]
    return {
        **_median("added_p50_ms", added),
        **_median("p50_ms", [_p50_ms(done) for done in own]),
        "p95_ms": 1000 * (percentile([s for d in own for s in d.latencies_s], 0.95) or 0.0),
        **_median("rps", [done.rps for done in own]),
        "requests": sum(done.requests for done in own),
    }


def _ratio(ours: Sequence[Round], theirs: Sequence[Round]) -> dict[str, object]:
    rps, low, high = by_round.ratio([r.rps for r in ours], [r.rps for r in theirs])
    p50, p50_low, p50_high = by_round.ratio(
        [_p50_ms(r) for r in ours], [_p50_ms(r) for r in theirs]
    )
    return {
        "rps": rps,
        "rps_interval": [low, high],
        "p50": p50,
        "p50_interval": [p50_low, p50_high],
    }


def _median(name: str, values: Sequence[float]) -> dict[str, object]:
    middle, low, high = by_round.median(values)
    return {name: middle, f"{name}_interval": [low, high]}


def _p50_ms(done: Round) -> float:
    return 1000 * (percentile(done.latencies_s, 0.5) or 0.0)
