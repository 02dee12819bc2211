"""Which key does a request bring?"""

from __future__ import annotations

import pytest

from rungwise.edge.auth import secret_of


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
