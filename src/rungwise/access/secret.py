"""What is an API key made of, and what of it is kept? 256 random bits, and their digest."""

from __future__ import annotations

import hashlib
import secrets

__all__ = ["digest_of", "new_secret"]

PREFIX = "rw_"
"""So that people, and scanners of repositories, see what a leaked one opens."""


def new_secret() -> str:
    return PREFIX + secrets.token_urlsafe(32)


def digest_of(secret: str) -> str:
    """SHA-256, hex.

    Slow hashes with a salt (scrypt, argon2) protect what people think up, where guesses can be
    tried one after another. Nobody tries 2^256 keys, however fast the hash, so a fast one is
    enough, and a key can be found by its digest: a lookup whose time tells, at most, something of
    a digest, from which no key follows.
    """
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
