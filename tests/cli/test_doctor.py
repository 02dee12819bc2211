"""Does the doctor recommend what can be served, and compare hashes when asked?"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rungwise.cli.main import main
from tests.weights.folders import folder
from tests.weights.test_sound import manifest


def doctor(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> str:
    assert main(["doctor", *arguments]) == status
    out, err = capsys.readouterr()
    assert (len(err.splitlines()) == 1) == (status == 2)
    return out + err


def test_the_parts_of_the_sum_are_told_and_one_way_recommended(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, figures = tmp_path / "mine.yaml", tmp_path / "fit.json"
    told = doctor(capsys, "--fit", "--gpu", "24GiB", "--write", str(file), "--json", str(figures))
    assert "24GiB: 21.6 GiB may be used; wanted are 16 requests" in told
    assert "Recommended on 24GiB: google/gemma-4-12B-it in fp8." in told
    found = json.loads(figures.read_text())
    assert found["recommended"]["repository"] == "google/gemma-4-12B-it"
    checked = doctor(capsys, "--config", str(file), status=main(["doctor", "--config", str(file)]))
    assert f"ok      configuration: {file}" in checked


def test_what_is_recommended_is_shown_where_no_file_is_named(
    capsys: pytest.CaptureFixture[str],
) -> None:
    told = doctor(capsys, "--fit", "--gpu", "2x24GiB", "--model", "Qwen/Qwen3-8B")
    assert "2 copies side by side" in told and "    data_parallel_size: 2\n" in told


def test_a_file_is_not_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("mine")
    told = doctor(capsys, "--fit", "--gpu", "24GiB", "--write", str(file), status=2)
    assert "is there already" in told and file.read_text() == "mine"
    assert len(told.splitlines()) == 1, "it is said before the work"


def test_what_is_written_in_yaml_is_not_written_over_in_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, same = tmp_path / "mine.yaml", tmp_path / "." / "mine.yaml"
    told = doctor(capsys, "--fit", "--write", str(file), "--json", str(same), status=2)
    assert "is the file of --write; name another" in told and not file.exists()
    told = doctor(capsys, "--fit", "--write", str(tmp_path / "no" / "x"), status=2)
    assert "--write: cannot write" in told and len(told.splitlines()) == 1


def test_without_a_gpu_it_looks_at_this_machine(capsys: pytest.CaptureFixture[str]) -> None:
    few = ("--context", "1024", "--concurrency", "1", "--model", "models/demo/bottom")
    told = doctor(capsys, "--fit", *few)
    assert "Recommended on this CPU" in told and "kv_cache_gib" in told


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--gpu", "24GiB"], "--gpu: says nothing without --fit"),
        (["--write", "x.yaml"], "--write: says nothing without --fit"),
        (["--verify"], "--verify: whose models? add --config FILE"),
        (["--fit", "--config", "none.yaml"], "--config: is not looked at with --fit"),
        (["--fit", "--verify"], "--verify: is not looked at with --fit"),
        (["--fit", "--model", ""], "--model: '' is no folder, and has no card"),
        (["--fit", "--gpu", "x"], "--gpu: 'x' is no GPU"),
    ],
)
def test_options_that_say_nothing_are_errors(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said in doctor(capsys, *arguments, status=2)


def test_hashes_are_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = manifest(folder(tmp_path / "m"))
    config = tmp_path / "c.yaml"
    config.write_text("tiers: [{name: a, kind: vllm, model: ./m}]")
    status = main(["doctor", "--config", str(config), "--verify"])
    assert "ok      a: hashes" in capsys.readouterr().out
    weights = model / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    assert main(["doctor", "--config", str(config)]) == status, "bytes are read when asked"
    assert "a: hashes" not in capsys.readouterr().out
    assert "LACK    a: hashes" in doctor(capsys, "--config", str(config), "--verify", status=1)
