"""Which key does a request bring?"""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["secret_of"]


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
