"""Whose thought is it that comes back? A seal that names the model which wrote it.

A seal goes out as `rw1.<model, base64url>.<the API's own seal>`, and comes back with the thought.
Without that name nobody could know which rung may be shown it: to another model it means nothing.
A seal that was not given out here belongs to nobody.
"""

from __future__ import annotations

from base64 import b64decode, urlsafe_b64encode

__all__ = ["sealed", "unsealed"]

_OURS = "rw1"


def sealed(model: str, seal: str) -> str:
    named = urlsafe_b64encode(model.encode("utf-8", "replace")).decode().rstrip("=")
    return f"{_OURS}.{named}.{seal}"


def unsealed(told: str) -> tuple[str, str] | None:
    """The model, and its own seal, which is "" where the model gives none."""
    ours, _, rest = told.partition(".")
    named, dot, seal = rest.partition(".")
    if ours != _OURS or not dot or not named:
        return None
    try:
        padded = named + "=" * (-len(named) % 4)
        return b64decode(padded, altchars=b"-_", validate=True).decode(), seal
    except ValueError:
        return None
