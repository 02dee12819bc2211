"""What would docker compose take from .env.example, as it is and with its commented lines?"""

from __future__ import annotations

import re
from collections.abc import Mapping

from tests.image.dockerfile import ROOT

__all__ = ["EXAMPLE", "assignments", "read", "uncommented"]

EXAMPLE = (ROOT / ".env.example").read_text(encoding="utf-8")
_COMMENTED = re.compile(r"^# (?=[A-Z_]+=)", re.MULTILINE)


def uncommented(text: str) -> str:
    return _COMMENTED.sub("", text)


def assignments(text: str) -> list[tuple[str, str]]:
    told = (line.partition("=") for line in text.splitlines() if line and line[0] != "#")
    return [(name, value) for name, _, value in told]


def read(text: str, chosen: Mapping[str, str] = {}) -> dict[str, str]:
    """Line after line: `${NAME}` is what the lines above made it, and nothing where they did not;
    of two lines for one name the later counts. `chosen` is what the owner writes behind a name."""
    found: dict[str, str] = {}
    for name, value in assignments(text):
        told = chosen.get(name, value)
        found[name] = re.sub(r"\$\{(\w+)\}", lambda used: found.get(used[1], ""), told)
    return found
