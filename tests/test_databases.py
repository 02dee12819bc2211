"""The databases that tests use are real, new and empty."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.databases import Server


def test_each_test_has_a_new_database_of_a_real_postgres(
    postgres_server: Server, postgres_url: str
) -> None:
    import psycopg

    assert postgres_url != postgres_server.url
    with psycopg.connect(postgres_url) as db:
        (tables,) = db.execute(
            "select count(*) from information_schema.tables where table_schema = 'public'"
        ).fetchone() or (None,)
        assert tables == 0
        assert db.info.server_version >= 150000


def test_each_test_has_an_empty_redis(redis_url: str) -> None:
    import redis

    with redis.Redis.from_url(redis_url) as client:
        assert client.dbsize() == 0
        assert int(client.info("server")["redis_version"].split(".")[0]) >= 7


@pytest.mark.parametrize("required", ["", "postgres,redis"])
def test_where_a_database_is_missing_one_line_says_what_would_bring_its_tests_back(
    tmp_path: Path, required: str
) -> None:
    (tmp_path / "conftest.py").write_text(
        "import shutil\nfrom pathlib import Path\nfrom tests import databases\n"
        "from tests.databases import _redis_server, postgres_server, postgres_url, redis_url\n"
        "databases.POSTGRES_HOMES = Path('/nowhere')\n"
    )
    (tmp_path / "test_it.py").write_text(
        "def test_a(postgres_url): pass\n"
        "def test_b(postgres_url): pass\n"
        "def test_c(redis_url): pass\n"
    )
    here = Path(__file__).parents[1]
    without = {k: v for k, v in os.environ.items() if not k.startswith("RUNGWISE_TEST")}
    ended = subprocess.run(
        [sys.executable, *"-m pytest -q -ra -p no:cacheprovider --rootdir . .".split()],
        cwd=tmp_path,
        env=without | {"PATH": "", "PYTHONPATH": str(here), "RUNGWISE_TEST_REQUIRE": required},
        capture_output=True,
        text=True,
    )
    lines = [line for line in ended.stdout.splitlines() if "RUNGWISE_TEST_" in line]
    if required:
        assert ended.returncode == 1 and "3 errors" in ended.stdout
    else:
        assert ended.returncode == 0 and len(lines) == 2
        assert lines[0].startswith("SKIPPED [2]") and "package postgresql" in lines[0]
        assert lines[1].startswith("SKIPPED [1]") and "package redis-server" in lines[1]
