"""However many names there are, there are no more series than are known."""

from hypothesis import given
from hypothesis import strategies as st

from rungwise.observe.metrics_series import OTHER, Known


@given(st.lists(st.text()))
def test_a_name_that_is_not_known_is_another(names: list[str]) -> None:
    known = Known(["t1"])
    assert known["t1"] == "t1"
    assert {known[name] for name in names} <= {"t1", OTHER}
    assert len(known) == 1


def test_without_a_list_the_first_hundred_are_known() -> None:
    known = Known(None)
    told = {known[f"t{number}"] for number in range(1000)}
    assert len(told) == 101 and OTHER in told and known["t5"] == "t5"
