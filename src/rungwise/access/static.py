"""Whose key is this, of those that the environment names? Compared in constant time."""

from __future__ import annotations

import hmac
from collections.abc import Sequence

from rungwise.access.rights import limited
from rungwise.access.secret import digest_of
from rungwise.config import LimitsConfig
from rungwise.errors import NotAuthorised
from rungwise.types import Caller

__all__ = ["StaticKeyring"]


class StaticKeyring:
    """A caller is named by its key's place in the list. Without keys everyone is anonymous. These
    are the owner's own keys, and without any it is the owner's own machine: all of them see all.

    People may have thought these keys up: that a comparison takes the same time whatever is told
    is no luxury here.
    """

    def __init__(self, keys: Sequence[str], limits: LimitsConfig | None = None) -> None:
        limits = limits or LimitsConfig()
        self._anonymous = limited(Caller(sees_all=True), limits)
        self._digests = tuple(digest_of(key) for key in keys)
        self._callers = tuple(
            limited(Caller(name=f"key{place}", sees_all=True), limits)
            for place in range(1, len(keys) + 1)
        )

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    def identify(self, secret: str | None) -> Caller:
        if not self._digests:
            return self._anonymous
        if secret is None:
            raise NotAuthorised("no API key was sent", code="missing_api_key")
        found = self.find(secret)
        if found is None:
            raise NotAuthorised("unknown API key", code="invalid_api_key")
        return found

    def find(self, secret: str) -> Caller | None:
        told, found = digest_of(secret), None
        for digest, caller in zip(self._digests, self._callers, strict=True):
            if hmac.compare_digest(told, digest):  # and go on: the time tells nothing
                found = caller
        return found
