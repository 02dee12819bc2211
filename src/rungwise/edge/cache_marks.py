"""Which prefix does the caller want cached? A `cache_control` mark, as Anthropic writes it."""

from __future__ import annotations

from collections.abc import Mapping

from rungwise.errors import CallerError
from rungwise.types import CacheMark, Json

__all__ = ["read_cache_mark"]

_LIVES: Mapping[Json, CacheMark] = {None: "5m", "5m": "5m", "1h": "1h"}


def read_cache_mark(told: Mapping[str, Json], place: str) -> CacheMark:
    """Raises CallerError."""
    if told.get("type") != "ephemeral":
        raise CallerError(f"{place}.type: must be ephemeral", param=place)
    ttl = told.get("ttl")
    if set(told) - {"type", "ttl"} or not isinstance(ttl, (str, type(None))) or ttl not in _LIVES:
        raise CallerError(f"{place}: holds type and, at most, ttl: 5m or 1h", param=place)
    return _LIVES[ttl]
