"""rungwise/offline/wheels.py"""

from pathlib import Path

import pytest

from rungwise.offline.plain import BundleError, sha256_of
from rungwise.offline.wanted import Wheel, resolve
from rungwise.offline.wheels import fetch, missing, own_wheel, unpacked, wishes
from tests.offline.small import HERE, wheel


def _quiet(_: str) -> None:
    pass


def test_wheels_that_are_here_and_whole_are_kept_and_others_fetched(
    shelf: Path, project: Path, tmp_path: Path
) -> None:
    wanted, folder = resolve(project, HERE, have={}), tmp_path / "wheels"
    fetch(wanted.wheels, folder, HERE, say=_quiet)
    assert missing(wanted.wheels, folder) == []
    kept = folder / "alpha-1.0-py3-none-any.whl"
    before = kept.stat().st_mtime_ns
    (folder / "beta-2.0-py3-none-any.whl").write_bytes(b"half")
    (folder / "delta-4.0-py3-none-any.whl").unlink()
    assert {one.name for one in missing(wanted.wheels, folder)} == {"beta", "delta"}
    fetch(wanted.wheels, folder, HERE, say=_quiet)
    assert missing(wanted.wheels, folder) == [] and kept.stat().st_mtime_ns == before


def test_a_wheel_with_another_hash_than_the_resolved_one_is_refused(
    shelf: Path, tmp_path: Path
) -> None:
    beta = Wheel(
        name="beta", version="2.0", file="beta-2.0-py3-none-any.whl", sha256="0" * 64, size=None
    )
    with pytest.raises(BundleError, match=r"pip: .*beta"):
        fetch([beta], tmp_path / "wheels", HERE, say=_quiet)


def test_the_projects_own_wheel_is_the_same_bytes_each_time(project: Path, tmp_path: Path) -> None:
    first = sha256_of(own_wheel(project, tmp_path / "own"))
    assert sha256_of(own_wheel(project, tmp_path / "own")) == first
    assert len(list((tmp_path / "own").iterdir())) == 1


def test_wishes_are_those_of_the_box_and_not_of_extras_nobody_asked_for(tmp_path: Path) -> None:
    asking = wheel(
        tmp_path,
        "alpha",
        "1.0",
        "Beta_Two==2.0",
        'elsewhere; sys_platform == "win32"',
        'older; python_version < "3.0"',
        'more; extra == "more"',
    )
    asked = wishes([asking], HERE)
    assert [(name, [(who, str(w)) for who, w in rows]) for name, rows in asked.items()] == [
        ("beta-two", [("alpha 1.0", "Beta_Two==2.0")])
    ]


def test_a_wheel_weighs_what_it_unpacks_to(tmp_path: Path) -> None:
    assert unpacked(wheel(tmp_path, "alpha", "1.0", ballast=4000)) > 4000
