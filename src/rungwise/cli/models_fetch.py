"""How are open models fetched? `rungwise models fetch`: progress on stderr, folders on stdout."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rungwise.errors import ConfigError

__all__ = ["add_parser", "run"]


def add_parser(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(dest="action", metavar="fetch")
    fetch = commands.add_parser(
        "fetch",
        help="have models from the hub, a mirror or a folder, checked by their hashes",
        description="Have models in a folder each: configuration, tokenizer and safetensors of one "
        "commit, checked by size and hash. No pickle and no code is fetched. What was broken off "
        "goes on when it is run again; what is there and sound is left alone.",
        epilog="HF_TOKEN is sent for gated models, HF_ENDPOINT is a mirror that may have it, and "
        "HF_HUB_OFFLINE is kept.",
    )
    fetch.add_argument("ids", nargs="+", metavar="ID", help="such as Qwen/Qwen3-8B")
    fetch.add_argument(
        "--to", type=Path, required=True, metavar="DIR", help="each goes to DIR/ORG/NAME"
    )
    fetch.add_argument(
        "--from",
        dest="source",
        metavar="WHERE",
        help="a folder that holds ORG/NAME or the hub's cache, or the https:// address of a mirror",
    )
    fetch.add_argument(
        "--revision",
        metavar="R",
        help="a commit, or a branch, of which the commit is written down (default: what its card "
        "pins, else main)",
    )


def run(arguments: argparse.Namespace) -> int:
    from tqdm import tqdm

    from rungwise.tiers.cards import shipped
    from rungwise.weights.fetching import carry_out, check_room, plan, sized
    from rungwise.weights.seeking import seek, source

    def say(line: str) -> None:
        tqdm.write(line, file=sys.stderr)

    if arguments.revision is not None and len(arguments.ids) > 1:
        raise ConfigError("--revision is of one model; fetch the others in a run of their own")
    cards = shipped().values()
    sought = [seek(model, arguments.revision, cards) for model in dict.fromkeys(arguments.ids)]
    where, to = source(arguments.source), arguments.to.expanduser()
    plans = [plan(where, one, to, say=say) for one in sought]
    check_room(plans, to)
    total = sum(one.size for one in plans)
    with tqdm(total=total, unit="B", unit_scale=True, mininterval=0.5, disable=None) as bar:

        def advance(count: int) -> None:
            bar.update(count)

        for one in plans:
            if one.listing is not None:
                at = f" at {one.listing.commit}" if one.listing.commit else ""
                say(f"{one.sought.repository}{at}: {len(one.files)} files, {sized(one.size)}")
            carry_out(where, one, say=say, advance=advance)
            say(f"{one.sought.repository}: complete and sound")
    for one in plans:
        print(one.folder)
    return 0
