"""What was read of a draft, and was it right? One line of JSON each, plain or gzipped."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rungwise.errors import ConfigError
from rungwise.lab.lines import Line, numbers_in, read_lines
from rungwise.types import StepType

__all__ = ["Recorded", "digest", "read_recorded", "write_recorded"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """One draft's readings and label. Names of signals and step types are free here."""

    step_type: str
    readings: Mapping[str, float]
    right: bool
    reference: bool = True
    """Whether the reference rung was right; not known counts as right, which loses most."""
    prefixes: Mapping[int, Mapping[str, float]] = field(default_factory=dict)
    """The readings once so many deciding tokens had been read."""
    prose: bool = True
    """False: tools, a JSON shape or several answers were asked for, so that it is always held whole
    and its prefixes tell only whether it will recover."""
    tokens: int | None = None
    """How many deciding tokens it had."""
    group: str | None = None
    """Drafts of one group (a conversation, a document) are not independent of each other."""


def read_recorded(
    path: Path,
    step_types: Collection[str] | None = None,
    signals: Collection[str] | None = None,
) -> list[Recorded]:
    """Every line of the file, at least one, with the readings of `signals`, else of those that the
    first line has; what else was read is left alone. Prefixes have those that the first one has.

    `step_types` are the allowed ones, where not every name will do. ConfigError names the line.
    """
    found: list[Recorded] = []
    early: Collection[str] | None = None
    for line in read_lines(path):
        readings = line.numbers("readings", signals)
        signals = readings.keys() if signals is None else signals
        prefixes = _prefixes(line)
        if early is None and prefixes:
            early = _read_early(line, prefixes, signals)
        item = _recorded(line, readings, prefixes, early or ())
        if step_types is not None and item.step_type not in step_types:
            known = ", ".join(step_types)
            raise line.fault("step_type", f"no step type {item.step_type!r:.60}; known: {known}")
        found.append(item)
    return found


def _recorded(
    line: Line,
    readings: Mapping[str, float],
    prefixes: Mapping[int, object],
    early: Collection[str],
) -> Recorded:
    """`early` are the signals to take from each of the prefixes."""
    step_type = line.text("step_type", StepType.OPEN_CHAT.value)
    if not step_type:
        raise line.fault("step_type", "is empty; leave it out or name one")
    return Recorded(
        step_type=step_type,
        readings=readings,
        right=line.truth("label"),
        reference=line.truth("reference", True),
        prefixes={
            length: numbers_in(line, f"prefixes.{length}", values, early)
            for length, values in (prefixes.items() if early else ())
        },
        prose=line.truth("prose", True),
        tokens=_tokens(line) if line.fields.get("tokens") is not None else None,
        group=line.text("group") if line.fields.get("group") is not None else None,
    )


def _prefixes(line: Line) -> dict[int, object]:
    """By length, as they stand there."""
    if line.fields.get("prefixes") is None:
        return {}
    found: dict[int, object] = {}
    for length, values in line.object("prefixes").items():
        if not (length.isascii() and length.isdigit() and 0 < len(length) < 8 and int(length) > 0):
            key = f"prefixes.{length}"
            raise line.fault(key, "the key must be a number of tokens, 1 or more")
        found[int(length)] = values
    return found


def _read_early(
    line: Line, prefixes: Mapping[int, object], signals: Collection[str]
) -> Collection[str]:
    """Which of `signals` the first prefix of all has."""
    length, values = next(iter(prefixes.items()))
    if not isinstance(values, dict):
        raise line.fault(f"prefixes.{length}", "must be an object with at least one number")
    return [name for name in signals if name in values]


def _tokens(line: Line) -> int:
    found = line.fields["tokens"]
    if not isinstance(found, int) or isinstance(found, bool) or found < 0:
        raise line.fault("tokens", "must be a whole number, 0 or more; correct it or leave it out")
    return found


def write_recorded(path: Path, items: Iterable[Recorded]) -> None:
    """One line each; gzipped where the name ends in .gz. The same items give the same bytes."""
    lines = "".join(f"{text}\n" for text in _texts(items)).encode("ascii")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(lines, mtime=0) if path.suffix == ".gz" else lines)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written ({error.strerror})") from None


def digest(items: Sequence[Recorded]) -> str:
    """The SHA-256 of the lines as `write_recorded` writes them, before any compression."""
    found = hashlib.sha256()
    for text in _texts(items):
        found.update(f"{text}\n".encode("ascii"))
    return found.hexdigest()


def _texts(items: Iterable[Recorded]) -> Iterator[str]:
    for item in items:
        fields: dict[str, object] = {
            "step_type": item.step_type,
            "readings": dict(sorted(item.readings.items())),
            "label": item.right,
        }
        if not item.reference:
            fields["reference"] = False
        if item.prefixes:
            prefixes = sorted(item.prefixes.items())
            fields["prefixes"] = {str(n): dict(sorted(values.items())) for n, values in prefixes}
        if not item.prose:
            fields["prose"] = False
        if item.tokens is not None:
            fields["tokens"] = item.tokens
        if item.group is not None:
            fields["group"] = item.group
        yield json.dumps(fields, separators=(",", ":"), allow_nan=False)
