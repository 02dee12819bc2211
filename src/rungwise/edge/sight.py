"""What may a key look at? Its own answers and figures; everybody's where it sees all."""

from __future__ import annotations

from starlette.requests import Request

from rungwise.edge.door import visit_of
from rungwise.errors import NotAllowed

__all__ = ["only_of", "see_all"]


def only_of(request: Request) -> str | None:
    """Whose answers alone it may see; None: everybody's."""
    caller = visit_of(request).caller
    return None if caller.sees_all else caller.name


def see_all(request: Request) -> None:
    """Raises NotAllowed for a key that sees only its own."""
    if only_of(request) is not None:
        raise NotAllowed(
            "this key sees only its own answers and figures; ask with one that was made with "
            "--sees-all",
            code="sees_own_only",
        )
