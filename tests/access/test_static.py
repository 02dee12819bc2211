"""Whose key is it, of those that the environment names?"""

from __future__ import annotations

import pytest

from rungwise.access.static import StaticKeyring
from rungwise.config import CapConfig, LimitsConfig
from rungwise.errors import NotAuthorised
from rungwise.types import Caller, Cap


def test_without_keys_everyone_is_anonymous() -> None:
    ring = StaticKeyring(())
    assert ring.identify(None) == ring.identify("any") == Caller(sees_all=True)


def test_a_caller_is_named_by_place_and_never_by_secret() -> None:
    ring = StaticKeyring(("one-secret", "two-secret"))
    assert ring.identify("one-secret") == Caller(name="key1", sees_all=True)
    assert ring.identify("two-secret") == Caller(name="key2", sees_all=True)


@pytest.mark.parametrize("secret", [None, "", "one", "one-secret ", "ONE-SECRET", "é", "\ud800"])
def test_any_other_is_refused_without_repeating_it(secret: str | None) -> None:
    with pytest.raises(NotAuthorised) as caught:
        StaticKeyring(("one-secret",)).identify(secret)
    assert not secret or len(secret) < 3 or secret not in caught.value.message


def test_the_configured_limits_hold_for_every_key_and_where_there_is_none() -> None:
    limits = LimitsConfig(
        requests_per_minute=3, concurrent=2, caps=(CapConfig(usd=0.5, window="day"),)
    )
    caps = (Cap(nano=500_000_000, window="day"),)
    expected = {"requests_per_minute": 3, "concurrent": 2, "caps": caps, "sees_all": True}
    assert StaticKeyring((), limits).identify(None) == Caller(**expected)  # type: ignore[arg-type]
    keyed = StaticKeyring(("one-secret",), limits)
    assert keyed.identify("one-secret") == Caller(name="key1", **expected)  # type: ignore[arg-type]
