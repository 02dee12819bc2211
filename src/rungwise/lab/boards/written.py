"""Which boards are there, and where are they kept? `python -m rungwise.lab.boards.written FOLDER`
writes them."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from rungwise.lab.boards.cascade import CASCADE
from rungwise.lab.boards.drawn import drawn
from rungwise.lab.boards.gpu import GPU
from rungwise.lab.boards.overview import OVERVIEW
from rungwise.lab.boards.panels import Board
from rungwise.lab.boards.upstreams import UPSTREAMS

__all__ = ["BOARDS", "write"]

BOARDS: Mapping[str, Board] = {
    "overview": OVERVIEW,
    "cascade": CASCADE,
    "gpu": GPU,
    "upstreams": UPSTREAMS,
}


def write(folder: Path) -> None:
    for name, board in BOARDS.items():
        (folder / f"{name}.json").write_text(drawn(board), encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
