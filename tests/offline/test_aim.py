"""rungwise/offline/aim.py"""

import pytest
from packaging.tags import parse_tag

from rungwise.offline.aim import Aim
from rungwise.offline.plain import BundleError

AIM = Aim(python="3.12", platform="x86_64", glibc="2.31", vllm="0.25.1")


def _rank(tag: str) -> int | None:
    return min((AIM.tags[one] for one in parse_tag(tag) if one in AIM.tags), default=None)


def test_wheels_of_that_python_and_its_c_library_fit_and_others_do_not() -> None:
    own, stable = _rank("cp312-cp312-manylinux_2_28_x86_64"), _rank("cp38-abi3-manylinux1_x86_64")
    pure = _rank("py3-none-any")
    assert own is not None and stable is not None and pure is not None
    assert own < stable < pure
    for other in (
        "cp311-cp311-manylinux_2_28_x86_64",
        "cp312-cp312-manylinux_2_34_x86_64",
        "cp312-cp312-manylinux_2_28_aarch64",
        "cp312-cp312-musllinux_1_2_x86_64",
        "cp312-cp312-win_amd64",
    ):
        assert _rank(other) is None


@pytest.mark.parametrize(
    ("field", "value"),
    [("python", "3"), ("python", "3.12.1"), ("platform", "sparc"), ("glibc", "musl")],
)
def test_what_no_box_has_is_refused(field: str, value: str) -> None:
    box = {"python": "3.12", "platform": "x86_64", "glibc": "2.31"} | {field: value}
    with pytest.raises(BundleError, match=f"--{field} {value}"):
        Aim(python=box["python"], platform=box["platform"], glibc=box["glibc"], vllm=None)
