"""Is it told how far a start is, for how long, and how long it took last time?"""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from rungwise.config import BoxConfig, VllmTierConfig
from rungwise.errors import ConfigError
from rungwise.tiers.local.lasted import Lasted
from rungwise.tiers.local.stages import Stage
from rungwise.tiers.local.starting import TELL_S, Starting
from rungwise.tiers.local.vllm import VllmTier


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def starting(folder: Path | None, clock: Clock) -> Starting:
    return Starting("tier1", folder, now=clock)


def logged(folder: Path, *lines: str) -> None:
    with (folder / "tier1.log").open("a") as log:
        log.writelines(f"{line}\n" for line in lines)


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    lines = [record.getMessage() for record in caplog.records]
    caplog.clear()
    return lines


def test_without_a_log_it_only_starts(clock: Clock) -> None:
    start = starting(None, clock)
    assert start.line() == "tier1: starting"
    clock.now += 12.4
    start.reached(Stage.WARMING)
    assert start.line() == "tier1: starting, 12 s so far"


def test_the_engines_log_tells_the_stage(
    tmp_path: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "rungwise.tiers.local.starting")
    start = starting(tmp_path, clock)
    assert start.line() == "tier1: starting: importing vLLM"
    clock.now += 5
    logged(tmp_path, "Starting to load model m...")
    start.look()
    assert told(caplog) == ["tier1: starting: loading the weights"]
    clock.now += 12
    start.look()
    assert start.line() == "tier1: starting: loading the weights, 12 s so far"


def test_a_line_that_is_half_written_is_read_when_it_is_whole(tmp_path: Path, clock: Clock) -> None:
    start = starting(tmp_path, clock)
    with (tmp_path / "tier1.log").open("a") as log:
        log.write("Starting to load ")
        log.flush()
        start.look()
        assert start.line() == "tier1: starting: importing vLLM"
        log.write("model m...\n")
    start.look()
    assert start.line() == "tier1: starting: loading the weights"


def test_a_stage_that_goes_on_is_told_of_again(
    tmp_path: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "rungwise.tiers.local.starting")
    start = starting(tmp_path, clock)
    clock.now += TELL_S - 1
    start.look()
    assert told(caplog) == []
    clock.now += 1
    start.look()
    start.look()
    assert told(caplog) == ["tier1: starting: importing vLLM, 10 s so far"]


def test_stages_never_go_back(tmp_path: Path, clock: Clock) -> None:
    start = starting(tmp_path, clock)
    logged(tmp_path, "Available KV cache memory: 4 GiB", "Starting to load model m...")
    start.look()
    assert start.stage is Stage.SIZING


def test_the_next_start_knows_how_long_this_one_took(
    tmp_path: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "rungwise.tiers.local.starting")
    first = starting(tmp_path, clock)
    for seconds, stage in ((7, Stage.WEIGHTS), (12, Stage.COMPILING), (15, Stage.WARMING)):
        clock.now += seconds
        first.reached(stage)
    clock.now += 0.2
    first.ready()
    assert told(caplog)[-1] == "tier1: ready after 34 s (importing 7, weights 12, compiling 15)"
    assert first.log is not None
    first.log.close()

    second = starting(tmp_path, clock)
    clock.now += 2
    second.reached(Stage.WEIGHTS)
    clock.now += 3
    assert second.line() == "tier1: starting: loading the weights, 3 s so far (12 s last time)"
    second.ready()
    assert told(caplog)[-1].endswith("ready after 5 s (importing 2, weights 3), 34 s last time")


@pytest.mark.parametrize(
    "text", ["", "{", '{"total_s": -1}', '{"total_s": "NaN"}', '{"stages": {"cooking": 1}}', "[]"]
)
def test_a_bad_file_of_seconds_says_nothing(tmp_path: Path, clock: Clock, text: str) -> None:
    (tmp_path / "tier1.json").write_text(text)
    assert starting(tmp_path, clock).line() == "tier1: starting: importing vLLM"


def test_seconds_are_written_whole(tmp_path: Path) -> None:
    kept = tmp_path / "engines/tier1.json"
    lasted = Lasted(total_s=3.5, stages={Stage.WEIGHTS: 3})
    lasted.write(kept)
    assert Lasted.read(kept) == lasted
    assert [file.name for file in kept.parent.iterdir()] == ["tier1.json"]


def test_a_folder_that_cannot_be_written_costs_a_warning(
    tmp_path: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("not a folder")
    start = starting(tmp_path / "file", clock)
    assert start.log is None
    assert start.line() == "tier1: starting"
    start.ready()
    warned = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    assert len(warned) == 2
    assert "box.state" in warned[0]


@pytest.mark.anyio
async def test_box_state_is_where_an_engines_log_is_kept_and_the_last_one_once(
    tmp_path: Path,
) -> None:
    config = VllmTierConfig(name="tier1", kind="vllm", model=str(tmp_path / "none"))
    tier = VllmTier(config, box=BoxConfig(state=tmp_path / "state"))
    for _ in range(3):
        with pytest.raises(ConfigError, match=r"no model in .*; put a model there"):
            await tier.start()
    assert await tier.health() == "tier1: the engine is not started"
    kept = {file.name for file in (tmp_path / "state/engines").iterdir()}
    assert kept == {"tier1.log", "tier1.log.1", "logging", "locks"}


def test_it_is_told_for_how_long_an_engine_has_been_all_but_up(
    tmp_path: Path, clock: Clock
) -> None:
    start = starting(tmp_path, clock)
    clock.now += 50
    assert start.warming_s == 0
    start.reached(Stage.WARMING)
    clock.now += 7
    assert start.warming_s == 7
    assert start.log is not None
    start.log.close()
