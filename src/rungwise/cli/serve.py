"""How does the server start? Check everything that can be checked, then listen."""

from __future__ import annotations

import argparse
import logging
import socket
from datetime import date
from pathlib import Path

from rungwise.config import Config, api_keys, load
from rungwise.errors import ConfigError

__all__ = ["add_arguments", "listen", "run"]

logger = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, required=True, help="YAML file, see configs/")
    parser.add_argument("--host", help="overrides server.host")
    parser.add_argument("--port", type=int, help="overrides server.port")


def run(arguments: argparse.Namespace) -> int:
    config = load(arguments.config)
    given = {"host": arguments.host, "port": arguments.port}
    if arguments.port is not None and not 0 <= arguments.port <= 65535:
        raise ConfigError(f"--port: must lie between 0 and 65535, not {arguments.port}")
    server = config.server.model_copy(update={k: v for k, v in given.items() if v is not None})
    serve(config.model_copy(update={"server": server}))
    return 0


def serve(config: Config) -> None:
    """Serve until SIGTERM or SIGINT. Raises ConfigError before anything heavy starts, and that or
    StoreError for what only shows once it does."""
    from rungwise.cli.preflight import lacks

    for lack in lacks(config):
        raise ConfigError(lack.line)
    listener = listen(config.server.host, config.server.port)
    with listener:
        _run_uvicorn(config, listener)


def _run_uvicorn(config: Config, listener: socket.socket) -> None:
    from rungwise.build import build_app
    from rungwise.cli.preflight import fallen
    from rungwise.cli.server import server_of
    from rungwise.observe.logs import configure_logs
    from rungwise.tiers import outlook

    configure_logs()
    for line in (*(one.line for one in fallen(config)), *outlook.warnings(config, date.today())):
        logger.warning(line)
    app = build_app(config, api_keys(config))
    server_of(app, config.server).run(sockets=[listener])


def listen(host: str, port: int) -> socket.socket:
    """Take the port before the engines start: a port in use is known within a second. Raises
    ConfigError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise ConfigError(
            f"server.port: cannot listen on {host}:{port} ({error.strerror}); "
            "stop the other program or choose another port with --port"
        ) from None
    return listener
