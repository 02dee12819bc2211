"""How is a price told in one line?"""

from __future__ import annotations

from pathlib import Path

import pytest

from rungwise.config import PriceConfig, load
from rungwise.tiers.priced import prices_of, shown_price
from rungwise.tiers.prices import price_of


def test_only_what_is_known_of_a_price_is_told() -> None:
    known = PriceConfig(input=0.1, output=0.4, cache_read=0.025)
    assert shown_price(price_of(known)) == "0.1 in, 0.025 cached, 0.4 out USD per million tokens"
    assert shown_price(price_of(PriceConfig(output=2))) == "2 out USD per million tokens"
    assert shown_price(price_of(None)) is None


def test_rungs_whose_price_nobody_knows_are_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_KEY", "sk-of-nobody")
    tier = "kind: openai, base_url: 'http://127.0.0.1:9/v1', api_key_env: SOME_KEY, model: m"
    file = tmp_path / "c.yaml"
    file.write_text(
        f"tiers:\n- {{name: a, {tier}, price: {{input: 1}}}}\n- {{name: b, {tier}}}\n", "utf-8"
    )
    assert prices_of(load(file)) == {"a": "1 in USD per million tokens"}
