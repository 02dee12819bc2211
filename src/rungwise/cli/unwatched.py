"""What is a server that nobody watches? `python -m rungwise.cli.unwatched`, for measuring what it
costs to watch one: as `rungwise serve`, but entries go to the ledger alone."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from rungwise.cli.serve import serve
from rungwise.config import load

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="rungwise.cli.unwatched")
    parser.add_argument("--config", type=Path, required=True)
    serve(load(parser.parse_args(arguments).config), watched=False)


if __name__ == "__main__":
    main()
