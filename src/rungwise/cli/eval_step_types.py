"""How good is the classifier of step types? `rungwise eval step-types`, on what it never saw."""

from __future__ import annotations

import argparse
from pathlib import Path

from rungwise.cli.eval_routing import check_learning
from rungwise.cli.written import check_writable, write_json
from rungwise.errors import ConfigError

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seed", type=int, default=0, help="of folds and resamples")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")


def run(arguments: argparse.Namespace) -> int:
    from tqdm import tqdm

    from rungwise.lab.machine import describe
    from rungwise.lab.step_types.evaluate import ROUNDS, evaluate

    if arguments.seed < 0:
        raise ConfigError(f"--seed: must be 0 or more, not {arguments.seed}")
    check_learning()
    check_writable(json=arguments.json)
    with tqdm(total=ROUNDS, desc="fits", mininterval=0.5) as bar:
        figures = evaluate(bar.update, seed=arguments.seed)
    print("\n".join(figures.as_lines()))
    about = {"command": "rungwise eval step-types", "machine": describe(), "seed": arguments.seed}
    write_json(arguments.json, {**about, **figures.as_json()})
    return 0
