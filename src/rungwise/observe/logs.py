"""What goes to the log? One line an event, on standard error, without prompts or keys."""

from __future__ import annotations

import logging
import sys

__all__ = ["configure_logs"]


def configure_logs(level: int = logging.INFO) -> None:
    """Send this package's and uvicorn's lines to standard error; SDK chatter only from warnings."""
    out = logging.StreamHandler(sys.stderr)
    out.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    for name in ("rungwise", "uvicorn"):
        logger = logging.getLogger(name)
        logger.handlers[:] = [out]
        logger.setLevel(level)
        logger.propagate = False
    for name in ("httpx", "httpx2", "openai", "anthropic", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)
