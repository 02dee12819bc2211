"""What did the ledger see? A table by route, key, step type or day; or the same as JSON or CSV."""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TypedDict, get_args

from rungwise.cli.written import check_writable, write_json
from rungwise.days import EPOCH, day_of
from rungwise.errors import ConfigError
from rungwise.ledger.lines import Group

__all__ = ["add_arguments", "run"]

_GROUPS = tuple(name.replace("_", "-") for name in get_args(Group))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    place = parser.add_mutually_exclusive_group()
    place.add_argument("--config", type=Path, help="the ledger of this configuration")
    place.add_argument("--ledger", default="rungwise.db", help="SQLite file, or Postgres address")
    parser.add_argument(
        "--by",
        default="route",
        metavar="GROUP[,GROUP]",
        help=f"{', '.join(_GROUPS)}, or several of them; tier: the model that answered",
    )
    parser.add_argument(
        "--shadow", action="store_true", help="what routing.shadow would have done, against live"
    )
    parser.add_argument("--days", type=int, help="only the last so many days, today included")
    parser.add_argument("--since", type=date.fromisoformat, metavar="DATE", help="from this day on")
    parser.add_argument("--until", type=date.fromisoformat, metavar="DATE", help="up to this day")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write the lines there too")


def run(arguments: argparse.Namespace) -> int:
    check_writable(json=arguments.json, csv=arguments.csv)
    days = _days(arguments)
    return _shadow(arguments, days) if arguments.shadow else _steps(arguments, days)


def _steps(arguments: argparse.Namespace, days: _Days) -> int:
    from rungwise.ledger.report import read_report
    from rungwise.ledger.shown import as_csv, as_json, as_table

    told = read_report(_place(arguments), _groups(arguments.by), **days)
    if not told.all.steps:
        print("rungwise: the ledger holds no entries of that time")
        return 1
    _tell(arguments, as_table(told), as_json(told), as_csv(told))
    return 0


def _shadow(arguments: argparse.Namespace, days: _Days) -> int:
    from rungwise.ledger.shadows import read_shadows
    from rungwise.ledger.shadows_shown import as_csv, as_json, as_table

    by = _groups(arguments.by)
    if "tier" in by:
        raise ConfigError("--by: tier: which rung would have answered in the shadow is not known")
    told = read_shadows(_place(arguments), by, **days)
    if not told.lines:
        print("rungwise: no shadow planned anything in that time; name one under routing.shadow")
        return 1
    _tell(arguments, as_table(told), as_json(told), as_csv(told))
    return 0


def _tell(
    arguments: argparse.Namespace, table: str, figures: Mapping[str, object], lines: str
) -> None:
    print(table)
    write_json(arguments.json, figures)
    if arguments.csv is not None:
        arguments.csv.write_text(lines, encoding="utf-8")


class _Days(TypedDict):
    since_day: int | None
    until_day: int | None


def _days(arguments: argparse.Namespace) -> _Days:
    since = arguments.since
    if arguments.days is not None:
        today, most = datetime.fromtimestamp(time.time(), UTC).date(), day_of(time.time()) + 1
        if not 1 <= arguments.days <= most:
            raise ConfigError(f"--days: must lie between 1 and {most}, not {arguments.days}")
        since = today - timedelta(days=arguments.days - 1)
    return _Days(since_day=_day(since), until_day=_day(arguments.until))


def _place(arguments: argparse.Namespace) -> Path | str:
    """A file, or a database's address."""
    if arguments.config is None:
        ledger: str = arguments.ledger
        return ledger if "://" in ledger else Path(ledger)
    from rungwise.config import load

    return load(arguments.config, serving=False).ledger.place


def _groups(told: str) -> tuple[Group, ...]:
    names = tuple(name.strip() for name in told.split(","))
    for name in names:
        if name not in _GROUPS:
            raise ConfigError(f"--by: no group {name!r}; known are {', '.join(_GROUPS)}")
    if len(set(names)) < len(names):
        raise ConfigError(f"--by: {told!r} names a group twice")
    return tuple(name.replace("-", "_") for name in names)  # type: ignore[misc]


def _day(told: date | None) -> int | None:
    return None if told is None else (told - EPOCH).days
