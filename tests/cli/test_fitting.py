"""Are the GPUs looked at that an engine of this process would see?"""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from rungwise.cli import fitting
from rungwise.errors import ConfigError
from tests.weights.folders import folder
from tests.weights.test_recommended_is_served import play


def asked(*options: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    fitting.add_options(parser)
    return parser.parse_args(options)


@pytest.mark.parametrize(
    ("visible", "names"),
    [
        (None, ["A10, 22 GiB", "H100, 80 GiB"]),
        ("1", ["H100, 80 GiB"]),
        ("GPU-0000-0", ["A10, 22 GiB"]),
    ],
)
def test_it_is_those_that_cuda_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, visible: str | None, names: list[str]
) -> None:
    play(monkeypatch, [("A10", 1), ("H100", 1)], visible, True, tmp_path)
    assert [place.name for place in fitting.places(asked())] == names
    (stated,) = fitting.places(asked("--gpu", "24GiB"))
    assert stated.indices is None


@pytest.mark.parametrize("visible", ["", "-1"])
def test_where_all_are_hidden_it_is_the_cpu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, visible: str
) -> None:
    play(monkeypatch, [("A10", 1)], visible, True, tmp_path)
    (place,) = fitting.places(asked())
    assert place.gpus == 0


def test_part_of_a_gpu_must_be_stated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    play(monkeypatch, [("H100", 1)], "MIG-1234", True, tmp_path)
    with pytest.raises(ConfigError, match="MIG-1234 is no GPU that is known here; state one"):
        fitting.places(asked())


def test_the_usual_context_is_not_longer_than_the_model_s(tmp_path: Path) -> None:
    for options, context in ((asked(), 256), (asked("--context", "999"), 999)):
        options.model = str(folder(tmp_path / "m"))
        assert fitting.wanted(options, fitting.candidates(options)).context == context
    assert fitting.wanted(asked(), fitting.candidates(asked())).context == fitting.CONTEXT
