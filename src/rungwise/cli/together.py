"""Several servers in one process, each on its own port: `python -m rungwise.cli.together`.

Two processes of the same program differ by some percent for as long as they live, by chance. What
costs less than that is only seen between servers that have all else in common.
"""

from __future__ import annotations

import argparse
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, ExitStack, asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from rungwise.config import Config, api_keys, load

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="rungwise.cli.together")
    for kind, told in (("config", "of a server as it is"), ("unwatched", "of one that is not")):
        parser.add_argument(f"--{kind}", type=Path, action="append", default=[], help=told)
    given = parser.parse_args(arguments)
    _serve([*map(load, given.config)], [*map(load, given.unwatched)])


def _serve(watched: Sequence[Config], unwatched: Sequence[Config]) -> None:
    """Until SIGTERM or SIGINT. Those that are not watched write to their ledgers, and nothing else
    sees what they answer."""
    from rungwise.build import build_app
    from rungwise.cli.serve import listen
    from rungwise.cli.server import server_of
    from rungwise.observe.logs import configure_logs

    configure_logs()
    asked = [*((config, True) for config in watched), *((config, False) for config in unwatched)]
    apps = {
        config.server.port: build_app(config, api_keys(config), watched=seen)
        for config, seen in asked
    }
    first = next(iter(apps.values()))
    shell = FastAPI(lifespan=_together([*apps.values()]))
    shell.state = first.state  # whether the server closes, and whether its engines are up
    shell.add_middleware(_ByPort, apps=apps)
    with ExitStack() as stack:
        listeners = [
            stack.enter_context(listen(config.server.host, config.server.port))
            for config, _ in asked
        ]
        server_of(shell, asked[0][0].server).run(sockets=listeners)


def _together(apps: Sequence[FastAPI]) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for app in apps:
                await stack.enter_async_context(app.router.lifespan_context(app))
            yield

    return lifespan


class _ByPort:
    """A middleware in front of nothing: the app whose port it is answers."""

    def __init__(self, app: ASGIApp, apps: Mapping[int, ASGIApp]) -> None:
        self._apps = apps

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._apps[scope["server"][1]](scope, receive, send)


if __name__ == "__main__":
    main()
