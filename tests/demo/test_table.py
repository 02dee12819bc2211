"""The printed table holds every policy, and the summary what was lost and saved."""

from tests.demo.test_figures import TASKS, task

from rungwise.demo.figures import figures
from rungwise.demo.table import summary, table


def test_the_table_holds_every_policy_and_autos_step_types() -> None:
    text = table(figures(TASKS))
    assert all(name in text for name in ("auto", "tier1", "tier2", "tier3"))
    assert text.count("planning") == 1 and "0.500 [0.09, 0.91]" in text
    assert "unknown" in table(figures([task(0, "auto", True, None)]))


def test_the_summary_gives_the_interval_of_every_difference() -> None:
    text = summary(figures(TASKS))
    assert "auto against all-tier3: -0.0 points of accuracy [-0.0, -0.0], -70% cost [-90%" in text
    assert "stand-ins" in text
