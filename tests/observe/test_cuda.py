"""Is a driver that is too old for the installed PyTorch told, without importing PyTorch?"""

from __future__ import annotations

from pathlib import Path

import pytest

from rungwise.observe.cuda import driver_too_old, torch_cuda
from rungwise.observe.gpu import Gpu


def gpu(cuda: tuple[int, int] | None) -> Gpu:
    return Gpu(index=0, name="H100", total_gib=80, free_gib=80, driver="535.1", cuda=cuda)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("cuda: Optional[str] = '13.0'\nhip: Optional[str] = None\n", (13, 0)),
        ('__version__ = "2.11.0+cu128"\ncuda = "12.8"\n', (12, 8)),
        ("cuda: Optional[str] = None\n", None),
        ("", None),
    ],
)
def test_pytorch_s_own_file_says_its_cuda(
    tmp_path: Path, text: str, found: tuple[int, int] | None
) -> None:
    (tmp_path / "version.py").write_text(text)
    assert torch_cuda(tmp_path) == found


def test_a_pytorch_that_is_not_there_has_none(tmp_path: Path) -> None:
    assert torch_cuda(tmp_path / "none") is None


@pytest.mark.parametrize(
    ("has", "needs", "found"),
    [
        ((13, 0), (13, 0), None),
        ((13, 1), (12, 8), None),
        ((12, 8), (12, 9), False),
        ((12, 9), (13, 0), True),
        (None, (13, 0), None),
        ((12, 2), None, None),
    ],
)
def test_an_older_major_version_never_runs_and_an_older_minor_one_may(
    has: tuple[int, int] | None, needs: tuple[int, int] | None, found: bool | None
) -> None:
    said = driver_too_old([gpu(has)], needs)
    assert (said and said[1]) == found
    if said:
        assert said[0].startswith(f"driver 535.1 knows CUDA {'.'.join(map(str, has or ()))}")


def test_without_gpus_there_is_no_driver() -> None:
    assert driver_too_old([], (13, 0)) is None
