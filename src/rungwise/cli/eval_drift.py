"""How soon is a fall in accuracy called, and how often a false alarm? `rungwise eval drift`."""

from __future__ import annotations

import argparse
from pathlib import Path

from rungwise.cli.written import check_writable, write_json
from rungwise.errors import ConfigError

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--streams", type=int, default=400, help="of each kind")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw them there, PNG")


def run(arguments: argparse.Namespace) -> int:
    from tqdm import tqdm

    from rungwise.lab.drift.plots import plot_delays
    from rungwise.lab.drift.simulate import BASES, simulate
    from rungwise.lab.machine import describe
    from rungwise.lab.pictures import check_matplotlib

    for name, least in (("streams", 20), ("seed", 0)):
        if getattr(arguments, name) < least:
            raise ConfigError(f"--{name}: must be {least} or more, not {getattr(arguments, name)}")
    if arguments.plot is not None:
        check_matplotlib()
    check_writable(json=arguments.json)
    with tqdm(total=len(BASES), desc="accuracies", mininterval=0.5, leave=False) as bar:
        found = simulate(arguments.streams, arguments.seed, bar.update)
    print("\n".join(found.as_lines()))
    if arguments.plot is not None:
        plot_delays(arguments.plot, found)
    about = {"command": "rungwise eval drift", "machine": describe(), "seed": arguments.seed}
    write_json(arguments.json, {**about, **found.as_json()})
    return 0
