"""How is a file of many numbers kept short and readable? JSON, each list of numbers on one line."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

__all__ = ["compact", "write_compact"]

_NUMBERS = re.compile(r"\[\s+([-+.\deE,\s]+?)\s+\]")


def compact(document: Mapping[str, object]) -> str:
    told = json.dumps(document, indent=2)
    return _NUMBERS.sub(lambda found: "[" + " ".join(found[1].split()) + "]", told) + "\n"


def write_compact(file: Path | None, document: Mapping[str, object]) -> None:
    """By way of a second file, so that a reader, or a kill, finds a whole one; nothing where no
    file was asked for."""
    if file is None:
        return
    fresh = file.with_name(f".{file.name}.new")
    fresh.write_text(compact(document), encoding="utf-8")
    fresh.replace(file)
