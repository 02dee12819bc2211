"""How is the app run? uvicorn, where the start, the drain at the end and its last steps are ours.

At the first SIGTERM or SIGINT it goes on listening: what is open may end within the grace period,
what is new is told to go elsewhere. At a second one, all that is open ends at once.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import math
import socket
from contextlib import AsyncExitStack
from types import FrameType

import uvicorn
from fastapi import FastAPI

from rungwise.config import ServerConfig
from rungwise.edge.closing import closing_of
from rungwise.edge.limits import Limits, bounded
from rungwise.edge.rising import Rising

__all__ = ["server_of"]

logger = logging.getLogger(__name__)

LAST_S = 5.0
"""For answers that were cancelled: to stop their drafts, and to write down what those used; and
for connections: to take what was written."""
YOUNG = 20_000
"""New objects before it is looked for such as only refer to each other: answers leave few."""


def server_of(app: FastAPI, config: ServerConfig) -> uvicorn.Server:
    """What its `run` raises is what kept the app from starting."""
    served = uvicorn.Config(
        app,
        loop="uvloop",
        http=bounded(Limits(connections=config.max_connections, idle_s=config.idle_s)),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=math.ceil(LAST_S),  # open answers had the grace period before
    )
    return _Server(app, served, config.grace_s)


class _Server(uvicorn.Server):
    """Starts and stops the app itself: uvicorn would log its error as a traceback, and exit; and
    it would close its sockets at the first signal."""

    def __init__(self, app: FastAPI, config: uvicorn.Config, grace_s: float) -> None:
        super().__init__(config)
        self._app, self._life = app, AsyncExitStack()
        self._closing, self._grace_s = closing_of(app), grace_s

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        async with AsyncExitStack() as life:
            await life.enter_async_context(self._app.router.lifespan_context(self._app))
            gc.collect()
            gc.freeze()  # what stands now stays: looking through it costs 5 % of a busy core,
            gc.set_threshold(YOUNG, 10, 10)  # and looking often through what is new as much
            life.callback(asyncio.create_task(self._freeze_once_up()).cancel)
            await super().startup(sockets)
            self._life = life.pop_all()

    async def _freeze_once_up(self) -> None:
        """Engines come up behind the server, and vLLM is most of what stays: 560,000 objects. To
        look through them once more would hold everybody up for 0.4 s, and find nothing."""
        rising = self._app.state.rising
        assert isinstance(rising, Rising)
        await rising.over.wait()
        gc.freeze()

    # ---- the end -----------------------------------------------------------------------------

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Signals that come together are one: `timeout`, for one, sends it to a process and to its
        group. What ends in order ends with 0; a second signal is what it is."""
        if self._closing.begun:
            super().handle_exit(sig, frame)  # which raises it again at the very end
            self.force_exit = True
        self.should_exit = True

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second: whether it is over."""
        if not await super().on_tick(counter):
            return False
        closing = self._closing
        if not closing.begun:
            closing.begin(self._grace_s)
            logger.info("stopping: open answers (%d) have %g s", closing.open, self._grace_s)
        return self.force_exit or closing.open == 0 or closing.left_s == 0

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        cut = self._closing.open
        try:
            if cut:
                await self._cut()
            await super().shutdown(sockets)
            await self._cut()  # what was only looked up, and is late
            logger.info(
                "stopping: open answers ended: %d, cut: %d", self._closing.awaited - cut, cut
            )
        finally:
            await self._life.aclose()

    async def _cut(self) -> None:
        """End what is still open. uvicorn would wait for none of it: but what was used so far has
        to be written down, and its caller has to hear of it."""
        late = set(self.server_state.tasks)
        for task in late:
            if not task.cancelling():
                task.cancel()
        if late:
            await asyncio.wait(late, timeout=LAST_S)
