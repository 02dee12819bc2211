"""What `rungwise bench engine` asks, and what it refuses before anything is started."""

import argparse
from pathlib import Path

import pytest

from rungwise.cli.bench import add_arguments
from rungwise.cli.main import main
from rungwise.errors import ConfigError
from rungwise.lab.bench.engine import points_of


def parsed(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return parser.parse_args(("engine", *words))


def test_every_kind_of_prompt_is_asked_at_every_concurrency() -> None:
    told = parsed(
        *"--prompt-tokens 32 512 --shared-prefix 0 1000".split(),
        *"--concurrency 1 256 --answers stream".split(),
    )
    points = points_of(told)
    assert len(points) == len(set(points)) == 8 and all(point.stream for point in points)
    assert {point.concurrency for point in points} == {1, 256}
    assert {point.prompts for point in points} == {
        "32 tokens",
        "512 tokens",
        "32 tokens after 1000 shared",
        "512 tokens after 1000 shared",
    }


def test_the_suite_is_asked_whole_and_streamed() -> None:
    points = points_of(parsed("--concurrency", "1", "8"))
    assert [(p.concurrency, p.stream, p.prompts) for p in points] == [
        (1, False, "suite"),
        (1, True, "suite"),
        (8, False, "suite"),
        (8, True, "suite"),
    ]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("--prompt-tokens 2000", "do not fit into --max-model-len 2048"),
        ("--shared-prefix 100", "name --prompt-tokens, too"),
    ],
)
def test_what_cannot_be_asked_is_told_first(words: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        points_of(parsed(*words.split()))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("--prompt-tokens 0", "--prompt-tokens: must be 1 or more, not 0"),
        ("--shared-prefix -1", "--shared-prefix: must be 0 or more, not -1"),
        ("--tiny", "--tiny: makes a shape small; name one with --random-weights"),
        ("--model nowhere", "--model: no model in nowhere; see scripts/train-demo-models"),
        ("--drawn-from x.json", "--drawn-from: name the picture's file with --plot"),
        ("--plot /nowhere/x.png", "--plot: cannot write /nowhere/x.png"),
    ],
)
def test_a_bad_option_is_one_line(
    words: str, told: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["bench", "engine", *words.split()]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"rungwise: {told}") and said.count("\n") == 1
