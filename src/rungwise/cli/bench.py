"""What can be measured against a reference? `rungwise bench WHAT`."""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import sys
import tempfile
from pathlib import Path
from typing import get_args

from rungwise.cli.written import check_writable, write_json
from rungwise.errors import ConfigError
from rungwise.lab.bench.shapes import SHAPES

__all__ = ["add_arguments", "run"]

BOTTOM, MIDDLE = Path("models/demo/bottom"), Path("models/demo/middle")
DEMO = Path("configs/demo.yaml")
RECORDED = Path("models/router/demo.recorded.jsonl.gz")
SHORTEST = 16
"""Tokens of a context, as the configuration has it."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    what = parser.add_subparsers(dest="what", metavar="WHAT", required=True)
    engine = what.add_parser("engine", help="this server against vLLM's own, on the same model")
    _add_load(engine)
    _add_within(engine)
    _add_points(engine)
    gate = what.add_parser("gate", help="this server with the gate on against off")
    _add_load(gate)
    gate.add_argument("--served-as", default="demo-bottom", help="the calibration's model")
    gate.add_argument(
        "--calibration",
        type=Path,
        default=Path("models/calibration/demo-tier1.json"),
        help="for how long streams are held",
    )
    gate.add_argument("--streams", type=int, default=300, help="streams that are held")
    rung = what.add_parser("rung", help="energy, price and shortcuts of a rung on its GPU")
    _add_load(rung)
    _add_within(rung)
    rung.add_argument("--usd-per-gpu-hour", type=float, default=2.0, help="what tokens cost by")
    rung.add_argument("--prefix-tokens", type=int, default=1000, help="of a shared prefix, about")
    rung.add_argument("--look-tokens", type=int, default=500, help="before a first token, about")
    life = what.add_parser("life", help="open streams when the engine dies or the server stops")
    _add_engine(life)
    life.add_argument("--streams", type=int, default=4, help="open at a time")
    life.add_argument("--grace", type=float, default=60.0, metavar="SECONDS", help="of the drain")
    life.add_argument("--max-tokens", type=int, default=1500, help="of each stream")
    abort = what.add_parser("abort", help="what stopping doubtful drafts early saves")
    abort.add_argument("--config", type=Path, default=DEMO)
    abort.add_argument("--tier", default="tier1")
    abort.add_argument("--steps", type=int, default=900)
    abort.add_argument("--concurrency", type=int, default=8)
    climb = what.add_parser("escalation", help="latency of what climbs against going straight")
    climb.add_argument("--config", type=Path, default=DEMO)
    climb.add_argument("--steps", type=int, default=450)
    gateway = what.add_parser("gateway", help="what this server adds to a hosted answer")
    gateway.add_argument(
        "--litellm", type=Path, metavar="PROGRAM", help="LiteLLM's executable, to compare with"
    )
    gateway.add_argument("--tokens", type=int, default=16, help="of the upstream's fixed answer")
    gateway.add_argument("--concurrency", type=int, nargs="+", default=[1, 16])
    gateway.add_argument("--rounds", type=int, default=10, help="in each, everyone has one turn")
    gateway.add_argument("--seconds", type=float, default=1.0, help="length of one turn, about")
    ledger = what.add_parser("ledger", help="how long a report takes on a large ledger")
    ledger.add_argument("--entries", type=int, default=5_000_000)
    ledger.add_argument("--rounds", type=int, default=5, help="of every kind of report")
    watched = what.add_parser("metrics", help="what it costs to be watched, and what is shown")
    watched.add_argument(
        "--starts", type=int, default=5, help="of servers with all metrics on, and off; 0: none"
    )
    watched.add_argument("--rounds", type=int, default=6, help="of each start")
    watched.add_argument("--seconds", type=float, default=1.0, help="length of one turn, about")
    watched.add_argument(
        "--junk", type=int, default=10_000, help="made-up names of each kind; 0: none"
    )
    watched.add_argument(
        "--entries", type=int, default=1_000_000, help="of the ledger that is looked at; 0: none"
    )
    watched.add_argument(
        "--no-page", dest="page", action="store_false", help="without the page in a Chromium"
    )
    router = what.add_parser("router", help="how long a plan takes, on one core")
    router.add_argument(
        "--data", type=Path, default=RECORDED, help="recorded steps: to learn from, to plan for"
    )
    router.add_argument("--plans", type=int, default=2000, help="of each size of prompt")
    guess = what.add_parser("speculation", help="what guessing ahead does to log-probabilities")
    guess.add_argument("--model", type=Path, default=BOTTOM)
    guess.add_argument("--guesser", type=Path, default=MIDDLE, help="with the same vocabulary")
    guess.add_argument("--dtype", default="float32")
    guess.add_argument("--steps", type=int, default=120)
    measures = (engine, gate, rung, life, abort, climb, gateway, ledger, watched, router, guess)
    for measure in measures:
        measure.add_argument(
            "--json", type=Path, metavar="FILE", help="write the figures there too"
        )


def _add_load(parser: argparse.ArgumentParser) -> None:
    _add_engine(parser)
    parser.add_argument("--concurrency", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--max-tokens", type=int, default=220)
    parser.add_argument(
        "--rounds",
        type=int,
        default=6,
        help="interleaved rounds of each point; of fewer than 5 no interval is told",
    )
    parser.add_argument(
        "--seconds", type=float, default=4.0, help="length of one turn, about; less under --within"
    )


def _add_engine(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", type=Path, default=BOTTOM)
    parser.add_argument(
        "--random-weights",
        nargs="?",
        const="llama-85m",
        choices=tuple(SHAPES),
        metavar="SHAPE",
        help="random parameters in the shape of a larger model, with the model's tokenizer: nearer "
        f"to real step times ({', '.join(SHAPES)}); on a CPU use --max-tokens 64",
    )
    parser.add_argument(
        "--tiny",
        action="store_true",
        help="of a shape with random weights the architecture alone, in small: to try a command",
    )
    parser.add_argument("--dtype", default="bfloat16")
    parser.add_argument("--kv-cache-gib", type=float, default=0.25, help="of each engine")
    parser.add_argument("--max-model-len", type=int, default=2048)
    parser.add_argument(
        "--compiled",
        action="store_true",
        help="with compilation and CUDA graphs, as vLLM itself runs: for a GPU",
    )


def _add_within(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--within",
        type=float,
        metavar="SECONDS",
        help="begin nothing more after so long, the start counted, and leave out what has no time "
        "for 5 rounds; it is told",
    )


def _add_points(engine: argparse.ArgumentParser) -> None:
    engine.add_argument(
        "--prompt-tokens",
        type=int,
        nargs="+",
        metavar="N",
        help="made-up prompts of about so many tokens, new in every round (with --random-weights: "
        "to long ones the small model may say nothing, which climbs); unset: steps of the suite",
    )
    engine.add_argument(
        "--shared-prefix",
        type=int,
        nargs="+",
        default=[0],
        metavar="N",
        help="before made-up prompts a system prompt of about so many tokens that all share; "
        "0: none",
    )
    engine.add_argument(
        "--answers",
        nargs="+",
        choices=("whole", "stream"),
        default=["whole", "stream"],
        help="whole, or streamed",
    )
    engine.add_argument(
        "--plot", type=Path, metavar="FILE.png", help="draw the ratios there (needs matplotlib)"
    )
    engine.add_argument(
        "--drawn-from",
        type=Path,
        metavar="FILE.json",
        help="measure nothing: --plot draws what was measured elsewhere",
    )


def run(arguments: argparse.Namespace) -> int:
    from rungwise.lab.children import leaving_in_order

    _check(arguments)
    check_writable(json=arguments.json, plot=getattr(arguments, "plot", None))
    try:
        with leaving_in_order():
            return _MEASURES[arguments.what](arguments)
    except (RuntimeError, ValueError) as error:
        print(f"rungwise: could not measure: {error}", file=sys.stderr)
        return 1


def _check(arguments: argparse.Namespace) -> None:
    """Before anything is started: one line for what no measurement could do anything with."""
    from rungwise.config import EngineConfig

    _check_counts(arguments)
    for name in ("seconds", "within", "grace", "kv_cache_gib"):
        value = getattr(arguments, name, None)
        if value is not None and not 0 < value < math.inf:
            flag = name.replace("_", "-")
            raise ConfigError(f"--{flag}: must be a number above 0, not {value:g}")
    if not 0 <= (price := getattr(arguments, "usd_per_gpu_hour", 0.0)) < math.inf:
        raise ConfigError(f"--usd-per-gpu-hour: must be 0 or more, not {price:g}")
    if (length := getattr(arguments, "max_model_len", SHORTEST)) < SHORTEST:
        raise ConfigError(f"--max-model-len: must be {SHORTEST} or more, not {length}")
    dtypes = get_args(EngineConfig.model_fields["dtype"].annotation)
    if getattr(arguments, "dtype", "auto") not in dtypes:
        raise ConfigError(f"--dtype: must be one of {', '.join(dtypes)}, not {arguments.dtype!r}")
    if getattr(arguments, "tiny", False) and not arguments.random_weights:
        raise ConfigError("--tiny: makes a shape small; name one with --random-weights")


def _check_counts(arguments: argparse.Namespace) -> None:
    counts = "concurrency max_tokens max_model_len rounds streams steps tokens entries junk".split()
    for name in (*counts, "starts", "prefix_tokens", "look_tokens", "plans", "prompt_tokens"):
        given = getattr(arguments, name, 1)
        for value in given if isinstance(given, list) else [given]:
            least = 0 if arguments.what == "metrics" and name != "rounds" else 1
            if value is not None and value < least:
                flag = name.replace("_", "-")
                raise ConfigError(f"--{flag}: must be {least} or more, not {value}")
    for value in getattr(arguments, "shared_prefix", ()):
        if value < 0:
            raise ConfigError(f"--shared-prefix: must be 0 or more, not {value}")


def _engine(arguments: argparse.Namespace) -> int:
    from rungwise.lab.bench.engine import bench_engine
    from rungwise.lab.bench.engine_plot import redraw

    if arguments.drawn_from is not None:
        if arguments.plot is None:
            raise ConfigError("--drawn-from: name the picture's file with --plot")
        return redraw(arguments.drawn_from, arguments.plot)
    return bench_engine(arguments)


def _gate(arguments: argparse.Namespace) -> int:
    from rungwise.lab.bench.gate import bench_gate

    return bench_gate(arguments)


def _rung(arguments: argparse.Namespace) -> int:
    from rungwise.lab.bench.rung import bench_rung

    return bench_rung(arguments)


def _life(arguments: argparse.Namespace) -> int:
    from rungwise.lab.bench.life import bench_life

    return bench_life(arguments)


def _abort(arguments: argparse.Namespace) -> int:
    from tqdm import tqdm

    from rungwise.build import build_gate, build_ladder
    from rungwise.config import load
    from rungwise.demo.ladder import STANDIN_KEY, STANDIN_KEY_ENV
    from rungwise.lab.bench.abort import Twice, abort_figures, draft_twice
    from rungwise.lab.steps import generate

    config = load(arguments.config, {STANDIN_KEY_ENV: STANDIN_KEY})
    sections = {section.name: section for section in config.tiers}
    gates = {gate.tier: gate for gate in config.gates}
    if arguments.tier not in gates:
        known = ", ".join(gates) or "none"
        raise ConfigError(f"--tier: {arguments.tier!r} has no gate; those that have: {known}")
    section, wanted = sections[arguments.tier], gates[arguments.tier]
    engine = config.engine_of(section)
    stopping = build_gate(wanted, section, engine)
    waiting = build_gate(wanted.model_copy(update={"early": False}), section, engine)
    (tier,) = (t for t in build_ladder(config) if t.name == arguments.tier)
    steps = list(generate("test", arguments.steps, seed=4))

    async def measure() -> list[Twice]:
        await tier.start()
        try:
            with tqdm(total=len(steps), unit="step", mininterval=1) as bar:
                return await draft_twice(
                    tier,
                    waiting,
                    stopping,
                    steps,
                    concurrency=arguments.concurrency,
                    progress=bar.update,
                )
        finally:
            await tier.stop()

    about = {"tier": arguments.tier, "concurrency": arguments.concurrency}
    return _tell(arguments, {**about, **abort_figures(asyncio.run(measure()))})


def _escalation(arguments: argparse.Namespace) -> int:
    from tqdm import tqdm

    from rungwise.demo.ladder import demo_ladder
    from rungwise.demo.run import request_of
    from rungwise.lab.bench.escalation import climb_all, escalation_figures
    from rungwise.lab.steps import Step, generate

    def body_of(step: Step, model: str) -> bytes:
        return json.dumps(request_of(step, model)).encode()

    steps = list(generate("test", arguments.steps, seed=5))
    with (
        tempfile.TemporaryDirectory(prefix="rungwise-bench-") as folder,
        demo_ladder(arguments.config, Path(folder), 0, print, audits=False) as server,
        tqdm(total=len(steps), unit="step", mininterval=1) as bar,
    ):
        port = int(server.url.rsplit(":", 1)[1])
        climbed = asyncio.run(climb_all(port, steps, body_of, progress=bar.update))
    return _tell(arguments, escalation_figures(climbed, len(steps)))


def _gateway(arguments: argparse.Namespace) -> int:
    from rungwise.lab.bench.gateway import measure_gateways

    program = arguments.litellm
    if program is not None and not program.is_file():
        raise ConfigError(f"--litellm: no program at {program}")
    return _tell(arguments, measure_gateways(arguments))


def _ledger(arguments: argparse.Namespace) -> int:
    from rungwise.lab.bench.ledger import measure_ledger

    return _tell(arguments, measure_ledger(arguments))


def _metrics(arguments: argparse.Namespace) -> int:
    from rungwise.lab.bench.metrics import measure_metrics

    return _tell(arguments, measure_metrics(arguments))


def _router(arguments: argparse.Namespace) -> int:
    from tqdm import tqdm

    from rungwise.lab.bench.router import SIZES, WARM, measure
    from rungwise.lab.ladders.data import read_ladder
    from rungwise.lab.training.fit import TooLittle

    ladder = read_ladder(arguments.data)
    total = 2 * len(SIZES) * (WARM + arguments.plans)
    try:
        with tqdm(total=total, desc="plans", mininterval=0.5) as bar:
            figures = measure(ladder, arguments.plans, bar.update)
    except TooLittle as error:
        raise ConfigError(f"--data: too little to learn from: {error}") from None
    return _tell(arguments, {"data": arguments.data.name, **figures})


def _speculation(arguments: argparse.Namespace) -> int:
    from rungwise.lab.bench.speculation import measure_speculation

    return _tell(arguments, measure_speculation(arguments))


def _tell(arguments: argparse.Namespace, figures: dict[str, object]) -> int:
    from rungwise.lab.machine import describe

    print(json.dumps(figures, indent=2))
    about = {"command": f"rungwise bench {arguments.what}", "machine": describe()}
    write_json(arguments.json, {**about, **figures})
    return 0


_MEASURES = {
    "speculation": _speculation,
    "engine": _engine,
    "gate": _gate,
    "rung": _rung,
    "life": _life,
    "abort": _abort,
    "escalation": _escalation,
    "gateway": _gateway,
    "ledger": _ledger,
    "metrics": _metrics,
    "router": _router,
}
