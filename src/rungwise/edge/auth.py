"""Whose key is this? The configured keys, compared in constant time."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Sequence

from rungwise.errors import NotAuthorised
from rungwise.types import Caller

__all__ = ["StaticKeyring", "secret_of"]


class StaticKeyring:
    """A caller is named by its key's place in the list. Without keys everyone is anonymous."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._digests = tuple(_digest(key) for key in keys)
        self._callers = tuple(Caller(name=f"key{i}") for i in range(1, len(keys) + 1))

    def identify(self, secret: str | None) -> Caller:
        """Raises NotAuthorised."""
        if not self._digests:
            return Caller()
        if secret is None:
            raise NotAuthorised("no API key was sent", code="missing_api_key")
        told, found = _digest(secret), None
        for digest, caller in zip(self._digests, self._callers, strict=True):
            if hmac.compare_digest(told, digest):  # and go on: the time tells nothing
                found = caller
        if found is None:
            raise NotAuthorised("unknown API key", code="invalid_api_key")
        return found


def secret_of(headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    """The key of `Authorization: Bearer ...`, else of `x-api-key`; clients use either."""
    own: str | None = None
    for name, value in headers:
        if name == b"authorization":
            scheme, _, secret = value.decode("latin-1").partition(" ")
            if scheme.lower() == "bearer" and secret.strip():
                return secret.strip()
        elif name == b"x-api-key" and value.strip():
            own = value.decode("latin-1").strip()
    return own


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
