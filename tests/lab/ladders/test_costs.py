"""Where the costs of recorded answers come from, and that it is said."""

from dataclasses import replace
from pathlib import Path

import pytest

from rungwise.errors import ConfigError
from rungwise.lab.ladders.costs import Price, priced, read_prices
from rungwise.lab.ladders.rows import RecordedLadder, Result, Row


def recorded(*, cost: float | None = None, tokens: int | None = None) -> RecordedLadder:
    result = Result(correct=True, cost_usd=cost, output_tokens=tokens)
    row = Row(
        id="r", group="g", step_type="", prompt="p" * 400, tiers={"low": result, "high": result}
    )
    return RecordedLadder(name="x", tiers=("low", "high"), rows=(row,))


def test_recorded_costs_are_kept() -> None:
    found = priced(recorded(cost=0.25))
    assert [r.cost_usd for r in found.rows[0].tiers.values()] == [0.25, 0.25]
    assert found.notes == ("costs as recorded",)


def test_without_costs_and_prices_the_units_are_told() -> None:
    found = priced(recorded())
    costs = [r.cost_usd for r in found.rows[0].tiers.values()]
    assert costs == pytest.approx([0.001, 0.01])
    assert "every answer is taken to cost low $0.001, high $0.01" in found.notes[0]


def test_a_price_list_counts_prompt_and_answer() -> None:
    found = priced(recorded(cost=0.25, tokens=50), {"high": Price(input=2, output=10)})
    low, high = found.rows[0].tiers.values()
    assert low.cost_usd == 0.25 and high.cost_usd == pytest.approx((100 * 2 + 50 * 10) / 1e6)
    assert any("costs of high by the price list" in note for note in found.notes)
    assert "costs of low as recorded" in found.notes


def test_an_answer_of_unknown_length_needs_one_in_the_list() -> None:
    data = replace(recorded(cost=0.25))
    with pytest.raises(ConfigError, match="add output_tokens"):
        priced(data, {"high": Price(input=2, output=10)})
    found = priced(data, {"high": Price(input=2, output=10, output_tokens=30)})
    assert found.rows[0].tiers["high"].cost_usd == pytest.approx((100 * 2 + 30 * 10) / 1e6)


def test_a_list_that_leaves_a_rung_without_a_cost_is_refused() -> None:
    with pytest.raises(ConfigError, match="no price and no cost for low"):
        priced(recorded(tokens=5), {"high": Price(input=2, output=10)})


def test_a_price_list_is_read(tmp_path: Path) -> None:
    path = tmp_path / "prices.yaml"
    path.write_text("low: {input: 0.1, output: 0.4}\nhigh: {input: 2, output: 8}\n")
    assert read_prices(path)["low"] == Price(input=0.1, output=0.4)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("low: {input: -1, output: 1}", "low.input"),
        ("low: {input: 1, output: 1, speed: 3}", "low.speed"),
        ("low: {input: 1}", "low.output"),
        ("- low", "dictionary"),
        ("a: [", "not YAML [^\n]*correct it$"),
    ],
)
def test_a_faulty_price_list_is_refused(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "prices.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=told):
        read_prices(path)
    with pytest.raises(ConfigError, match="cannot be read"):
        read_prices(tmp_path / "none.yaml")
