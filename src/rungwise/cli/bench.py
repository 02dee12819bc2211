"""Which measurement was asked for? `rungwise bench WHAT`; each writes its figures to --json."""

from __future__ import annotations

import argparse
from pathlib import Path

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    what = parser.add_subparsers(dest="what", metavar="WHAT", required=True)
    engine = what.add_parser("engine", help="this server against vLLM's own, on the same model")
    engine.add_argument("--model", type=Path, default=Path("models/demo/bottom"))
    engine.add_argument(
        "--random-weights",
        action="store_true",
        help="a Llama of 85M random parameters with the model's tokenizer: nearer to real step "
        "times; use --max-tokens 64",
    )
    engine.add_argument("--dtype", default="bfloat16")
    engine.add_argument("--concurrency", type=int, nargs="+", default=[1, 8, 32])
    engine.add_argument("--max-tokens", type=int, default=220)
    engine.add_argument("--rounds", type=int, default=6, help="interleaved rounds of each point")
    engine.add_argument("--seconds", type=float, default=4.0, help="least length of one round")
    engine.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")


def run(arguments: argparse.Namespace) -> int:
    from rungwise.lab.bench_engine import bench_engine

    return bench_engine(arguments)
