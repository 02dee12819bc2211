"""`rungwise eval step-types` before it measures; what it measures is tested beside it."""

from pathlib import Path

import pytest

from rungwise.cli.main import main


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--seed", "-1"), "--seed: must be 0 or more, not -1"),
        (("--json", "none/f.json"), "--json: cannot write none/f.json"),
    ],
)
def test_a_faulty_option_is_named(
    options: tuple[str, ...], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["eval", "step-types", *options]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"rungwise: {said}")
