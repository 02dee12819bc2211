"""An address is understood as it is usually written, and shown without what is secret in it."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rungwise.store.place import path_of, secrets_of, shown, url_of

NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)


@given(NAMES)
def test_every_path_comes_back_from_its_address(name: str) -> None:
    path = Path("/somewhere") / name.lstrip("/")
    assert path_of(url_of(path)) == path
    assert path_of(url_of(url_of(path))) == path, "an address of a file is one already"
    assert shown(path) == str(path)


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_postgres_is_asked_through_psycopg_however_it_is_written(scheme: str) -> None:
    assert url_of(f"{scheme}://h:1/db?a=b") == "postgresql+psycopg://h:1/db?a=b"
    assert path_of(f"{scheme}://h:1/db") is None


def test_what_is_shown_has_neither_user_nor_password() -> None:
    address = "postgresql://me:p%40ss@h:5432/db?password=other&sslmode=require"
    assert shown(address) == "postgresql://h:5432/db"
    assert set(secrets_of(url_of(address))) == {"p%40ss", "p@ss", "other"}
    assert secrets_of("postgresql://h/db") == []


@pytest.mark.parametrize("password", ["a/bcdefg", "a@bcdefg", "a?bcdefg", "a#bcdefg", "[bcdefg"])
def test_a_password_that_should_have_been_quoted_is_not_shown(password: str) -> None:
    url = url_of(f"postgresql://me:{password}@box:5432/db")
    assert "bcdefg" not in shown(url)
    assert password in secrets_of(url) and shown(url).startswith("postgresql://")
