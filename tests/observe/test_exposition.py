"""What is written is what the library would have written, but for its `_created` series."""

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families

from rungwise.observe.exposition import exposition
from rungwise.observe.metrics_spread import Histogram

VALUES = st.floats(allow_nan=False)


def samples(text: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    return {
        (s.name, frozenset(s.labels.items())): s.value
        for family in text_string_to_metric_families(text)
        for s in family.samples
        if not s.name.endswith("_created")
    }


@given(
    labels=st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, unique=True),
    value=VALUES,
    told=st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=9),
)
def test_any_label_and_any_value_comes_back(labels: list[str], value: float, told: str) -> None:
    registry = CollectorRegistry()
    gauge = Gauge("g", told, ("name", "beside"), registry=registry)
    count = Counter("c", told, registry=registry)
    count.inc(3)
    for label in labels:
        gauge.labels(label, "x").set(value)
    ours = exposition([gauge, count])
    assert samples(ours) == samples(generate_latest(registry).decode())
    assert "_created" not in ours


@given(st.lists(st.tuples(st.sampled_from("ab"), st.floats(0, 100))))
def test_a_histogram_reads_the_same_in_the_librarys_words_and_in_ours(
    values: list[tuple[str, float]],
) -> None:
    registry = CollectorRegistry()
    made = Histogram("h_seconds", "of this", ("name",), (0.5, 1.0, 50.0))
    registry.register(made)
    for name, value in values:
        made.of(name)(value)
    assert samples(made.written()) == samples(generate_latest(registry).decode())
    for name in {name for name, _ in values}:
        of = [value for other, value in values if other == name]
        found = samples(made.written())
        assert found["h_seconds_count", frozenset({("name", name)})] == len(of)
        under = sum(value <= 1.0 for value in of)
        assert found["h_seconds_bucket", frozenset({("name", name), ("le", "1.0")})] == under


def test_a_line_of_help_keeps_to_one_line() -> None:
    class Told:
        def collect(self) -> list[Metric]:
            return [Metric("x", "one\ntwo \\", "gauge")]

    assert exposition([Told()]) == "# HELP x one\\ntwo \\\\\n# TYPE x gauge\n"  # type: ignore[list-item]
