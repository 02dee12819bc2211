"""Which predictor of difficulty is in force? Promote another, roll back, list."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from rungwise.cli.written import check_writable, write_json
from rungwise.errors import ConfigError

if TYPE_CHECKING:
    from rungwise.policy.difficulty import Difficulty

__all__ = ["add_arguments", "run"]

MEND = "name a file that `rungwise train-router` wrote"
LATER = "servers take it up at their next start"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    what = parser.add_subparsers(dest="what", metavar="WHAT", required=True)
    promote = what.add_parser("promote", help="put a predictor in the place of the one in force")
    promote.add_argument("candidate", type=Path, metavar="CANDIDATE")
    promote.add_argument(
        "--to", type=Path, required=True, metavar="FILE", help="what routing.difficulty names"
    )
    back = what.add_parser("rollback", help="put the one before it in force again")
    back.add_argument("file", type=Path, metavar="FILE")
    back.add_argument("--number", type=int, metavar="N", help="not FILE.1, but FILE.N")
    shown = what.add_parser("list", help="which one is in force, and which ones were before")
    shown.add_argument("file", type=Path, metavar="FILE")
    shown.add_argument("--json", type=Path, metavar="FILE", help="write it there too")
    for command in (promote, back):
        command.add_argument("--config", type=Path, help="it must know the rungs of this ladder")


def run(arguments: argparse.Namespace) -> int:
    if arguments.what == "list":
        return _list(arguments)
    return _promote(arguments) if arguments.what == "promote" else _roll_back(arguments)


def _promote(arguments: argparse.Namespace) -> int:
    return _put(arguments.candidate, arguments.to, arguments.config)


def _roll_back(arguments: argparse.Namespace) -> int:
    from rungwise.lab.training.promotion import earlier

    target: Path = arguments.file
    there = earlier(target.resolve())
    if not there:
        raise ConfigError(f"{target}: none was in force before it; there is nothing to go back to")
    number = next(iter(there)) if arguments.number is None else arguments.number
    if number not in there:
        raise ConfigError(f"--number: no {target}.{number}; there are {', '.join(map(str, there))}")
    return _put(there[number], target, arguments.config)


def _put(candidate: Path, target: Path, config: Path | None) -> int:
    from rungwise.lab.training.promotion import promote

    if not target.resolve().parent.is_dir():
        raise ConfigError(f"{target}: no folder {target.parent}; make it, or correct the name")
    body = _read(candidate)
    found = _checked(candidate, target, config)
    try:
        fresh = promote(body, target)
    except OSError as error:
        raise ConfigError(
            f"{error.filename or target}: not promoted, or not tidied up after it "
            f"({error.strerror}); what is there is whole; see `rungwise router list`, and try again"
        ) from None
    name = f"{target.stem}@{found.name.rpartition('@')[2]}"
    if not fresh:
        print(f"{target}: {name} is in force already")
        return 0
    print(f"{target}: {name} is in force; {LATER}")
    print(f"back to the one before it: rungwise router rollback {target}")
    return 0


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); correct its name") from None


def _checked(candidate: Path, target: Path, config: Path | None) -> Difficulty:
    """It can be loaded, and knows the ladder that it is for."""
    if config is None:
        return _load(candidate, ())
    from rungwise.config import load

    told = load(config, serving=False)
    tiers = [tier.name for tier in told.tiers]
    found = _load(candidate, tiers)
    if set(found.missing) >= set(tiers):
        known = ", ".join(found.tiers)
        raise ConfigError(f"{candidate}: knows none of the rungs of {config}, only {known}")
    if found.missing:
        _warn(f"{candidate} knows nothing of {', '.join(found.missing)}, which {config} has")
    named = [routing.difficulty for routing in (told.routing, told.routing.shadow) if routing]
    if target.resolve() not in [path.resolve() for path in named if path is not None]:
        _warn(f"neither routing.difficulty nor routing.shadow.difficulty of {config} is {target}")
    return found


def _load(path: Path, tiers: Sequence[str]) -> Difficulty:
    """As a server would, which reads it by its configuration's word."""
    from rungwise.policy.artefact import read_artefact
    from rungwise.policy.difficulty import difficulty_of
    from rungwise.policy.difficulty_file import Document

    document, name = read_artefact(path, Document, mend=MEND)
    return difficulty_of(document, name, tiers)


def _warn(text: str) -> None:
    print(f"rungwise: {text}", file=sys.stderr)


def _list(arguments: argparse.Namespace) -> int:
    from rungwise.lab.training.promotion import earlier

    check_writable(json=arguments.json)
    target = arguments.file.resolve()
    there = {0: target} if target.exists() else {}
    found = [_artefact(number, path) for number, path in {**there, **earlier(target)}.items()]
    if not found:
        raise ConfigError(f"{arguments.file}: none is in force, and none ever was")
    for one in found:
        print("\n".join(one.as_lines()))
    artefacts = [one.as_json() for one in found]
    write_json(arguments.json, {"file": str(arguments.file), "artefacts": artefacts})
    return 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Artefact:
    """One that is or was in force; `told` is what is wrong with it where it cannot be read."""

    number: int
    """0 is in force."""
    since: str
    """When it was put in force."""
    sha256: str
    told: Difficulty | str

    def as_lines(self) -> list[str]:
        place = "in force" if self.number == 0 else f".{self.number}"
        head = f"{place:<9} {self.sha256[:8]}  since {self.since}"
        if isinstance(self.told, str):
            return [head, f"{'':9} {self.told}"]
        known = self.told.provenance
        rows = f"{known.rows} rows in {known.groups} groups, seed {known.seed}"
        days = f", {known.since} to {known.until}" if known.since else ""
        return [
            head,
            f"{'':9} fitted {known.date} by rungwise {known.version} on {known.data}{days}: {rows}",
            *(f"{'':9} {tier}: {_figures(told)}" for tier, told in known.validated.items()),
        ]

    def as_json(self) -> dict[str, object]:
        told = self.told
        more: dict[str, object] = {"fault": told}
        if not isinstance(told, str):
            more = {"tiers": list(told.tiers), "provenance": told.provenance.model_dump()}
        return {"number": self.number, "since": self.since, "sha256": self.sha256, **more}


def _figures(told: Mapping[str, float]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {value:.4g}" for name, value in told.items())


def _artefact(number: int, path: Path) -> _Artefact:
    told: Difficulty | str
    try:
        told = _load(path, ())
    except ConfigError as error:
        told = str(error)
    since = datetime.fromtimestamp(path.stat().st_mtime, UTC).isoformat(timespec="seconds")
    digest = sha256(_read(path)).hexdigest()
    return _Artefact(number=number, since=since, sha256=digest, told=told)
