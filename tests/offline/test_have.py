"""rungwise/offline/have.py"""

from pathlib import Path

import pytest

from rungwise.offline.have import is_mark, marked, read_have, unmarked
from rungwise.offline.plain import BundleError

FREEZE = """\
# made by hand
torch==2.11.0+cu130
Typing_Extensions==4.16.0  # a remark
torchvision @ file:///wheels/torchvision-0.26.0%2Bcu130-cp312-cp312-linux_x86_64.whl#sha256=00
-e git+ssh://host/own#egg=own

numpy==2.3.5
"""


def test_both_forms_of_the_list_are_read(tmp_path: Path) -> None:
    (tmp_path / "list").write_text(FREEZE)
    assert read_have(tmp_path / "list") == {
        "torch": "2.11.0+cu130",
        "typing-extensions": "4.16.0",
        "torchvision": "0.26.0+cu130",
        "numpy": "2.3.5",
    }


@pytest.mark.parametrize("line", ["numpy @ file:///build/numpy", "numpy", "numpy==new", "a b"])
def test_a_line_without_a_version_is_named_with_the_mend(tmp_path: Path, line: str) -> None:
    (tmp_path / "list").write_text(f"six==1.17.0\n{line}\n")
    with pytest.raises(BundleError, match=r"list:2: .*pip list --format=freeze"):
        read_have(tmp_path / "list")


def test_a_package_in_two_versions_is_named(tmp_path: Path) -> None:
    (tmp_path / "list").write_text("six==1.17.0\nSix==1.16.0\n")
    with pytest.raises(BundleError, match="six is there twice"):
        read_have(tmp_path / "list")


@pytest.mark.parametrize("version", ["2.3.5", "2.11.0+cu130", "0.1.dev3+g12ab"])
def test_a_mark_comes_off_again(version: str) -> None:
    assert is_mark(marked(version)) and not is_mark(version)
    assert unmarked(marked(version)) == version
    assert unmarked(f"a=={marked(version)}.", " (there)") == f"a=={version} (there)."
