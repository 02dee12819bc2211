"""Whatever breaks off, one whole artefact is in force, and the earlier ones are there."""

import fcntl
import os
from pathlib import Path

import pytest

from rungwise.errors import ConfigError
from rungwise.lab.training.promotion import KEPT, Disk, earlier, promote


class Breaking(Disk):
    """Fails at the step of that number, as if the machine had stopped there; of a write, after
    half of the bytes."""

    def __init__(self, at: int) -> None:
        self._left = at

    def _step(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise OSError(28, "No space left on device")

    def write(self, path: Path, body: bytes, like: os.stat_result | None = None) -> None:
        if self._left == 0:
            path.write_bytes(body[: len(body) // 2])
        self._step()
        super().write(path, body, like)

    def rename(self, old: Path, new: Path) -> None:
        self._step()
        super().rename(old, new)

    def remove(self, path: Path) -> None:
        self._step()
        super().remove(path)

    def sync(self, folder: Path) -> None:
        self._step()
        super().sync(folder)


def told(target: Path) -> list[str]:
    """What is in force, then the earlier ones, the latest first."""
    found = [target.read_text(), *(path.read_text() for path in earlier(target).values())]
    assert sorted(path.name for path in target.parent.iterdir()) == sorted(
        [target.name, *(f"{target.name}.{n}" for n in range(1, len(found)))]
    )
    return found


def promoted(target: Path, *bodies: str) -> None:
    for body in bodies:
        assert promote(body.encode(), target)


def test_the_first_one_has_none_before_it(tmp_path: Path) -> None:
    promoted(tmp_path / "d.json", "one")
    assert told(tmp_path / "d.json") == ["one"]


def test_each_one_is_kept_beside_the_next(tmp_path: Path) -> None:
    promoted(tmp_path / "d.json", "one", "two", "three")
    assert told(tmp_path / "d.json") == ["three", "two", "one"]


def test_what_is_in_force_already_changes_nothing(tmp_path: Path) -> None:
    target = tmp_path / "d.json"
    promoted(target, "one", "two")
    assert not promote(b"two", target)
    assert told(target) == ["two", "one"]


def test_one_that_comes_back_leaves_its_place_among_the_earlier_ones(tmp_path: Path) -> None:
    target = tmp_path / "d.json"
    promoted(target, "one", "two", "three", "two")
    assert told(target) == ["two", "three", "one"]
    promoted(target, "three")
    assert told(target) == ["three", "two", "one"]


def test_the_oldest_ones_are_dropped(tmp_path: Path) -> None:
    target = tmp_path / "d.json"
    promoted(target, *map(str, range(KEPT + 3)))
    assert told(target) == [str(n) for n in reversed(range(2, KEPT + 3))]
    promoted(target, "2")  # one comes back: none is lost for it
    assert told(target) == ["2", *(str(n) for n in reversed(range(3, KEPT + 3)))]


def test_mode_and_time_of_an_earlier_one_stay(tmp_path: Path) -> None:
    target = tmp_path / "d.json"
    promoted(target, "one")
    target.chmod(0o640)
    os.utime(target, (1e9, 1e9))
    promoted(target, "two")
    kept = (tmp_path / "d.json.1").stat()
    assert kept.st_mtime == 1e9 and kept.st_mode & 0o777 == 0o640


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    link = tmp_path / "d.json"
    link.symlink_to(tmp_path / "real" / "d.json")
    promoted(link, "one", "two")
    assert link.is_symlink() and told(tmp_path / "real" / "d.json") == ["two", "one"]


def test_other_files_are_left_alone(tmp_path: Path) -> None:
    others = ("d.json.bak", "d.json.01", "d.json.1x", "d2.json.1")
    for name in others:
        (tmp_path / name).write_text(name)
    promoted(tmp_path / "d.json", "one", "two")
    assert [(tmp_path / name).read_text() for name in others] == list(others)
    assert list(earlier(tmp_path / "d.json")) == [1]


def test_a_folder_of_such_a_name_is_passed_over(tmp_path: Path) -> None:
    target = tmp_path / "d.json"
    (tmp_path / "d.json.2").mkdir()
    promoted(target, "one", "two", "three", "four", "two")
    there = earlier(target)
    assert {n: path.read_text() for n, path in there.items()} == {1: "four", 3: "three", 4: "one"}
    promoted(target, *map(str, range(KEPT + 3)))
    assert list(earlier(target)) == [1, *range(3, KEPT + 2)]


@pytest.mark.parametrize("back", [False, True])
@pytest.mark.parametrize("at", range(14))
def test_wherever_it_breaks_off_one_whole_artefact_is_in_force(
    at: int, back: bool, tmp_path: Path
) -> None:
    target, bodies = tmp_path / "d.json", ["one", "two", "three", "four"]
    promoted(target, *bodies)
    fresh = "three" if back else "five"
    try:
        promote(fresh.encode(), target, Breaking(at))
    except OSError:
        assert target.read_text() in ("four", fresh)
    there = {target.read_text(), *(path.read_text() for path in earlier(target).values())}
    assert there >= set(bodies), "no earlier one is lost"
    promote(fresh.encode(), target)
    rest = [body for body in reversed(bodies) if body != fresh]
    assert told(target) == [fresh, *rest]


@pytest.mark.parametrize("at", range(20))
def test_a_full_history_that_breaks_off_loses_the_oldest_at_most(at: int, tmp_path: Path) -> None:
    target, bodies = tmp_path / "d.json", [str(n) for n in range(KEPT + 1)]
    promoted(target, *bodies)
    try:
        promote(b"new", target, Breaking(at))
    except OSError:
        assert target.read_text() in (bodies[-1], "new")
    promote(b"new", target)
    assert told(target) == ["new", *reversed(bodies[1:])]


def test_two_promotions_at_once_are_one_and_an_error(tmp_path: Path) -> None:
    held = os.open(tmp_path, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(ConfigError, match="another promotion is under way"):
            promote(b"one", tmp_path / "d.json")
    finally:
        os.close(held)
    promoted(tmp_path / "d.json", "one")
