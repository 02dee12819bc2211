"""The script that takes all GPU figures: its parts share a time, and may fail one by one."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rungwise.lab.bench import gpu_figures
from rungwise.lab.bench.by_round import LEAST
from rungwise.lab.bench.gpu_figures import (
    KILL_S,
    STOP_S,
    Part,
    _parser,
    main,
    measure,
    parts_of,
    times,
)
from rungwise.lab.bench.gpu_summary import summary, told

ROOT = Path(__file__).parents[3]

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


def part(name: str, words: str) -> Part:
    return Part(name=name, weight=1, arguments=tuple(words.split()))


def read(file: Path) -> Any:
    return json.loads(file.read_text(encoding="utf-8"))


@pytest.mark.anyio
async def test_one_that_fails_keeps_no_other_from_its_turn(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "engine.json").write_text("of an earlier run")
    parts = [part("rung", "rung --model nowhere"), part("engine", "engine --model nowhere")]
    assert await measure(parts, tmp_path, 60.0 + 105.0) == 1
    ends = read(tmp_path / "summary.json")["parts"]
    assert list(ends) == ["rung", "engine"]
    for end in ends.values():
        assert end.startswith("failed after") and "--model: no model in nowhere" in end
    said = capsys.readouterr().out
    assert "rung: rungwise bench rung --model nowhere --within 30" in said
    assert all(f"{name}: {end}" in said for name, end in ends.items())


@pytest.mark.anyio
async def test_one_that_takes_too_long_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpu_figures, "STOP_S", 0.2)
    parts = [part("rung", "rung --model nowhere")]
    assert await measure(parts, tmp_path, gpu_figures.KILL_S + 0.25) == 1
    assert read(tmp_path / "summary.json")["parts"]["rung"].startswith("stopped after")


@pytest.mark.anyio
async def test_one_without_time_to_be_stopped_in_is_not_begun(tmp_path: Path) -> None:
    assert await measure([part("rung", "rung --model nowhere")], tmp_path, 1.0) == 1
    assert read(tmp_path / "summary.json")["parts"] == {"rung": "not begun: no time was left"}


@given(seconds=st.floats(110, 5000), weights=st.lists(st.floats(0.1, 1), min_size=1, max_size=4))
def test_all_is_over_in_time_though_every_part_has_to_be_killed(
    seconds: float, weights: list[float]
) -> None:
    parts, now = [Part(name="p", weight=weight, arguments=()) for weight in weights], 0.0
    for number in range(len(parts)):
        within, stop = times(parts[number:], now, seconds)
        assert within >= 1
        if now < stop:
            now = stop + STOP_S + KILL_S
    assert now <= seconds + 1e-6


def test_what_is_planned_tells_intervals() -> None:
    """Fewer points rather than fewer rounds."""
    for words in ([], ["--tiny"]):
        for one in parts_of(_parser().parse_args(words)):
            assert int(one.arguments[one.arguments.index("--rounds") + 1]) >= LEAST


@pytest.mark.parametrize(
    "words", ["--minutes nan", "--minutes 1", "--kv-cache-gib -1", "--concurrency 8 0"]
)
def test_what_no_part_could_use_is_told_before_the_first(
    words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*words.split(), "--out", str(tmp_path / "out")])
    assert ended.value.code == 2 and not (tmp_path / "out").exists()
    assert f"error: {words.split()[0]}: must be " in capsys.readouterr().err


def test_a_part_that_began_is_summed_up_as_far_as_it_came(tmp_path: Path) -> None:
    (tmp_path / "rung.json").write_text(
        json.dumps(
            {"start_s": 50.0, "prefix": {"prompt_tokens": 4100, "warm_over_cold": [0.25, 0.2, 0.5]}}
        )
    )
    found: Any = summary({name: tmp_path / f"{name}.json" for name in ("rung", "engine")})
    speed = found["prefix_speed_up"]["first_token_sooner_by_a_factor"]
    assert speed == (4.0, 2.0, 5.0) and set(found) == {"start_s", "prefix_speed_up"}
    assert "first_token_sooner_by_a_factor: 4 [2, 5]" in told(found)


def test_what_has_no_interval_is_summed_up_without_one(tmp_path: Path) -> None:
    energy = [{"concurrency": 8, "joules_per_token": [0.5, None, None]}]
    (tmp_path / "rung.json").write_text(json.dumps({"start_s": 50.0, "energy": energy}))
    found: Any = summary({"rung": tmp_path / "rung.json"})
    assert found["joules_per_1000_tokens"] == {"8 at a time": (500.0, None, None)}
    assert "8 at a time: 500 [-]" in told(found)


@pytest.mark.engine
def test_all_of_it_runs_without_a_gpu(tmp_path: Path) -> None:
    """What the figures are means nothing here; that they are there does. Its minutes are the most
    that a busy machine may take."""
    done = subprocess.run(
        [ROOT / "scripts/gpu-figures", "--tiny", "--minutes", "12", "--out", tmp_path],
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "PYTHON": sys.executable},
        capture_output=True,
        text=True,
        timeout=850,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    told = read(tmp_path / "summary.json")
    assert set(told["parts"]) == {"rung", "engine"} and told["machine"]["versions"]
    assert set(told["figures"]) == {
        "start_s",
        "prefix_speed_up",
        "logprobs_tokens_per_s_ratio",
        "early_stop_gpu_s_saved_30_percent_doubtful_scripted",
        "joules_per_1000_tokens",
        "tokens_per_s_on/vllm",
        "tokens_per_s_off/vllm",
        "tokens_per_s_on/off",
        "gate_off_added_first_byte_p50_ms",
    }
    rung, engine = read(tmp_path / "rung.json"), read(tmp_path / "engine.json")
    assert "left_out" not in rung and engine["left_out"] == []
    assert rung["prefix"]["cached_tokens"]["warm"] > 256 > rung["prefix"]["cached_tokens"]["cold"]
    assert len(engine["points"]) == 4 and len(engine["ratios"]) == 12
    for point in engine["points"]:
        assert point["answer_tokens"] == 16, "random weights stop at the limit, greedily"
        assert set(point["cached_tokens"].values()) == {0}, "no prompt is asked twice"
        rounds = point["rounds"]
        assert {len(values) for columns in rounds.values() for values in columns.values()} == {5}
        assert all(rounds[server]["server_cpu"] for server in ("vllm", "off", "on"))
        assert ("event_gap_p50" in rounds["on"]) == point["stream"]
