"""How much of a ledger's labels may be one key's? The option of whatever is fitted to them."""

from __future__ import annotations

import argparse

from rungwise.errors import ConfigError

__all__ = ["add_option", "check"]


def add_option(parser: argparse._ActionsContainer) -> None:
    parser.add_argument(
        "--most-share",
        type=float,
        metavar="SHARE",
        help="of a --ledger: how much of a step type's labels may be one key's, where there are "
        "several keys (outcomes.most_share of the configuration, else 0.5)",
    )


def check(told: float | None) -> None:
    """Raises ConfigError."""
    if told is not None and not 0 < told <= 1:
        raise ConfigError(f"--most-share: must lie above 0 and be no more than 1, not {told}")
