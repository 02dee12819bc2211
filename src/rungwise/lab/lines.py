"""What do the lines of a JSONL file hold? Plain or gzipped; a faulty line is named."""

from __future__ import annotations

import codecs
import gzip
import json
import math
import zlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path

from rungwise.errors import ConfigError

__all__ = ["LONGEST_LINE", "Line", "numbers_in", "read_lines"]

GZIP = b"\x1f\x8b"
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
        """`missing` stands for a key that is not there, or null; None: it must be there."""
        found = self._given(key, missing)
        if isinstance(found, bool):
            return found
        if key not in self.fields:
            raise self.fault(key, "is missing; add true or false")
        raise self.fault(key, f"must be true or false, not {_shown(found)}; correct the line")

    def text(self, key: str, missing: str | None = None) -> str:
        found = self._given(key, missing)
        if isinstance(found, str):
            return found
        if key not in self.fields:
            raise self.fault(key, "is missing; add a text")
        raise self.fault(key, f"must be a text, not {_shown(found)}; correct the line")

    def _given(self, key: str, missing: bool | str | None) -> object:
        found = self.fields.get(key)
        return missing if found is None else found

    def object(self, key: str) -> Mapping[str, object]:
        found = self.fields.get(key)
        if isinstance(found, dict):
            return found
        if key not in self.fields:
            raise self.fault(key, "is missing; add an object")
        raise self.fault(key, f"must be an object, not {_shown(found)}; correct the line")

    def numbers(self, key: str, names: Collection[str] | None = None) -> dict[str, float]:
        return numbers_in(self, key, self.object(key), names)


def numbers_in(
    line: Line, key: str, found: object, names: Collection[str] | None = None
) -> dict[str, float]:
    """`found` as finite numbers by name; `key` is where it stands. Only those of `names`, each of
    which must be there; None: all, at least one."""
    if not isinstance(found, dict) or not found:
        raise line.fault(key, "must be an object with at least one number; correct the line")
    for name in names or ():
        if name not in found:
            told = f"{', '.join(found):.200}"
            raise line.fault(
                f"{key}.{name}", f"is missing, and every line must have it; here: {told}"
            )
    used = found if names is None else names
    return {name: _number(line, f"{key}.{name}", found[name]) for name in used}


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
    """Each line's object; blank lines are passed over. ConfigError names file and line.

    Gzip is known by its first bytes, whatever the file is called; a byte order mark is left out.
    """
    number, found = 0, 0
    try:
        with path.open("rb") as raw:
            file = _unpacked(raw)
            while line := file.readline(LONGEST_LINE + 1):
                number += 1
                line = line.removeprefix(codecs.BOM_UTF8) if number == 1 else line
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


def _unpacked(raw: BufferedReader) -> BufferedReader | gzip.GzipFile:
    return gzip.GzipFile(fileobj=raw) if raw.peek(2)[:2] == GZIP else raw


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
