"""What does the doctor say of a configuration beside what it lacks?"""

import sys
from pathlib import Path

import pytest

from rungwise.config import load
from rungwise.observe.doctor import engine_lacks, examine, examine_config, memory
from tests.observe.test_gpu import Driver

CONFIG = """
server: {port: 0}
tiers: [{name: t, kind: openai, model: m, api_key_env: KEY}]
routing:
  policy: pays
  difficulty: there.json
  shadow: {policy: route, difficulty: absent.json}
"""


def test_what_was_trained_is_named_where_it_is_there_and_a_shadow_is_pointed_out(
    tmp_path: Path,
) -> None:
    (tmp_path / "there.json").write_text("{}")
    (tmp_path / "c.yaml").write_text(CONFIG)
    config = load(tmp_path / "c.yaml", {"KEY": "sk-1"})
    found = {finding.what: finding for finding in examine_config(config)}
    assert found["routing.difficulty"].found == str(tmp_path / "there.json")
    assert "routing.shadow.difficulty" not in found, "the preflight says what is lacking"
    assert found["routing.shadow"].state == "note"
    assert found["routing.shadow"].found.startswith("route plans beside pays; see `rungwise report")


@pytest.mark.parametrize(("cuda", "state"), [("14.0", "lack"), ("13.3", "note"), ("13.2", None)])
def test_a_driver_that_is_too_old_for_the_installed_pytorch_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cuda: str, state: str | None
) -> None:
    """NVML is played; its driver knows CUDA 13.2. So is PyTorch, of which one file is read."""
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "__init__.py").write_text("raise AssertionError('it is not imported')")
    (tmp_path / "torch" / "version.py").write_text(f"cuda: str = '{cuda}'\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    monkeypatch.setitem(sys.modules, "pynvml", Driver())
    found = [finding for finding in examine() if finding.what == "driver"]
    assert [finding.state for finding in found] == ([state] if state else [])
    (tmp_path / "c.yaml").write_text("tiers: [{name: t, kind: vllm, model: m}]")
    lacks = [lack.what for lack in engine_lacks(load(tmp_path / "c.yaml", {}))]
    assert ("driver" in lacks) == (state == "lack")


@pytest.mark.parametrize("lost", [{1}, {0, 1, 2}])
def test_a_gpu_that_does_not_answer_is_named_beside_the_others(
    monkeypatch: pytest.MonkeyPatch, lost: set[int]
) -> None:
    """And nobody is told to install a driver."""
    driver = Driver()
    driver.lost = lost
    monkeypatch.setitem(sys.modules, "pynvml", driver)
    found = {one.what: one for one in examine() if one.what.startswith("GPU")}
    assert list(found) == ["GPU 0", "GPU 1", "GPU 2"]
    for index in range(3):
        one = found[f"GPU {index}"]
        assert one.found.startswith("does not answer: GPU is lost") == (index in lost)
        assert "install" not in one.mend


def test_this_machine_s_memory_is_read() -> None:
    assert memory().total >= memory().available > 0
