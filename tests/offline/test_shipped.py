"""rungwise/offline/shipped.py"""

import subprocess
import sys
import zipfile
from pathlib import Path

from rungwise.offline.shipped import MODULES, write_installer


def test_the_installer_is_the_same_bytes_each_time(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    first = write_installer(tmp_path / "a").read_bytes()
    assert write_installer(tmp_path).read_bytes() == first


def test_it_starts_on_a_python_without_any_package(tmp_path: Path) -> None:
    installer = write_installer(tmp_path)
    done = subprocess.run(
        [sys.executable, "-I", "-S", installer, "--help"], capture_output=True, text=True
    )
    assert done.returncode == 0 and "--target" in done.stdout
    assert installer.stat().st_mode & 0o111, "can be started by itself"


def test_what_its_modules_import_is_in_it_or_in_the_standard_library(tmp_path: Path) -> None:
    names = [f"rungwise.offline.{name}" for name in MODULES if name != "__init__"]
    code = (
        "import sys\n"
        + "\n".join(f"import {name}" for name in names)
        + "\nfound = {name.partition('.')[0] for name in sys.modules} - {'__main__'}"
        + "\nprint(found - sys.stdlib_module_names)"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, 'i.zip')\n{code}"],
        cwd=write_installer(tmp_path).rename(tmp_path / "i.zip").parent,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "{'rungwise'}"
    assert zipfile.is_zipfile(tmp_path / "i.zip")


def test_the_script_of_a_checkout_is_the_same_installer(tmp_path: Path) -> None:
    script = Path(__file__).parents[2] / "scripts" / "install-offline"
    done = subprocess.run(
        [script, "--bundle", tmp_path, "--check"], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 2 and "manifest.json: missing" in done.stderr
