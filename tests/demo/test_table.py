"""The printed table holds every route, and the summary what was lost and saved."""

from dataclasses import replace

from tests.demo.test_figures import ANSWERED, answered

from rungwise.demo.figures import Doubts, figures
from rungwise.demo.table import summary, table


def test_the_table_holds_every_route_and_autos_step_types() -> None:
    text = table(figures(ANSWERED))
    assert all(name in text for name in ("auto", "tier1", "tier2", "tier3"))
    assert text.count("planning") == 1 and "0.500 [0.09, 0.91]" in text
    assert "unknown" in table(figures([answered(0, "auto", True, None)]))


def test_the_summary_gives_the_interval_of_every_difference() -> None:
    text = summary(figures(ANSWERED))
    assert "auto against all-tier3: +0.0 points of accuracy [+0.0, +0.0], -70% cost [-90%" in text
    assert "stand-ins" in text
    assert "doubted" not in text
    told = replace(figures(ANSWERED), doubts=Doubts(escalated=2, abandoned_tokens=31))
    assert "doubted a draft in 2 steps and dropped 31 tokens" in summary(told)


def test_nothing_is_less_than_nothing() -> None:
    same = [answered(i, route, True, 1.0) for route in ("auto", "tier3") for i in range(9)]
    assert "-0" not in summary(figures(same))
