"""Which open models are there, how large are they, and on which GPU do they fit?"""

from __future__ import annotations

import argparse
from pathlib import Path

from rungwise.cli import fitting, models_fetch
from rungwise.cli.written import check_writable, write_json

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    fitting.add_options(parser)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write it there too")
    models_fetch.add_parser(parser)


def run(arguments: argparse.Namespace) -> int:
    if arguments.action == "fetch":
        return models_fetch.run(arguments)
    from rungwise.weights.recommending import ways
    from rungwise.weights.shown import catalogue, figures

    check_writable(json=arguments.json)
    models = fitting.candidates(arguments)
    wanted, places = fitting.wanted(arguments, models), fitting.places(arguments)
    for line in catalogue(models, places, wanted):
        print(line)
    rows = [figures(way) for place in places for way in ways(models, place, wanted)]
    write_json(arguments.json, {"models": [model.name for model in models], "fits": rows})
    return 0
