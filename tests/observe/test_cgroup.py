"""Is what a container or a service may use told, and not what its machine has?"""

from __future__ import annotations

from pathlib import Path

import pytest

from rungwise.observe.cgroup import allowed
from rungwise.observe.doctor import memory

GIB = 2**30
MEMINFO = f"MemTotal: {64 * 2**20} kB\nMemAvailable: {50 * 2**20} kB"


def tree(root: Path, **files: object) -> Path:
    """A name's `__` is a slash, and its `_of_` a dot."""
    for name, text in {"proc__meminfo": MEMINFO, **files}.items():
        file = root / name.replace("__", "/").replace("_of_", ".")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{text}\n")
    return root


def test_version_2_tells_it_in_memory_max(tmp_path: Path) -> None:
    root = tree(
        tmp_path,
        proc__self__cgroup="0::/",
        sys__fs__cgroup__memory_of_max=4 * GIB,
        sys__fs__cgroup__memory_of_current=3 * GIB,
        sys__fs__cgroup__memory_of_stat=f"anon 7\ninactive_file {2 * GIB}",
    )
    assert list(allowed(root)) == [(4 * GIB, 3 * GIB)], "files can be dropped"
    assert (memory(root).total, memory(root).available) == (4 * GIB, 3 * GIB)


def test_version_1_tells_it_in_limit_in_bytes(tmp_path: Path) -> None:
    root = tree(
        tmp_path,
        proc__self__cgroup="12:cpu,cpuacct:/a\n4:memory:/docker/abc",
        sys__fs__cgroup__memory__memory_of_limit_in_bytes=8 * GIB,
        sys__fs__cgroup__memory__memory_of_usage_in_bytes=1 * GIB,
    )
    assert (memory(root).total, memory(root).available) == (8 * GIB, 7 * GIB)


def test_the_narrowest_of_those_above_counts(tmp_path: Path) -> None:
    root = tree(
        tmp_path,
        proc__self__cgroup="0::/system.slice/rungwise.service",
        sys__fs__cgroup__system_of_slice__memory_of_max=2 * GIB,
        sys__fs__cgroup__system_of_slice__rungwise_of_service__memory_of_max="max",
    )
    root.joinpath("sys/fs/cgroup/memory.max").write_text(str(30 * GIB))
    assert memory(root).total == 2 * GIB


@pytest.mark.parametrize("told", ["", "0::/", "nonsense", "0::/../.."])
def test_without_a_limit_it_is_the_machine_s(tmp_path: Path, told: str) -> None:
    root = tree(tmp_path, proc__self__cgroup=told, sys__fs__cgroup__memory_of_max="max")
    assert (memory(root).total, memory(root).available) == (64 * GIB, 50 * GIB)
    assert memory(tmp_path / "nowhere").total == 0
