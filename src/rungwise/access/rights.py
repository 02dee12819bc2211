"""What may a key ask for? A Caller's rights as they are kept, and what holds where none are set."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import Any

from rungwise.config import LimitsConfig
from rungwise.types import Caller, Cap

__all__ = ["caller_of", "limited", "rights_of"]

NANO = 1_000_000_000


def rights_of(caller: Caller) -> str:
    """All of a caller but its name, as JSON, without what stands at its default."""
    told: dict[str, Any] = {
        "names": _sorted(caller.names),
        "tiers": _sorted(caller.tiers),
        "local_only": caller.local_only or None,
        "requests_per_minute": caller.requests_per_minute,
        "concurrent": caller.concurrent,
        "caps": [asdict(cap) for cap in caller.caps] or None,
        "sees_all": caller.sees_all or None,
        "outcomes_count": None if caller.outcomes_count else False,
    }
    return json.dumps({name: value for name, value in told.items() if value is not None})


def caller_of(name: str, rights: str) -> Caller:
    """The caller that `rights_of` told. Raises ValueError for anything else: a right that this
    version does not know must not be taken for none."""
    try:
        told: dict[str, Any] = json.loads(rights)
        names, tiers = told.pop("names", None), told.pop("tiers", None)
        flags = (told.get(name, False) for name in ("local_only", "sees_all", "outcomes_count"))
        if not all(isinstance(flag, bool) for flag in flags):
            raise TypeError("a right that is held or not is neither true nor false")
        return Caller(
            name=name,
            names=None if names is None else frozenset(names),
            tiers=None if tiers is None else frozenset(tiers),
            caps=tuple(Cap(**cap) for cap in told.pop("caps", ())),
            **told,
        )
    except (TypeError, AttributeError) as error:
        raise ValueError(f"the rights of key {name!r} cannot be read: {error}") from None


def limited(caller: Caller, limits: LimitsConfig) -> Caller:
    """The caller with the configured limits wherever it has none of its own. Caps go together: a
    key with one cap of its own has only its own."""
    caps = tuple(
        Cap(nano=round(cap.usd * NANO), window=cap.window, of=cap.of) for cap in limits.caps
    )
    return replace(
        caller,
        requests_per_minute=caller.requests_per_minute or limits.requests_per_minute,
        concurrent=caller.concurrent or limits.concurrent,
        caps=caller.caps or caps,
    )


def _sorted(names: frozenset[str] | None) -> list[str] | None:
    return None if names is None else sorted(names)
