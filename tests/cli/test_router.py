"""`rungwise router`: what is promoted can be served, and what was before it comes back."""

import json
from hashlib import sha256
from pathlib import Path

import pytest

from rungwise.cli.main import main
from rungwise.lab.ladders.rows import RecordedLadder
from rungwise.lab.training.examples import of_ladder
from rungwise.lab.training.fit import fit, write_difficulty
from tests.lab.riddles import TIERS, riddles

CONFIG = """
tiers:
  - {name: low, kind: "tests.lab.knowing:FromConfig", model: m}
  - {name: high, kind: "tests.lab.knowing:FromConfig", model: n}
routing: {difficulty: mine.json}
"""


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Two predictors that differ in their seed, as files."""
    folder = tmp_path_factory.mktemp("learned")
    rows = tuple(riddles(120))
    told = of_ladder(RecordedLadder(name="r", tiers=TIERS, rows=rows), lambda: None)
    found = {}
    for seed, name in enumerate(("one", "two")):
        path = folder / name
        write_difficulty(path, fit(told.items, TIERS, seed=seed, data="riddles"))
        found[name] = path.read_bytes()
    return found


class Folder:
    """Where `mine.json` is in force, beside candidates and a configuration."""

    def __init__(self, path: Path, learned: dict[str, bytes]) -> None:
        self.path, self.mine, self.config = path, path / "mine.json", path / "c.yaml"
        self.config.write_text(CONFIG)
        for name, body in learned.items():
            (path / f"{name}.json").write_bytes(body)

    def promote(self, name: str, *options: object) -> int:
        return router("promote", self.path / f"{name}.json", "--to", self.mine, *options)


@pytest.fixture
def folder(tmp_path: Path, learned: dict[str, bytes]) -> Folder:
    return Folder(tmp_path, learned)


def router(*arguments: object) -> int:
    return main(["router", *(str(argument) for argument in arguments)])


def refused(capsys: pytest.CaptureFixture[str], status: int) -> str:
    told = capsys.readouterr()
    assert status == 2 and told.out == ""
    (line,) = told.err.splitlines()
    return line.removeprefix("rungwise: ")


def test_what_is_promoted_is_in_force_from_the_next_start(
    folder: Folder, learned: dict[str, bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    assert folder.promote("one", "--config", folder.config) == 0
    assert folder.mine.read_bytes() == learned["one"]
    told = capsys.readouterr()
    assert "is in force; servers take it up at their next start" in told.out and told.err == ""


def test_rolled_back_the_one_before_it_is_in_force_and_rolled_back_twice_it_is_as_before(
    folder: Folder, learned: dict[str, bytes]
) -> None:
    assert folder.promote("one") == folder.promote("two") == 0
    for name in ("one", "two"):
        assert router("rollback", folder.mine) == 0
        assert folder.mine.read_bytes() == learned[name]
    kept = folder.mine.with_name("mine.json.1")
    assert kept.read_bytes() == learned["one"]


def test_an_older_one_can_be_named(folder: Folder, learned: dict[str, bytes]) -> None:
    for name in ("one", "two"):
        assert folder.promote(name) == 0
    third = learned["two"].replace(b'"riddles"', b'"others"')
    (folder.path / "three.json").write_bytes(third)
    assert folder.promote("three") == 0
    assert router("rollback", folder.mine, "--number", 2) == 0
    assert folder.mine.read_bytes() == learned["one"]


def test_there_may_be_nothing_to_go_back_to(
    folder: Folder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "nothing to go back to" in refused(capsys, router("rollback", folder.mine))
    folder.promote("one")
    folder.promote("two")
    capsys.readouterr()
    done = router("rollback", folder.mine, "--number", 3)
    assert refused(capsys, done) == f"--number: no {folder.mine}.3; there are 1"


def test_what_is_in_force_already_is_told(
    folder: Folder, capsys: pytest.CaptureFixture[str]
) -> None:
    folder.promote("one")
    assert folder.promote("one") == 0
    assert "is in force already" in capsys.readouterr().out
    assert not folder.mine.with_name("mine.json.1").exists()


@pytest.mark.parametrize("body", [b"", b"{}", b"not JSON", b'{"format": "rungwise-difficulty/9"}'])
def test_what_no_server_would_take_is_not_promoted(
    body: bytes, folder: Folder, learned: dict[str, bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    folder.promote("one")
    capsys.readouterr()
    (folder.path / "bad.json").write_bytes(body)
    assert refused(capsys, folder.promote("bad")).startswith(f"{folder.path / 'bad.json'}: ")
    assert folder.mine.read_bytes() == learned["one"]


def test_nor_is_one_that_was_damaged_put_back(
    folder: Folder, learned: dict[str, bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    folder.promote("one")
    folder.promote("two")
    folder.mine.with_name("mine.json.1").write_bytes(b"{}")
    capsys.readouterr()
    assert "mine.json.1: " in refused(capsys, router("rollback", folder.mine))
    assert folder.mine.read_bytes() == learned["two"]


def test_a_missing_candidate_is_named(folder: Folder, capsys: pytest.CaptureFixture[str]) -> None:
    assert refused(capsys, folder.promote("none")).startswith(
        f"{folder.path / 'none.json'}: cannot"
    )


def test_one_for_another_ladder_is_refused(
    folder: Folder, capsys: pytest.CaptureFixture[str]
) -> None:
    folder.config.write_text(CONFIG.replace("low", "a").replace("high", "b"))
    told = refused(capsys, folder.promote("one", "--config", folder.config))
    assert "none of" in told and not folder.mine.exists()


def test_a_rung_that_it_does_not_know_is_a_warning(
    folder: Folder, capsys: pytest.CaptureFixture[str]
) -> None:
    folder.config.write_text(CONFIG.replace("high", "other"))
    assert folder.promote("one", "--config", folder.config) == 0
    assert "knows nothing of other, which" in capsys.readouterr().err


def test_a_file_that_the_configuration_does_not_name_is_a_warning(
    folder: Folder, capsys: pytest.CaptureFixture[str]
) -> None:
    folder.config.write_text(CONFIG.replace("mine.json", "yours.json"))
    assert folder.promote("one", "--config", folder.config) == 0
    assert "neither routing.difficulty nor routing.shadow.difficulty" in capsys.readouterr().err


def test_a_folder_that_cannot_be_written_is_one_line(
    folder: Folder, capsys: pytest.CaptureFixture[str]
) -> None:
    done = router("promote", folder.path / "one.json", "--to", folder.path / "none" / "mine.json")
    assert "make it, or correct the name" in refused(capsys, done)
    (folder.path / "mine.json.new").mkdir()
    assert "mine.json.new: not promoted" in refused(capsys, folder.promote("one"))


def test_a_wrong_argument_is_not_put_down_to_the_configuration(
    folder: Folder, capsys: pytest.CaptureFixture[str]
) -> None:
    told = refused(capsys, folder.promote("none"))
    assert "routing.difficulty" not in told
    (folder.path / "bad.json").write_bytes(b"{}")
    assert refused(capsys, folder.promote("bad")).endswith("that `rungwise train-router` wrote")


def test_it_is_called_as_it_will_be_once_in_force(
    folder: Folder, learned: dict[str, bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    folder.promote("one")
    folder.promote("two")
    router("rollback", folder.mine)
    digests = [sha256(learned[name]).hexdigest()[:8] for name in ("one", "two", "one")]
    names = [line.split()[1] for line in capsys.readouterr().out.splitlines()[::2]]
    assert names == [f"mine@{digest}" for digest in digests]


def test_a_folder_among_the_earlier_ones_stops_nothing(
    folder: Folder, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder.path / "mine.json.1").mkdir()
    assert folder.promote("one") == folder.promote("two") == 0
    assert router("rollback", folder.mine) == 0
    capsys.readouterr()
    assert router("list", folder.mine) == 0
    assert [
        line[:9].strip() for line in capsys.readouterr().out.splitlines() if line[0] != " "
    ] == [
        "in force",
        ".2",
    ]


def test_all_are_listed_with_digest_date_and_figures(
    folder: Folder, capsys: pytest.CaptureFixture[str]
) -> None:
    folder.promote("one")
    folder.promote("two")
    folder.promote("one")
    folder.mine.with_name("mine.json.2").write_bytes(b"{}")
    capsys.readouterr()
    figures = folder.path / "f.json"
    assert router("list", folder.mine, "--json", figures) == 0
    printed = capsys.readouterr().out
    first, second, damaged = json.loads(figures.read_text())["artefacts"]
    assert [one["number"] for one in (first, second, damaged)] == [0, 1, 2]
    assert first["sha256"][:8] in printed and second["sha256"][:8] in printed
    assert first["provenance"]["seed"] == 0 and second["provenance"]["seed"] == 1
    assert first["tiers"] == list(TIERS) and "fault" in damaged
    assert printed.startswith("in force ") and "riddles: 120 rows in 60 groups" in printed


def test_of_none_there_is_nothing_to_list(
    folder: Folder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "none is in force" in refused(capsys, router("list", folder.mine))
