"""A small index on this disk: a project that asks for alpha, which asks for beta and gamma."""

from pathlib import Path

import pytest

from tests.offline.small import wheel

__all__ = ["project", "shelf"]

PROJECT = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "rungwise"
version = "0.0.1"
dependencies = ["alpha>=1", 'never; sys_platform == "win32"']

[project.optional-dependencies]
gpu = ["vllm>=0.25"]

[tool.hatch.build.targets.wheel]
packages = ["rungwise"]
"""


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """All that uv and pip find, as long as the test runs."""
    folder = tmp_path / "shelf"
    wheel(folder, "alpha", "1.0", "beta==2.0", "gamma[fast]>=3")
    wheel(folder, "beta", "2.0", ballast=3000)
    wheel(folder, "beta", "2.1")
    wheel(folder, "gamma", "3.0", "delta")
    wheel(folder, "gamma", "3.1", "delta")
    wheel(folder, "delta", "4.0")
    wheel(folder, "vllm", "0.25.1", "torch==2.11.0")
    wheel(folder, "vllm", "0.26.0", "torch==2.11.0")
    wheel(folder, "torch", "2.11.0", "delta")
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))
    return folder


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    (folder / "rungwise").mkdir(parents=True)
    (folder / "configs").mkdir()
    (folder / "pyproject.toml").write_text(PROJECT)
    (folder / "rungwise" / "__init__.py").write_text("")
    (folder / "configs" / "box.yaml").write_text("tiers: []\n")
    return folder
