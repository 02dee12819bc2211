"""Metrics are a reading of the entry."""

from prometheus_client.parser import text_string_to_metric_families

from rungwise.observe.metrics import Metrics
from tests.ledger.test_sql import ENTRY


def test_one_entry_is_counted_whole() -> None:
    metrics = Metrics()
    metrics.read(ENTRY)
    body, kind = metrics.render()
    assert kind.startswith("text/plain")
    samples = {
        (s.name, *sorted(s.labels.values())): s.value
        for family in text_string_to_metric_families(body.decode())
        for s in family.samples
    }
    assert samples["rungwise_answers_total", "answered", "auto", "planning", "t2"] == 1
    assert samples["rungwise_attempts_total", "abandoned", "t1"] == 1
    assert samples["rungwise_tokens_total", "cache_read", "t1"] == 5
    assert samples["rungwise_cost_usd_total", "t1"] == 1234e-9
    assert samples["rungwise_unpriced_attempts_total", "t2"] == 1
    assert ("rungwise_cost_usd_total", "t2") not in samples
    assert samples["rungwise_first_byte_seconds_count", "auto"] == 1
