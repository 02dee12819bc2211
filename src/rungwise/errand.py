"""What goes on beside all else until it is stopped? A task that is begun once, and broken off."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

__all__ = ["Errand"]


class Errand:
    """Runs `go_on` in the event loop of whoever starts it; another start changes nothing."""

    def __init__(self, go_on: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._go_on = go_on
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        if self._task is None:
            self._task = asyncio.create_task(self._go_on())

    async def stop(self) -> None:
        """Breaks it off, and waits until it has ended; harmless where it does not run."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
