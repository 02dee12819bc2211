"""A measurement says by which command it can be taken again."""

import argparse
from pathlib import Path

from rungwise.cli.bench import add_arguments
from rungwise.lab.bench.command import command_of


def parsed(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return parser.parse_args(words)


def test_the_command_read_again_is_the_same() -> None:
    told = parsed("engine", "--random-weights", "qwen3-8b", "--tiny", "--concurrency", "1", "256")
    words = command_of(told).split()
    assert words[:3] == ["rungwise", "bench", "engine"]
    assert vars(parsed(*words[2:])) == vars(told)


def test_it_names_no_folder_of_this_machine() -> None:
    told = parsed("rung", "--model", "/home/somebody/models/mine", "--json", "/tmp/found.json")
    assert "--model mine" in command_of(told) and "/" not in command_of(told)
    assert str(Path("models/demo/bottom")) in command_of(parsed("rung"))
