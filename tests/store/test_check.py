"""What stands against keeping a store somewhere is told before serving, by only looking."""

import os
from pathlib import Path

import pytest

from rungwise.errors import StoreError
from rungwise.store.check import check_file, check_place


def test_a_file_that_can_be_made_is_not_made_by_looking(tmp_path: Path) -> None:
    check_file(tmp_path / "x.db")
    check_file(tmp_path / "new" / "folder" / "x.db")
    (tmp_path / "empty.db").touch()
    check_file(tmp_path / "empty.db")
    assert [p.name for p in tmp_path.iterdir()] == ["empty.db"]


def test_what_stands_against_a_file_is_named_with_it(tmp_path: Path) -> None:
    garbage = tmp_path / "garbage.db"
    garbage.write_bytes(b"no database at all " * 100)
    for path, said in (
        (tmp_path, "is no file"),
        (garbage, "not a database"),
        (garbage / "x.db", "is no folder"),
        (tmp_path / ("x" * 300), "too long"),
    ):
        with pytest.raises(StoreError, match=said) as raised:
            check_file(path)
        assert str(raised.value).startswith(f"{path}: ") and "ledger.path" in str(raised.value)


def test_a_file_that_may_not_be_written_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)  # a double: root may write anywhere
    with pytest.raises(StoreError, match="permissions"):
        check_file(tmp_path / "x.db")


@pytest.mark.parametrize("name", ["we?ird#.db", "a%20b.db", "c d&mode=rwc.db", "?", "é.db"])
def test_looking_at_an_odd_name_makes_no_file(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    check_place(tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_database_that_can_be_used_is_left_as_it_is(postgres_url: str) -> None:
    import psycopg

    check_place(postgres_url)
    with psycopg.connect(postgres_url) as db:
        query = "select count(*) from information_schema.tables where table_schema = 'public'"
        assert db.execute(query).fetchone() == (0,)


def test_a_database_in_which_no_table_may_be_made_is_named(postgres_url: str) -> None:
    import psycopg

    with psycopg.connect(postgres_url, autocommit=True) as db:
        db.execute("create role guest login")
        try:
            with pytest.raises(StoreError, match=r"postgresql://127.*grant create"):
                check_place(postgres_url.replace("rungwise@", "guest@"))
        finally:
            db.execute("drop role guest")


def test_a_server_that_is_not_there_is_named_without_the_password() -> None:
    with pytest.raises(StoreError, match=r"postgresql://127\.0\.0\.1:1/books") as raised:
        check_place("postgres://me:s3cr3t@127.0.0.1:1/books")
    assert "s3cr3t" not in str(raised.value)
