"""How does uvicorn run the app? With our limits, and so that a failed start is ours to tell."""

from __future__ import annotations

import asyncio
import gc
import math
import socket
from contextlib import AsyncExitStack

import uvicorn
from fastapi import FastAPI

from rungwise.config import ServerConfig
from rungwise.edge.limits import Limits, bounded

__all__ = ["server_of"]

LAST_S = 5.0
"""For answers that were cancelled: to stop their drafts, and to write down what those used."""
YOUNG = 20_000
"""New objects before it is looked for such as only refer to each other: answers leave few."""


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
            proxy_headers=False,
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
            gc.freeze()  # what stands now stays: looking through it costs 5 % of a busy core,
            gc.set_threshold(YOUNG, 10, 10)  # and looking often through what is new as much
            await super().startup(sockets)
            self._life = life.pop_all()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            await super().shutdown(sockets)
        finally:
            await self._ended()
            await self._life.aclose()

    async def _ended(self) -> None:
        """uvicorn cancels what is late, or leaves it when it is forced to exit, and waits for
        neither: but what was used so far has to be written down."""
        late = set(self.server_state.tasks)
        for task in late:
            if not task.cancelling():
                task.cancel()
        if late:
            await asyncio.wait(late, timeout=LAST_S)
