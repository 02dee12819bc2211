"""Whose key is it?"""

from __future__ import annotations

import pytest

from rungwise.edge.auth import StaticKeyring, secret_of
from rungwise.errors import NotAuthorised
from rungwise.types import Caller


def test_without_keys_everyone_is_anonymous() -> None:
    ring = StaticKeyring(())
    assert ring.identify(None) == ring.identify("any") == Caller()


def test_a_caller_is_named_by_place_and_never_by_secret() -> None:
    ring = StaticKeyring(("one-secret", "two-secret"))
    assert ring.identify("one-secret") == Caller(name="key1")
    assert ring.identify("two-secret") == Caller(name="key2")


@pytest.mark.parametrize("secret", [None, "", "one", "one-secret ", "ONE-SECRET", "é", "\ud800"])
def test_any_other_is_refused_without_repeating_it(secret: str | None) -> None:
    with pytest.raises(NotAuthorised) as caught:
        StaticKeyring(("one-secret",)).identify(secret)
    assert not secret or len(secret) < 3 or secret not in caught.value.message


@pytest.mark.parametrize(
    ("headers", "secret"),
    [
        ([], None),
        ([(b"authorization", b"Bearer a")], "a"),
        ([(b"authorization", b"bearer  a ")], "a"),
        ([(b"authorization", b"Basic a")], None),
        ([(b"authorization", b"Bearer ")], None),
        ([(b"x-api-key", b"b")], "b"),
        ([(b"x-api-key", b"b"), (b"authorization", b"Bearer a")], "a"),
        ([(b"x-api-key", b"b"), (b"authorization", b"Basic a")], "b"),
        ([(b"x-api-key", b"\xff")], "\xff"),
    ],
)
def test_bearer_or_x_api_key(headers: list[tuple[bytes, bytes]], secret: str | None) -> None:
    assert secret_of(headers) == secret
