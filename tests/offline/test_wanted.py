"""rungwise/offline/wanted.py"""

from dataclasses import replace
from pathlib import Path

import pytest

from rungwise.offline.plain import BundleError
from rungwise.offline.wanted import Wanted, resolve
from tests.offline.small import HERE

pytestmark = pytest.mark.usefixtures("shelf")


def pins(wanted: Wanted) -> dict[str, str]:
    return {wheel.name: wheel.version for wheel in wanted.wheels}


def test_all_that_the_project_needs_is_wanted_with_file_and_hash(project: Path) -> None:
    wanted = resolve(project, HERE, have={})
    assert pins(wanted) == {"alpha": "1.0", "beta": "2.0", "gamma": "3.1", "delta": "4.0"}
    assert wanted.there == {}
    assert {wheel.file for wheel in wanted.wheels} >= {"beta-2.0-py3-none-any.whl"}
    assert all(len(wheel.sha256) == 64 for wheel in wanted.wheels)


def test_what_is_there_is_left_out_with_what_only_it_needs(project: Path) -> None:
    wanted = resolve(project, HERE, have={"gamma": "3.0", "unasked": "1.0"})
    assert pins(wanted) == {"alpha": "1.0", "beta": "2.0"}
    assert wanted.there == {"gamma": "3.0"}


def test_the_engine_comes_in_the_version_that_was_asked_for(project: Path) -> None:
    wanted = resolve(project, replace(HERE, vllm="0.25.1"), have={"torch": "2.11.0+cu130"})
    assert pins(wanted)["vllm"] == "0.25.1" and wanted.there == {"torch": "2.11.0+cu130"}


def test_a_version_there_that_breaks_a_pin_is_an_error_that_names_both(project: Path) -> None:
    line = r"alpha.* depend on beta==2\.0 and .*beta==2\.1 \(there\).* --bring NAME .* --loose"
    with pytest.raises(BundleError, match=line) as caught:
        resolve(project, HERE, have={"beta": "2.1"})
    assert "\n" not in str(caught.value) and "+there" not in str(caught.value)


def test_a_torch_that_the_engine_cannot_use_is_named(project: Path) -> None:
    with pytest.raises(
        BundleError, match=r"torch==2\.11\.0 and .*torch==2\.12\.0\+cu130 \(there\)"
    ):
        resolve(project, replace(HERE, vllm="0.25.1"), have={"torch": "2.12.0+cu130"})


def test_when_loose_what_is_there_stays(project: Path) -> None:
    wanted = resolve(project, HERE, have={"beta": "2.1"}, loose=True)
    assert wanted.there == {"beta": "2.1"} and "beta" not in pins(wanted)


def test_what_the_owner_goes_without_is_not_wanted(project: Path) -> None:
    assert pins(resolve(project, HERE, have={}, without=["gamma"])) == {
        "alpha": "1.0",
        "beta": "2.0",
    }


def test_what_cannot_be_found_is_one_line(project: Path) -> None:
    with pytest.raises(BundleError, match=r"^uv: .*vllm==0\.1") as caught:
        resolve(project, replace(HERE, vllm="0.1"), have={})
    assert "\n" not in str(caught.value)
