"""What may this caller ask for? A chat narrowed to its key's rights, and to the server's limits."""

from __future__ import annotations

from dataclasses import replace

from rungwise.edge.names import Name
from rungwise.errors import NotAllowed
from rungwise.types import Caller, Chat

__all__ = ["within_rights"]


def within_rights(chat: Chat, caller: Caller, name: Name, *, deadline_s: float | None) -> Chat:
    """The chat as this caller may ask it. Raises NotAllowed for a name that its key lacks."""
    if caller.names is not None and name.id not in caller.names:
        raise NotAllowed(
            f"this key may ask for {', '.join(sorted(caller.names)) or 'nothing'}, not {name.id!r}",
            param="model",
            code="model_not_allowed",
        )
    wish = chat.wish
    deadlines = [s for s in (wish.deadline_s, deadline_s) if s is not None]
    wish = replace(
        wish,
        local_only=wish.local_only or caller.local_only,
        deadline_s=min(deadlines, default=None),
    )
    return replace(chat, wish=wish, tenant=caller.name)
