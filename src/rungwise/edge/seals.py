"""Whose thought is it that comes back? A seal that names the model which wrote it.

On the Messages surface a seal goes out as `rw1.<model, base64url>.<the API's own seal>`, and comes
back with the thought. Without that name nobody could know which rung may be shown it: to another
model it means nothing. A seal that was not given out here belongs to nobody.

OpenAI's protocol has no place for thoughts but the one that Gemini found in it: beside a tool call,
in `extra_content.google.thought_signature`, which clients hand back unread. So the thoughts before
a call go there, whole and of every model, as `rwt.<JSON, base64url>`.
"""

from __future__ import annotations

import json
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Iterable, Sequence

from rungwise.types import Thought

__all__ = ["bundled", "sealed", "unbundled", "unsealed"]

_OURS = "rw1"
_BUNDLE = "rwt"


def sealed(model: str, seal: str) -> str:
    return f"{_OURS}.{_written(model)}.{seal}"


def unsealed(told: str) -> tuple[str, str] | None:
    """The model, and its own seal, which is "" where the model gives none."""
    ours, _, rest = told.partition(".")
    named, dot, seal = rest.partition(".")
    if ours != _OURS or not dot or not named:
        return None
    try:
        return _read(named), seal
    except ValueError:
        return None


def bundled(thoughts: Sequence[Thought], model: str) -> str:
    """`model` is who wrote those that name no one."""
    told = [[t.model or model, t.text, t.seal, t.withheld] for t in thoughts]
    return f"{_BUNDLE}.{_written(json.dumps(told))}"


def unbundled(told: str) -> tuple[Thought, ...]:
    """Nothing, for what was not given out here."""
    ours, _, rest = told.partition(".")
    if ours != _BUNDLE:
        return ()
    try:
        return tuple(_thoughts(json.loads(_read(rest))))
    except (ValueError, TypeError, RecursionError):
        return ()


def _thoughts(told: Iterable[Iterable[object]]) -> Iterable[Thought]:
    for model, text, seal, withheld in told:
        if not (isinstance(model, str) and isinstance(text, str) and isinstance(seal, str)):
            raise ValueError(model, text, seal)
        yield Thought(text=text, seal=seal, withheld=bool(withheld), model=model)


def _written(text: str) -> str:
    return urlsafe_b64encode(text.encode("utf-8", "replace")).decode().rstrip("=")


def _read(told: str) -> str:
    """Raises ValueError."""
    return b64decode(told + "=" * (-len(told) % 4), altchars=b"-_", validate=True).decode()
