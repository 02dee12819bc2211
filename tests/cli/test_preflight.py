"""Does the doctor name whatever the server would refuse, in the same words?"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from rungwise.cli.fitting import here
from rungwise.cli.preflight import fallen, lacks
from rungwise.config import load
from tests.cli.test_main import one_line_error, rungwise, write
from tests.observe.test_gpu import Driver
from tests.weights.folders import folder

HOSTED = "{name: tier1, kind: openai, model: m, api_key_env: RUNGWISE_TEST_KEY}"
LOCAL = "{{name: tier1, kind: vllm, model: {model}, engine: {{extra: {{dtype: half}}}}}}"


def document(tiers: str = HOSTED, more: str = "") -> str:
    return f"server: {{port: 0}}\ntiers: [{tiers}]\n{more}\n"


KEYED = "server: {port: 0, api_keys_env: RUNGWISE_NO_KEYS}"
FAULTY = {
    "no calibration": document(more="gates: [{tier: tier1, calibration: none.json}]"),
    "an unknown signal": document(more="gates: [{tier: tier1, signals: [guess]}]"),
    "a ledger that is a folder": document(more="ledger: {path: .}"),
    "open to all": document().replace("port: 0", "port: 0, host: 0.0.0.0"),
    "no keys": document().replace("server: {port: 0}", KEYED),
    "a flag that is ours": document(LOCAL.format(model="./small")),
    "no model": document(LOCAL.format(model="./none").replace("dtype", "seed")),
}


@pytest.mark.parametrize("text", FAULTY.values(), ids=list(FAULTY))
def test_what_serve_refuses_the_doctor_names(tmp_path: Path, text: str) -> None:
    (tmp_path / "small").mkdir()
    (tmp_path / "small" / "config.json").write_text("{}")
    config = write(tmp_path, text)
    error = one_line_error(rungwise("serve", "--config", config, RUNGWISE_TEST_KEY="x"))
    done = rungwise("doctor", "--config", config, RUNGWISE_TEST_KEY="x")
    assert done.returncode == 1
    what, _, rest = error.removeprefix("rungwise: ").strip().partition(": ")
    found, _, mend = rest.partition("; ")
    assert f"LACK    {what}: {found}\n" in done.stdout
    assert mend in done.stdout


def test_a_store_whose_package_is_missing_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    more = "answer_cache: {store: redis, redis_url_env: RUNGWISE_TEST_REDIS}"
    environ = {"RUNGWISE_TEST_KEY": "x", "RUNGWISE_TEST_REDIS": "redis://127.0.0.1"}
    config = load(Path(write(tmp_path, document(more=more))), environ)
    places = [lack.what for lack in lacks(config)]
    monkeypatch.setitem(sys.modules, "redis", None)
    (lack,) = (lack for lack in lacks(config) if lack.what not in places)
    assert lack.what == "answer_cache.store" and "rungwise[redis]" in lack.mend


def test_what_serve_takes_the_doctor_takes(tmp_path: Path) -> None:
    config = write(tmp_path, document())
    done = rungwise("doctor", "--config", config, RUNGWISE_TEST_KEY="x")
    assert "LACK" not in done.stdout.partition("configuration:")[2]
    assert [path.name for path in tmp_path.iterdir()] == ["c.yaml"]


@pytest.mark.parametrize(
    ("visible", "lost", "lacking"),
    [
        (None, {1}, {1: "GPU 1 does not answer: GPU is lost"}),
        (None, {0, 1, 2}, {i: f"GPU {i} does not answer: GPU is lost" for i in range(3)}),
        ("1,GPU-20,0", {1}, {0: "GPU 0 (nvidia-smi: 1) does not answer: GPU is lost"}),
        ("GPU-10,GPU-20,0", {1}, {0: "GPU 0 (nvidia-smi: 1) does not answer: GPU is lost"}),
    ],
)
def test_one_lost_gpu_keeps_no_other_from_being_used(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    visible: str | None,
    lost: set[int],
    lacking: dict[int, str],
) -> None:
    driver = Driver()
    driver.lost = lost
    monkeypatch.setitem(sys.modules, "pynvml", driver)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    engine = "{kv_cache_gib: 1, max_model_len: 256}"
    model = folder(tmp_path / "m")
    tiers = ", ".join(
        f"{{name: t{i}, kind: vllm, model: {model}, gpus: [{i}], engine: {engine}}}"
        for i in range(3)
    )
    config = load(Path(write(tmp_path, document(tiers))), {})
    assert not [one for one in lacks(config) if one.what[:1] == "t"], "no reason not to start"
    assert {one.what: one.found for one in fallen(config)} == {
        f"t{place}.gpus": told for place, told in lacking.items()
    }


def test_what_fits_is_asked_of_the_gpus_that_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    driver = Driver()
    driver.lost = {0}
    monkeypatch.setitem(sys.modules, "pynvml", driver)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    assert [place.indices for place in here()] == [(1,)]
    driver.lost = {0, 1, 2}
    assert [place.gpus for place in here()] == [0]


def test_a_gpu_that_cannot_hold_the_model_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """NVML is played: three GPUs of 24 GiB, of which 20 are free."""
    monkeypatch.setitem(sys.modules, "pynvml", Driver())
    model = "{name: tier1, kind: vllm, model: google/gemma-4-12B-it, engine: {max_model_len: 4096}}"
    found = list(lacks(load(Path(write(tmp_path, document(model))), {})))
    assert {"tier1: GPU memory", "tier1: GPU 0"} <= {lack.what for lack in found}
    assert all(lack.mend for lack in found)
