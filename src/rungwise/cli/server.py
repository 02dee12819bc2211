"""How does uvicorn run the app? With our limits, and so that a failed start is ours to tell."""

from __future__ import annotations

import gc
import math
import socket
from contextlib import AsyncExitStack

import uvicorn
from fastapi import FastAPI

from rungwise.config import ServerConfig
from rungwise.edge.limits import Limits, bounded

__all__ = ["server_of"]


def server_of(app: FastAPI, config: ServerConfig) -> uvicorn.Server:
    """What its `run` raises is what kept the app from starting."""
    return _Server(
        app,
        uvicorn.Config(
            app,
            loop="uvloop",
            http=bounded(Limits(connections=config.max_connections)),
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=math.ceil(config.grace_s),
        ),
    )


class _Server(uvicorn.Server):
    """Starts and stops the app itself: uvicorn would log its error as a traceback, and exit."""

    def __init__(self, app: FastAPI, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._app, self._life = app, AsyncExitStack()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        async with AsyncExitStack() as life:
            await life.enter_async_context(self._app.router.lifespan_context(self._app))
            gc.collect()
            gc.freeze()  # what stands now stays: looking through it costs 5 % of a busy core
            await super().startup(sockets)
            self._life = life.pop_all()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            await super().shutdown(sockets)
        finally:
            await self._life.aclose()
