"""What happens where a program that tests start is not here, and what is asked of Prometheus?"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.prometheus import selectors


@pytest.mark.parametrize("required", ["", "prometheus,chromium"])
def test_where_a_program_is_missing_one_line_says_what_would_bring_its_tests_back(
    tmp_path: Path, required: str
) -> None:
    asked = "from tests.outside import program\n"
    for name, kind, package in (
        ("a", "prometheus", "prometheus"),
        ("b", "prometheus", "prometheus"),
        ("c", "chromium", "chromium-headless-shell"),
    ):
        asked += f"def test_{name}(): program({kind!r}, {package!r}, {package!r})\n"
    (tmp_path / "test_it.py").write_text(asked)
    here = Path(__file__).parents[1]
    ended = subprocess.run(
        [sys.executable, *"-m pytest -q -ra -p no:cacheprovider --rootdir . .".split()],
        cwd=tmp_path,
        env=os.environ | {"PATH": "", "PYTHONPATH": str(here), "RUNGWISE_TEST_REQUIRE": required},
        capture_output=True,
        text=True,
    )
    if required:
        assert ended.returncode == 1 and "3 failed" in ended.stdout
    else:
        assert ended.returncode == 0
        lines = [line for line in ended.stdout.splitlines() if line.startswith("SKIPPED")]
        assert len(lines) == 2 and lines[0].startswith("SKIPPED [2]")
        assert "package chromium-headless-shell" in lines[1]


def test_the_series_of_an_expression_are_found_with_what_they_are_matched_by() -> None:
    expr = (
        'sum by (tier) (rate(rungwise_a_total{state="b"}[1m]) or 0 * rungwise_c)'
        ' / on (instance) route:rungwise_d:rate5m unless up{job="rungwise"} == 1'
    )
    assert selectors(expr) == [
        'rungwise_a_total{state="b"}',
        "rungwise_c",
        "route:rungwise_d:rate5m",
        'up{job="rungwise"}',
    ]
