"""Which command was this, its defaults told, too? So that others can run it again."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path

__all__ = ["command_of"]

_OF_THIS_RUN = {"command", "what", "json", "plot", "drawn_from", "within"}
"""What says which command it is, where its figures went, and how long it was let run."""


def command_of(arguments: argparse.Namespace) -> str:
    """One line. Of paths outside the current folder the last part only: the rest is this
    machine's."""
    words = ["rungwise", "bench", str(arguments.what)]
    for name, value in sorted(vars(arguments).items()):
        if name in _OF_THIS_RUN or value is None or value is False or callable(value):
            continue
        words.append(f"--{name.replace('_', '-')}")
        if value is not True:
            words += map(_shown, value if isinstance(value, list) else [value])
    return shlex.join(words)


def _shown(value: object) -> str:
    return value.name if isinstance(value, Path) and value.is_absolute() else str(value)
