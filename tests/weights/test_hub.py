"""Is it said before a download that it cannot succeed?"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from rungwise.weights.hub import Hub, lacks, snapshot, the_hub

MORE_THAN_ANY = 2**60


def said(
    cache: Path,
    *,
    token: bool = True,
    offline: bool = False,
    gated: bool = False,
    download: int | None = 10,
) -> list[str]:
    hub = Hub(cache=cache, token=token, offline=offline)
    return ["; ".join(found) for found in lacks(hub, "a/b", gated=gated, download=download)]


def test_a_gated_model_needs_a_token(tmp_path: Path) -> None:
    (line,) = said(tmp_path, gated=True, token=False)
    assert line.startswith("a/b is gated, and HF_TOKEN is not set; accept its licence on https://")
    assert said(tmp_path, gated=True) == said(tmp_path, token=False) == []


def test_a_download_needs_its_room(tmp_path: Path) -> None:
    (line,) = said(tmp_path / "not" / "there", download=MORE_THAN_ANY)
    assert "of disk, and" in line and line.endswith("free some, or set HF_HOME to a larger disk")
    assert said(tmp_path, download=None) == [], "of what is not known nothing is claimed"


def test_without_a_network_it_must_be_there(tmp_path: Path) -> None:
    (line,) = said(tmp_path, offline=True, gated=True, token=False)
    assert "and HF_HUB_OFFLINE is set; name its folder" in line


def test_a_revision_in_the_cache_is_found_by_its_name_or_its_commit(tmp_path: Path) -> None:
    hub = Hub(cache=tmp_path, token=False, offline=True)
    there = tmp_path / "models--a--b"
    for folder in ("refs", "snapshots/0123"):
        (there / folder).mkdir(parents=True)
    (there / "refs" / "main").write_text("0123\n")
    assert snapshot(hub, "a/b", None) is None, "no file of it is there"
    (there / "snapshots" / "0123" / "config.json").write_text("{}")
    found = there / "snapshots" / "0123"
    assert [snapshot(hub, "a/b", name) for name in (None, "0123")] == [found, found]
    assert snapshot(hub, "a/b", "4567") is snapshot(hub, "a/c", None) is None


def test_the_hub_s_own_client_says_where_its_cache_is() -> None:
    assert the_hub().cache.name == "hub"


def test_the_hub_s_client_is_told_first_to_tell_nothing() -> None:
    code = (
        "from rungwise.weights.hub import the_hub; the_hub();"
        "from huggingface_hub import constants; assert constants.HF_HUB_DISABLE_TELEMETRY"
    )
    environ = {k: v for k, v in os.environ.items() if "TELEMETRY" not in k and "TRACK" not in k}
    assert subprocess.run([sys.executable, "-c", code], env=environ).returncode == 0
