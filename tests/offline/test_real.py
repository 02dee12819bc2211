"""The project itself with real wheels of an index, into a venv that knows nothing of either."""

import os
import platform
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from rungwise.offline.bundle import main
from rungwise.offline.manifest import read_manifest

ROOT = Path(__file__).parents[2]
CARRIED = {"pydantic", "pyyaml", "tqdm"}
"""Of what the project asks for; enough to read a configuration."""


def _without() -> list[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return sorted({Requirement(line).name for line in project["dependencies"]} - CARRIED)


def test_the_project_is_bundled_and_installed_where_no_index_is(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder, venv = tmp_path / "bundle", tmp_path / "venv"
    here = [f"--python={sys.version_info[0]}.{sys.version_info[1]}"]
    here += [f"--platform={platform.machine()}", "--vllm=none", f"--project={ROOT}"]
    here += ["--max-part=200KiB", f"--to={folder}", f"--wheels={tmp_path / 'wheels'}"]
    here += ["--without", *_without(), "--models", str(ROOT / "models/demo/bottom")]
    made = main(here)
    said = capfd.readouterr()
    if made and ("error sending request" in said.err or "Could not connect" in said.err):
        pytest.skip("no index can be reached from here")
    assert made == 0, said.err
    manifest = read_manifest(folder)
    assert len(manifest.parts) > 10 and all(part.size <= 200 << 10 for part in manifest.parts)
    assert [one.name for one in manifest.left_out if one.why == "without"] == _without()
    clean = {"PATH": os.environ["PATH"], "PIP_NO_INDEX": "1", "PIP_INDEX_URL": "http://127.0.0.1:9"}

    def run(*command: str | Path) -> str:
        done = subprocess.run(command, capture_output=True, text=True, env=clean, cwd=tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    installer = (sys.executable, folder / "install-offline")
    assert "all parts are here and whole" in run(*installer, "--check")
    run(*installer, "--venv", venv, "--models", tmp_path / "models")
    assert "serve the ladder" in run(venv / "bin" / "rungwise", "--help")
    assert '"tiers"' in run(venv / "bin" / "python", "-I", "-m", "rungwise", "schema")
    assert "rungwise" in run(venv / "bin/python", "-c", "import rungwise; print(rungwise.__file__)")
    assert (tmp_path / "models/bottom/model.safetensors").is_file()
