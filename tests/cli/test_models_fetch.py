"""Does `rungwise models fetch` have a model by its real client, and say what it does in lines?"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rungwise.cli.main import main
from rungwise.weights.manifest import MANIFEST, read
from rungwise.weights.sound import altered, faults
from tests.doubles.hub import COMMIT, Hub, serving
from tests.weights.fetched import DEMO, MODEL, WANTED, demo_hub

SCRIPT = Path(__file__).parents[2] / "scripts" / "fetch-models"


@pytest.fixture
def hub() -> Iterator[Hub]:
    with serving(demo_hub()) as hub:
        yield hub


def run(home: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """In a process of its own, so that the hub's client reads this environment."""
    return subprocess.run(
        [sys.executable, "-m", "rungwise", "models", "fetch", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        env={"PATH": "/usr/bin:/bin", "HOME": str(home), "LANG": "C.UTF-8", **environ},
    )


def test_it_is_had_from_hf_endpoint_with_hf_token(hub: Hub, tmp_path: Path) -> None:
    hub.repositories[MODEL].gated, hub.repositories[MODEL].readers = True, ("hf_mine",)
    to = tmp_path / "models"
    done = run(tmp_path, MODEL, "--to", str(to), HF_ENDPOINT=hub.url, HF_TOKEN="hf_mine")
    assert (done.returncode, done.stdout) == (0, f"{to / MODEL}\n")
    first, *files, last = done.stderr.splitlines()[1:]
    assert first.startswith(f"{MODEL} at {COMMIT}: {len(WANTED)} files, ")
    assert sorted(line.strip().partition(":")[0] for line in files) == WANTED
    assert last == f"{MODEL}: complete and sound"
    assert "\r" not in done.stderr, "no bar where nobody looks"
    assert not [*faults(to / MODEL), *altered(to / MODEL)]
    asked = {one.path.partition("?")[0] for one in hub.seen}
    assert not [path for path in asked if "/api/" in path and MODEL not in path], "and no more"
    lacks = run(tmp_path, MODEL, "--to", str(tmp_path / "b"), HF_ENDPOINT=hub.url)
    assert lacks.returncode == 2 and lacks.stderr.splitlines()[-1] == (
        f"rungwise: {MODEL} is gated, and HF_TOKEN is not set; accept its licence on "
        f"{hub.url}/{MODEL} and export HF_TOKEN"
    )


def test_offline_it_is_one_line_and_a_folder_does_it(tmp_path: Path) -> None:
    off = run(tmp_path, MODEL, "--to", str(tmp_path), HF_HUB_OFFLINE="1")
    assert (off.returncode, off.stdout) == (2, "")
    assert off.stderr == (
        f"rungwise: {MODEL} is asked of https://huggingface.co, and HF_HUB_OFFLINE is set; unset "
        "it, or name a folder of models with --from\n"
    )
    mirror = tmp_path / "mirror" / "demo"
    mirror.mkdir(parents=True)
    (mirror / "bottom").symlink_to(DEMO)
    done = run(
        tmp_path,
        *("demo/bottom", "--to", str(tmp_path / "to"), "--from", str(mirror.parent)),
        HF_HUB_OFFLINE="1",
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "to" / "demo" / "bottom" / MANIFEST).is_file()


def test_a_mirror_s_address_goes_before_the_hub(
    hub: Hub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hub.add("org/second", hub.repositories[MODEL].commits[COMMIT])
    both = ["models", "fetch", MODEL, "org/second", "--to", str(tmp_path), "--from", hub.url]
    for times in range(2):
        assert main(both) == 0
        told = capsys.readouterr()
        assert told.out.splitlines() == [str(tmp_path / MODEL), str(tmp_path / "org/second")]
        assert ("checking its hashes" in told.err) is bool(times)
    fetched = read(tmp_path / "org/second")
    assert fetched is not None and (fetched.repository, fetched.revision) == ("org/second", COMMIT)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["a/b", "c/d", "--revision", "main"], "--revision is of one model; fetch the others in a"),
        (["bert"], "'bert' is no id of a model; say ORG/NAME, as the hub has it"),
        (
            ["a/b", "--from", "nowhere"],
            "--from: nowhere is no folder, and no https:// address of a",
        ),
    ],
)
def test_what_cannot_be_asked_is_one_line(
    arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["models", "fetch", *arguments, "--to", str(tmp_path)]) == 2
    told = capsys.readouterr()
    assert said in told.err and len(told.err.splitlines()) == 1 and told.out == ""


def test_where_to_must_be_said(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["models", "fetch", MODEL])
    assert "rungwise models fetch" in (told := capsys.readouterr().err) and "--to" in told


def test_the_script_is_this_command() -> None:
    assert 'models fetch "$@"' in SCRIPT.read_text() and SCRIPT.stat().st_mode & 0o111
