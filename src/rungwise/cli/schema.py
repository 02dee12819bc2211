"""What may a configuration hold? Prints the JSON Schema that editors complete from."""

from __future__ import annotations

import argparse
import json

from rungwise.config import Config

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    del parser


def run(arguments: argparse.Namespace) -> int:
    del arguments
    print(json.dumps(Config.model_json_schema(), indent=2))
    return 0
