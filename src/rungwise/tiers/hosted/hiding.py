"""What of an upstream's words may be told? All but our own keys, whole or in part."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

__all__ = ["without"]

PART = 8
"""So many characters in a row that stand in a key, too, are taken for a part of it."""
HIDDEN = "***"


def without(text: str, secrets: Iterable[str]) -> str:
    """The text with HIDDEN in the place of each secret and of each part of one: a message that
    quotes a key may have been cut anywhere. Of a secret that is shorter than a part, all of it."""
    for secret in secrets:
        text = _without(text, secret) if len(secret) > PART else _replaced(text, secret)
    return text


def _replaced(text: str, secret: str) -> str:
    return text.replace(secret, HIDDEN) if secret else text


def _without(text: str, secret: str) -> str:
    parts = {secret[i : i + PART] for i in range(len(secret) - PART + 1)}
    starts = [i for i in range(len(text) - PART + 1) if text[i : i + PART] in parts]
    if not starts:
        return text
    hidden = {place for start in starts for place in range(start, start + PART)}
    runs = groupby(enumerate(text), key=lambda one: one[0] in hidden)
    return "".join(HIDDEN if hide else "".join(c for _, c in run) for hide, run in runs)
