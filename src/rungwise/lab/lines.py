"""What do the lines of a JSONL file hold? Plain or gzipped; a faulty line is named."""

from __future__ import annotations

import gzip
import json
import math
import zlib
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from rungwise.errors import ConfigError

__all__ = ["LONGEST_LINE", "Line", "numbers_in", "read_lines"]

LONGEST_LINE = 1 << 20
"""Bytes: a recorded draft needs a few thousand; a file without line ends must not fill memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """The object on one line. What is missing or of another kind is a ConfigError that says where.

    Keys that nobody asks for are left alone: people log more than is needed here.
    """

    place: str
    """file:line"""
    fields: Mapping[str, object]

    def fault(self, key: str, what: str) -> ConfigError:
        return ConfigError(f"{self.place}: {key}: {what}")

    def truth(self, key: str, missing: bool | None = None) -> bool:
        """`missing` stands for a key that is not there; None: it must be there."""
        found = self.fields.get(key, missing)
        if isinstance(found, bool):
            return found
        if key not in self.fields:
            raise self.fault(key, "is missing; add true or false")
        raise self.fault(key, f"must be true or false, not {_shown(found)}; correct the line")

    def text(self, key: str, missing: str | None = None) -> str:
        found = self.fields.get(key, missing)
        if isinstance(found, str):
            return found
        if key not in self.fields:
            raise self.fault(key, "is missing; add a text")
        raise self.fault(key, f"must be a text, not {_shown(found)}; correct the line")

    def object(self, key: str) -> Mapping[str, object]:
        found = self.fields.get(key)
        if isinstance(found, dict):
            return found
        if key not in self.fields:
            raise self.fault(key, "is missing; add an object")
        raise self.fault(key, f"must be an object, not {_shown(found)}; correct the line")

    def numbers(self, key: str) -> dict[str, float]:
        return numbers_in(self, key, self.object(key))


def numbers_in(line: Line, key: str, found: object) -> dict[str, float]:
    """`found` as finite numbers by name, at least one of them; `key` is where it stands."""
    if not isinstance(found, dict) or not found:
        raise line.fault(key, "must be an object with at least one number; correct the line")
    return {name: _number(line, f"{key}.{name}", value) for name, value in found.items()}


def _number(line: Line, key: str, value: object) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if math.isfinite(number):
            return number
    raise line.fault(
        key,
        f"must be a finite number, not {_shown(value)}; leave out drafts that could not be read",
    )


def read_lines(path: Path) -> Iterator[Line]:
    """Each line's object; blank lines are passed over. ConfigError names file and line."""
    number, found = 0, 0
    try:
        with closing(_open(path)) as file:
            while line := file.readline(LONGEST_LINE + 1):
                number += 1
                if line.strip():
                    found += 1
                    yield _parsed(path, number, line)
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file; correct its name") from None
    except (OSError, EOFError, zlib.error) as error:
        place = f"{path}:{number + 1}"
        raise ConfigError(f"{place}: cannot be read ({error}); write the file again") from None
    if not found:
        raise ConfigError(f"{path}: is empty; write one JSON object a line")


def _open(path: Path) -> BinaryIO:
    if path.suffix == ".gz":
        return cast(BinaryIO, gzip.open(path, "rb"))
    return path.open("rb")


def _parsed(path: Path, number: int, line: bytes) -> Line:
    place = f"{path}:{number}"
    if len(line) > LONGEST_LINE:
        raise ConfigError(f"{place}: is longer than {LONGEST_LINE} bytes; one object a line")
    try:
        fields = json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        told = " ".join(str(error).split())[:100]
        raise ConfigError(f"{place}: not JSON ({told}); write one JSON object a line") from None
    if not isinstance(fields, dict):
        raise ConfigError(f"{place}: must be an object, not {_shown(fields)}")
    return Line(place=place, fields=fields)


def _shown(value: object) -> str:
    shown = json.dumps(value)
    return shown if len(shown) <= 40 else f"{shown[:37]}..."
