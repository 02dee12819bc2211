"""Keys as a person makes them: shown once, listed without a secret, refused when revoked."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from rungwise.cli.main import main

CONFIG = """
tiers:
  - {name: tier1, kind: 'rungs:one', model: small}
  - {name: tier2, kind: 'rungs:two', model: large}
ledger: {path: own.db}
access:
  stored_keys: true
  limits: {requests_per_minute: 60, caps: [{usd: 5, window: day}]}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "c.yaml"
    path.write_text(CONFIG)
    return path


class Keys:
    """`rungwise keys ...`, and what it printed."""

    def __init__(self, config: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self._config, self._capsys = config, capsys
        self.out = self.err = ""

    def __call__(self, *arguments: str) -> int:
        status = main(["keys", *arguments, "--config", str(self._config)])
        self.out, self.err = self._capsys.readouterr()
        return status


@pytest.fixture
def keys(config: Path, capsys: pytest.CaptureFixture[str]) -> Keys:
    return Keys(config, capsys)


def test_a_new_key_is_alone_on_stdout_and_nowhere_else(keys: Keys, tmp_path: Path) -> None:
    assert keys("create", "ci") == 0
    secret = keys.out.strip()
    assert re.fullmatch(r"rw_[A-Za-z0-9_-]{43}", secret) and secret not in keys.err
    assert keys("list") == 0
    assert secret not in keys.out and "ci" in keys.out
    kept = b"".join(file.read_bytes() for file in tmp_path.glob("own.db*"))
    assert kept and secret.encode() not in kept and secret[3:].encode() not in kept


def test_the_list_tells_rights_limits_and_what_is_used(keys: Keys, tmp_path: Path) -> None:
    keys("create", "plain")
    own = "--tiers tier1 --names auto,auto:planning --local-only --rpm 6 --concurrent 2".split()
    assert keys("create", "own", *own, "--cap", "10/month", "--escalation-cap", "0.25/hour") == 0
    keys("create", "gone")
    keys("revoke", "gone")
    file = tmp_path / "keys.json"
    assert keys("list", "--json", str(file)) == 0
    lines = [re.split(r"  +", line) for line in keys.out.splitlines()]
    assert [line[0] for line in lines] == ["name", "gone", "own", "plain"]
    assert lines[2][3:] == [
        "tier1; auto, auto:planning; local only",
        "6/min, 2 at once",
        "$0.00 of $10.00/month, $0.00 of $0.25/hour of escalation",
    ]
    assert lines[3][3:] == ["all", "60/min", "$0.00 of $5.00/day"]
    assert lines[1][1].startswith("revoked 20")
    told = {key["name"]: key for key in json.loads(file.read_text())["keys"]}
    assert told["own"]["tiers"] == ["tier1"] and told["own"]["local_only"] is True
    assert told["own"]["caps"][1] == {
        "usd": 0.25,
        "window": "hour",
        "of": "escalation",
        "used_usd": 0.0,
    }
    assert told["gone"]["revoked_at"] > told["gone"]["created_at"]


def test_who_sees_all_and_whose_outcomes_steer_nothing_is_listed(
    keys: Keys, tmp_path: Path
) -> None:
    assert keys("create", "owner", "--sees-all", "--outcomes-noted") == 0
    assert keys("create", "scraper", "--sees-all", "--local-only") == 0
    file = tmp_path / "keys.json"
    assert keys("list", "--json", str(file)) == 0
    lines = [re.split(r"  +", line) for line in keys.out.splitlines()]
    assert lines[1][3] == "all; sees all; outcomes noted"
    assert lines[2][3] == "local only; sees all"
    (owner, scraper) = json.loads(file.read_text())["keys"]
    assert (owner["sees_all"], owner["outcomes_count"]) == (True, False)
    assert (scraper["sees_all"], scraper["outcomes_count"]) == (True, True)


def test_a_key_may_be_held_to_aliases_tiers_and_models(keys: Keys) -> None:
    assert keys("create", "ci", "--names", "auto,auto:code_generation,tier1,large") == 0
    assert keys("list") == 0 and "auto, auto:code_generation, large, tier1" in keys.out


def test_a_rotated_key_has_another_secret(keys: Keys) -> None:
    keys("create", "ci")
    first = keys.out
    assert keys("rotate", "ci") == 0
    assert keys.out.startswith("rw_") and keys.out != first


def test_where_the_server_asks_for_no_stored_keys_that_is_told(keys: Keys, config: Path) -> None:
    config.write_text(CONFIG.replace("stored_keys: true", "stored_keys: false"))
    assert keys("create", "ci") == 0
    assert "stored_keys: true" in keys.err


def test_without_keys_the_list_says_how_to_make_one(keys: Keys) -> None:
    assert keys("list") == 0
    assert "rungwise keys create" in keys.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("create key1", "cannot be a key's name"),
        ("create ci --tiers tier3", "no tier 'tier3'; the ladder has tier1, tier2"),
        ("create ci --tiers ,", "--tiers: names nothing"),
        ("create ci --names auto,small,gpt-9", "--names: nobody is called 'gpt-9'; there are auto"),
        ("create ci --names auto:poetry", "auto:<step type>, tier1, tier2, small, large"),
        ("create ci --rpm 0", "--rpm: must be at least 1"),
        ("create ci --concurrent -1", "--concurrent: must be at least 1"),
        ("create ci --cap 10", "--cap: '10' is no cap"),
        ("create ci --cap 10/year", "hour, day, week, month, ever"),
        ("create ci --cap ten/day", "--cap: 'ten/day' is no cap"),
        ("create ci --cap nan/day", "--cap: 'nan/day' is no cap"),
        ("create ci --cap inf/day", "'inf' is no amount of dollars"),
        ("create ci --escalation-cap=-1/day", "--escalation-cap: '-1' is no amount"),
        ("create ci --cap 0.0000000001/day", "is no amount of dollars"),
        ("revoke nobody", "there is no key 'nobody'"),
        ("rotate nobody", "there is no key 'nobody'"),
    ],
)
def test_what_cannot_be_is_one_line_that_names_it(keys: Keys, arguments: str, said: str) -> None:
    assert keys(*arguments.split()) == 2
    assert keys.out == "" and len(keys.err.splitlines()) == 1
    assert keys.err.startswith("rungwise: ") and said in keys.err
