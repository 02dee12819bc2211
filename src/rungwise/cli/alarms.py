"""What is no longer as it was, and who has seen to it? List the alarms, end one."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from rungwise.cli.stored import on_store
from rungwise.cli.written import check_writable, write_json
from rungwise.config import Config, load
from rungwise.errors import ConfigError
from rungwise.types import Alarm

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["add_arguments", "run"]

T = TypeVar("T")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    what = parser.add_subparsers(dest="what", metavar="WHAT", required=True)
    listing = what.add_parser("list", help="the alarms that are on; with --all, past ones too")
    listing.add_argument("--all", action="store_true", help="the last 100 that began")
    listing.add_argument("--json", type=Path, metavar="FILE", help="write them there too")
    ending = what.add_parser(
        "end", help="it is seen to: what is now is learned as the usual, its rung is believed again"
    )
    ending.add_argument("id", metavar="ID")
    for each in (listing, ending):
        each.add_argument("--config", type=Path, required=True, help="the server's configuration")


def run(arguments: argparse.Namespace) -> int:
    check_writable(json=getattr(arguments, "json", None))
    config = load(arguments.config, serving=False)
    return _end(arguments, config) if arguments.what == "end" else _list(arguments, config)


def _list(arguments: argparse.Namespace, config: Config) -> int:
    from rungwise.drift.alarm_rows import newest, still_on
    from rungwise.store.database import Database
    from rungwise.store.migrate import check_up_to_date

    job: Callable[[Connection], list[Alarm]]
    job = partial(newest, limit=100) if arguments.all else still_on
    with Database(config.ledger.place).looking() as connection:
        check_up_to_date(connection)
        found = job(connection)
    print("\n".join(_lines(found)) if found else "no alarms")
    write_json(arguments.json, {"alarms": [asdict(alarm) for alarm in found]})
    return 0


def _end(arguments: argparse.Namespace, config: Config) -> int:
    from rungwise.drift.alarm_rows import end_alarm

    found = on_store(config, partial(end_alarm, id=arguments.id, at=time.time()))
    if found is None:
        raise ConfigError(f"ID: there is no alarm {arguments.id!r:.80}; see `rungwise alarms list`")
    if found.ended_at is not None:
        print(f"{found.id} was over at {_when(found.ended_at)}")
    else:
        print(f"{found.id} is over; servers know it within 10 s, and learn anew what is usual")
    return 0


def _lines(alarms: Sequence[Alarm]) -> list[str]:
    lines = []
    for alarm in alarms:
        until = "" if alarm.ended_at is None else f", over {_when(alarm.ended_at)}"
        lines.append(f"{alarm.id}  {_when(alarm.began_at)}{until}  {alarm.kind}, {alarm.about}")
        lines.append(f"    {alarm.why}")
        if alarm.demotes is not None and alarm.ended_at is None:
            lines.append(f"    drafts of {alarm.demotes} are not believed while it lasts")
    return lines


def _when(at: float) -> str:
    try:
        return datetime.fromtimestamp(at, UTC).isoformat(sep=" ", timespec="seconds")
    except (OverflowError, ValueError, OSError):  # a clock was far off
        return f"{at:g}"
