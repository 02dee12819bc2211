"""What did the ledger see? A table per route, or the same as JSON."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from rungwise.cli.written import check_writable, write_json
from rungwise.ledger.report import as_json, as_table, summarise
from rungwise.ledger.sql import read_entries

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--ledger", type=Path, default=Path("rungwise.db"), help="SQLite file")
    parser.add_argument("--days", type=float, help="only the last so many days")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")


def run(arguments: argparse.Namespace) -> int:
    check_writable(json=arguments.json)
    since = 0.0 if arguments.days is None else time.time() - arguments.days * 86400
    lines = summarise(read_entries(arguments.ledger, since=since))
    if not lines:
        print(f"rungwise: {arguments.ledger} holds no entries of that time")
        return 1
    print(as_table(lines))
    write_json(arguments.json, as_json(lines))
    return 0
