"""What rounds come to, on rounds made by hand."""

from pathlib import Path
from typing import Any

import pytest

from rungwise.errors import ConfigError
from rungwise.lab.bench.compact import write_compact
from rungwise.lab.bench.cpu import Cpu
from rungwise.lab.bench.engine_figures import Point, Taken, figures, ratio_rows, table
from rungwise.lab.bench.engine_plot import plot_engine, redraw
from rungwise.lab.bench.load import Round

POINT = Point(concurrency=4, stream=True, prompt_tokens=64, shared_prefix=512)


def turn(slower: float, *, stream: bool = True, cpu: bool = True) -> Taken:
    """Ten answers of eight tokens; a server twice as slow takes twice the time for everything."""
    return Taken(
        Round(
            seconds=2.0 * slower,
            requests=10,
            tokens=80,
            prompt_tokens=6000,
            cached_tokens=5120,
            latencies_s=(0.8 * slower,) * 10,
            first_s=(0.1 * slower,) * 10 if stream else (),
            first_token_s=(0.2 * slower,) * 10 if stream else (),
            events_s=(0.05 * slower,) * 70 if stream else (),
            tokens_s=(0.06 * slower,) * 10 if stream else (),
        ),
        Cpu(0.5 * slower, 3.0 * slower) if cpu else None,
    )


def found(point: Point = POINT, rounds: int = 5, **how: bool) -> dict[str, Any]:
    """Ours with the gate on takes twice vLLM's time in every round, every second being slower."""
    slower = [1.0, 3.0, 1.0, 3.0, 1.0][:rounds]
    return figures(
        point,
        {
            "vllm": [turn(s, **how) for s in slower],
            "off": [turn(s, **how) for s in slower],
            "on": [turn(2 * s, **how) for s in slower],
        },
    )


def test_ratios_are_paired_by_round() -> None:
    ratios = found()["ratios"]
    assert set(ratios) == {"off/vllm", "on/vllm", "on/off"}
    assert ratios["on/vllm"]["requests_per_s"] == ratios["on/off"]["tokens_per_s"] == (0.5,) * 3
    for name in ("latency_p95", "first_token_p50", "event_gap_p99", "token_gap_p50", "server_cpu"):
        assert ratios["on/vllm"][name] == (2.0, 2.0, 2.0)
        assert ratios["off/vllm"][name] == (1.0, 1.0, 1.0)


def test_rows_say_what_they_are_of() -> None:
    rows = ratio_rows(found())
    assert [(row["gate"], row["over"]) for row in rows] == [
        ("off", "vllm"),
        ("on", "vllm"),
        ("on", "off"),
    ]
    assert rows[1] == {
        "gate": "on",
        "over": "vllm",
        "concurrency": 4,
        "stream": True,
        "prompts": "64 tokens after 512 shared",
        "rps": 0.5,
        "rps_interval": [0.5, 0.5],
        "p50": 2.0,
        "p95": 2.0,
        "p99": 2.0,
    }


def test_every_ratio_can_be_computed_again_from_the_rounds() -> None:
    rounds = found(rounds=2)["rounds"]
    assert rounds["vllm"]["tokens_per_s"] == [40.0, 13.3333]
    assert rounds["on"]["event_gap_p50"] == [0.1, 0.3]
    assert rounds["on"]["server_cpu"] == [0.1, 0.3] and rounds["on"]["engine_cpu"] == [0.6, 1.8]


def test_what_is_added_is_told_in_milliseconds() -> None:
    added = found()["added_first_byte_p50_ms"]
    assert added["off"] == (0.0, 0.0, 0.0)
    assert added["on"] == pytest.approx((100, 100, 300))


def test_what_was_not_measured_is_left_out() -> None:
    point = found(stream=False, cpu=False)
    ratios = point["ratios"]["on/vllm"]
    assert "latency_p50" in ratios and "server_cpu" not in ratios
    assert not [name for name in ratios if name.startswith(("event_gap", "token_gap", "first"))]
    assert "added_first_byte_p50_ms" not in point
    assert not [name for name in point["rounds"]["vllm"] if name.startswith("first")]


def test_of_too_few_rounds_ratios_have_no_interval_and_the_table_says_why() -> None:
    point = found(rounds=4)
    assert point["ratios"]["on/vllm"]["requests_per_s"] == (0.5, None, None)
    assert point["added_first_byte_p50_ms"]["on"] == pytest.approx((200, None, None))
    assert ratio_rows(point)[1]["rps_interval"] == [None, None]
    first, *lines = table(point).splitlines()
    assert "4 rounds of 10: too few for intervals, which take 5" in first
    assert "0.500 [-]" in "\n".join(lines)
    assert "too few" not in table(found())


def test_a_ratio_to_nothing_is_none() -> None:
    still = Taken(Round(seconds=1, requests=1, tokens=1, latencies_s=(0,), first_s=(0,)), None)
    ratios: Any = figures(POINT, {"vllm": [still], "off": [turn(1.0)]})["ratios"]
    assert set(ratios) == {"off/vllm"} and "latency_p50" not in ratios["off/vllm"]


def test_the_prompts_that_were_read_are_told() -> None:
    told = found()
    assert told["prompts"] == "64 tokens after 512 shared"
    assert told["prompt_tokens"] == 600 and told["cached_tokens"] == {"off": 512, "on": 512}


def test_the_table_says_which_gap_is_which() -> None:
    lines = table(found())
    assert "between events" in lines and "for each further token" in lines
    assert "0.500 [0.500, 0.500]" in lines
    assert "5 rounds of 10" in lines.splitlines()[0]


def test_the_picture_has_a_panel_for_each_measure(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    points = [
        found(
            Point(concurrency=c, stream=stream, prompt_tokens=length, shared_prefix=0),
            rounds=rounds,
            stream=stream,
        )
        for c, rounds in ((1, 5), (256, 3))  # the second has no whiskers
        for stream in (True, False)
        for length in (32, None)
    ]
    plot_engine(tmp_path / "found.png", points, "a model")
    drawn = (tmp_path / "found.png").read_bytes()
    assert drawn.startswith(b"\x89PNG")
    write_compact(tmp_path / "found.json", {"model": "a model", "points": points})
    redraw(tmp_path / "found.json", tmp_path / "again.png")
    assert (tmp_path / "again.png").read_bytes() == drawn


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ('{"ratios": [], "model": "m"}', "is of an older form, without rounds"),
        ('{"points": [], "model": "m"}', "no point was measured in"),
        ("[]", "no figures of bench engine in"),
    ],
)
def test_a_file_that_cannot_be_drawn_is_one_line(document: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "found.json").write_text(document)
    with pytest.raises(ConfigError, match=told) as refused:
        redraw(tmp_path / "found.json", tmp_path / "found.png")
    assert "\n" not in str(refused.value)
