"""A file that cannot be written is told before the work, in one line that names its option."""

import json
import os
from pathlib import Path

import pytest

from rungwise.cli.main import main
from rungwise.cli.written import check_writable, write_json
from rungwise.errors import ConfigError

COMMANDS = (
    ("report", "--ledger", "none.db"),
    ("doctor", "--config", "none.yaml"),
    ("demo",),
    ("bench", "engine"),
    ("bench", "gate"),
    ("bench", "abort"),
    ("bench", "escalation"),
    ("bench", "router"),
    ("train-router", "--data", "none.jsonl"),
    ("router", "list", "none.json"),
)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_checks_before_it_works(
    command: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "none" / "x.json"
    assert main([*command, "--json", str(file)]) == 2
    told = capsys.readouterr()
    assert told.out == "" and len(told.err.splitlines()) == 1
    assert told.err.startswith(f"rungwise: --json: cannot write {file} (No such file")


@pytest.mark.parametrize("name", ["none/x.png", "", "file/x.png"])
def test_the_option_is_named(name: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"^--record-test: cannot write"):
        check_writable(json=tmp_path / "fine", plot=None, record_test=tmp_path / name)


def test_checking_leaves_everything_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "old").write_text("kept")
    os.mkfifo(tmp_path / "pipe")
    check_writable(json=tmp_path / "new", plot=tmp_path / "old", out=tmp_path / "pipe")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["old", "pipe"]
    assert (tmp_path / "old").read_text() == "kept"


def test_figures_are_written_where_asked_for(tmp_path: Path) -> None:
    write_json(None, {"a": 1})
    write_json(tmp_path / "x.json", {"a": 1})
    assert json.loads((tmp_path / "x.json").read_text()) == {"a": 1}


def test_a_folder_that_went_away_is_no_traceback(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--json"):
        write_json(tmp_path / "gone" / "x.json", {})
