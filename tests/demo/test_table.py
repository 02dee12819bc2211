"""The printed table holds every route, and the summary what was lost and saved."""

from dataclasses import replace

from tests.demo.test_figures import ANSWERED, answered

from rungwise.demo.figures import Doubts, Local, figures
from rungwise.demo.table import shadowed, summary, table
from rungwise.ledger.shadows import ShadowLine


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


def test_the_cached_share_and_the_local_part_of_the_cost_stand_beside_the_whole() -> None:
    measured = figures(ANSWERED)
    auto = measured.routes["auto"]
    cell = replace(auto.overall, cached_share=0.42, local_cost_per_step_usd=2e-6)
    measured = replace(measured, routes={"auto": replace(auto, overall=cell)})
    head, _, *rows = table(measured).splitlines()
    assert head.endswith("cached %  USD/1k steps  of it local")
    assert rows[-1].split()[-3:] == ["42", "3.0000", "0.0020"]


def test_the_summary_says_what_the_local_rung_is_billed_by() -> None:
    measured = replace(figures(ANSWERED), local=Local(engine_s=9.26, joules=None, cost_usd=0.00026))
    text = summary(measured)
    assert "busy time: 9.3 s, 0.000260 USD" in text and "no GPU counts its energy" in text
    counted = replace(measured, local=Local(engine_s=9.26, joules=812.4, cost_usd=None))
    assert "9.3 s, at an unknown price; its GPU counted 812 J" in summary(counted)


def test_of_a_shadow_facts_and_estimates_are_told_apart() -> None:
    line = ShadowLine(
        key=("auto",),
        router="pays:demo@1a2b3c4d",
        steps=90,
        same=80,
        lower=10,
        recorded=85,
        recorded_nano=94,
        recorded_live_nano=100,
        estimated=5,
        estimated_nano=11,
        estimated_live_nano=100,
    )
    assert shadowed(line) == (
        "in its shadow pays:demo@1a2b3c4d planned auto's steps too: 80 start at the same rung, "
        "10 lower, 0 higher;\n85 lead to the very draft that was given, and would have cost -6%;\n"
        "of 5 others that is an estimate: -89%"
    )
    assert "estimate" not in shadowed(replace(line, estimated_live_nano=0))
