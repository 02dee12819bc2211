"""What do warm prefixes save? `rungwise eval affinity`: simulated conversations, nothing called."""

from __future__ import annotations

import argparse
from pathlib import Path

from rungwise.cli.written import check_writable, write_json
from rungwise.errors import ConfigError

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--conversations", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")


def run(arguments: argparse.Namespace) -> int:
    from tqdm import tqdm

    from rungwise.lab.affinity.simulate import simulate
    from rungwise.lab.machine import describe

    for name, least in (("conversations", 1), ("seed", 0)):
        if getattr(arguments, name) < least:
            raise ConfigError(f"--{name}: must be {least} or more, not {getattr(arguments, name)}")
    check_writable(json=arguments.json)
    with tqdm(total=arguments.conversations, mininterval=0.5, leave=False) as bar:
        found = simulate(arguments.conversations, arguments.seed, bar.update)
    print("\n".join(found.as_lines()))
    about = {"command": "rungwise eval affinity", "machine": describe(), "seed": arguments.seed}
    write_json(arguments.json, {**about, **found.as_json()})
    return 0
