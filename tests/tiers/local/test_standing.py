"""What do GPU time and energy cost?"""

from rungwise.tiers.local.standing import price_nano


def test_hours_and_kilowatt_hours_have_their_prices() -> None:
    def price(hour: float | None, kwh: float | None, joules: float | None = 3.6e6) -> int | None:
        return price_nano(1800, joules, usd_per_gpu_hour=hour, usd_per_kwh=kwh)

    assert price(2, None) == 1_000_000_000
    assert price(2, 0.30) == 1_300_000_000
    assert price(0, 0.30) == 300_000_000
    assert price(2, 0.30, joules=None) == 1_000_000_000, "not measured: the hour's price only"
    assert price(None, 0.30) is None, "a part of a price is not a price"
