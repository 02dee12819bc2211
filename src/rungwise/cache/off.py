"""What if nothing is to be remembered? A cache that forgets at once."""

from __future__ import annotations

from rungwise.types import Chat, Remembered

__all__ = ["NoCache"]


class NoCache:
    """See contracts.Cache."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def recall(self, chat: Chat) -> Remembered | None:
        return None

    async def remember(self, chat: Chat, answer: Remembered) -> None: ...
