"""Which command was asked for? `rungwise COMMAND ...`; errors are one line, exit status 2."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module

from rungwise import __version__
from rungwise.errors import ConfigError, StoreError, TierError

__all__ = ["main"]

COMMANDS = {
    "serve": ("rungwise.cli.serve", "serve the ladder of a configuration file"),
    "demo": (
        "rungwise.cli.demo",
        "see it work: real engines, a table of what it did, no GPU, no key",
    ),
    "doctor": ("rungwise.cli.doctor", "what this machine can run, and what to do about each lack"),
    "models": ("rungwise.cli.models", "the open models, and which of them fit on which GPU"),
    "calibrate": ("rungwise.cli.calibrate", "fit a gate's thresholds on labelled drafts"),
    "eval": ("rungwise.cli.eval", "what the recorded outcomes say of promises and calibration"),
    "train-router": (
        "rungwise.cli.train_router",
        "learn how hard a chat is for each rung, from recorded steps or the ledger",
    ),
    "router": ("rungwise.cli.router", "promote what was learnt, roll back, list"),
    "replay": (
        "rungwise.cli.replay",
        "what another policy, price or threshold would have made of the ledger's traffic",
    ),
    "keys": ("rungwise.cli.keys", "who may ask: make, list, revoke and rotate API keys"),
    "report": ("rungwise.cli.report", "accuracy, latency and cost of what was answered"),
    "alarms": ("rungwise.cli.alarms", "what is no longer as it was: list the alarms, end one"),
    "bench": ("rungwise.cli.bench", "measure this server against a reference, interleaved"),
    "schema": ("rungwise.cli.schema", "print the configuration's JSON Schema"),
}
"""Each module offers `add_arguments(parser)` and `run(arguments) -> exit status`."""


def main(argv: Sequence[str] | None = None) -> int:
    try:
        try:
            return _run(list(sys.argv[1:] if argv is None else argv))
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        return _unread()


def _run(arguments: Sequence[str]) -> int:
    parser = _parser()
    if not arguments or arguments[0] not in COMMANDS:
        parser.parse_args(arguments or ["--help"])
        return 2
    module = import_module(COMMANDS[arguments[0]][0])
    command = argparse.ArgumentParser(
        prog=f"rungwise {arguments[0]}", description=COMMANDS[arguments[0]][1]
    )
    module.add_arguments(command)
    run: Callable[[argparse.Namespace], int] = module.run
    try:
        return run(command.parse_args(arguments[1:]))
    except (ConfigError, StoreError, TierError) as error:
        print(f"rungwise: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def _unread() -> int:
    """Nobody reads on, as in `| head`: ends as a program that SIGPIPE ends. What is left in the
    buffer goes nowhere, for Python would complain of it while it ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
    return 141


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="rungwise",
        description="Open models answer first on your own GPU; doubtful steps climb.",
        epilog="`rungwise COMMAND --help` tells more of each.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"rungwise {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, (_, purpose) in COMMANDS.items():
        commands.add_parser(name, help=purpose)
    return parser
