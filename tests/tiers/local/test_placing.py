"""Are engines that cannot run beside each other, or as they are told to, refused in one line?"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.adapters import make_adapter

from rungwise.config import Config
from rungwise.tiers.local.placing import fallen, lacks


def engine(name: str, model: str = "org/m", gpus: list[int] | None = None, **told: Any) -> Any:
    return {"name": name, "kind": "vllm", "model": model, "gpus": gpus, "engine": told}


def said(
    *tiers: Any, gpus: int = 1, silent: Mapping[int, str] | None = None, **more: Any
) -> list[str]:
    config = Config.model_validate({"tiers": tiers, **more})
    lines = [*lacks(config, gpus, silent or {}), *fallen(config, silent or {})]
    for line in lines:
        what, _, rest = line.partition(": ")
        assert " " not in what and "; " in rest and "\n" not in line
    return lines


def test_a_lone_engine_lacks_nothing() -> None:
    assert said(engine("t1")) == [] == said(engine("t1"), gpus=0)


# ---- memory ----------------------------------------------------------------------------------


def test_engines_on_one_gpu_must_each_say_how_much_is_theirs() -> None:
    assert said(engine("t1"), engine("t2")) == [
        f"{one}.engine: on GPU 0 beside {other}, and does not say how much of it is its own; set "
        "kv_cache_gib, or gpu_memory_utilization for each"
        for one, other in (("t1", "t2"), ("t2", "t1"))
    ]
    (line,) = said(engine("t1", kv_cache_gib=4), engine("t2"))
    assert line.startswith("t2.engine: ")


def test_caches_of_a_given_size_and_shares_that_fit_are_taken() -> None:
    assert said(engine("t1", kv_cache_gib=4), engine("t2", kv_cache_gib=4)) == []
    halves = [engine(name, gpu_memory_utilization=0.475) for name in ("t1", "t2")]
    assert said(*halves) == []
    assert said(engine("t1", kv_cache_gib=4), engine("t2", gpu_memory_utilization=0.5)) == []


def test_shares_that_are_more_than_a_gpu_are_refused() -> None:
    (line,) = said(
        engine("t1", gpu_memory_utilization=0.5), engine("t2", gpu_memory_utilization=0.5)
    )
    assert "t1 and t2 on GPU 0 is 1.00 together; keep it to 0.95" in line


def test_engines_on_gpus_of_their_own_need_no_shares() -> None:
    assert said(engine("t1", gpus=[0]), engine("t2", gpus=[1]), gpus=2) == []
    overlapping = engine("t2", gpus=[1, 0], tensor_parallel_size=2)
    lines = said(engine("t1", gpus=[0]), overlapping, gpus=2)
    assert [line.partition(":")[0] for line in lines] == ["t1.engine", "t2.engine"]


def test_on_the_cpu_there_is_no_gpu_to_divide() -> None:
    assert said(engine("t1"), engine("t2"), gpus=0) == []


# ---- places ----------------------------------------------------------------------------------


def test_a_gpu_that_is_not_here_is_named() -> None:
    (line,) = said(engine("t1", gpus=[2]), gpus=2)
    assert line.startswith("t1.gpus: GPU 2 is not here, CUDA shows 2 ")
    (line,) = said(engine("t1", tensor_parallel_size=2, data_parallel_size=2), gpus=2)
    assert line.startswith("t1.engine: the engine needs 4 GPUs, and CUDA shows 2 ")
    (line,) = said(engine("t1", gpus=[0]), gpus=0)
    assert "no GPU is here" in line
    assert said(engine("t1", data_parallel_size=2), gpus=0) == []


def test_a_gpu_that_does_not_answer_is_named_for_those_that_are_placed_on_it() -> None:
    silent = {1: "GPU 1 does not answer: GPU is lost"}
    others = [engine("t1", gpus=[0]), engine("t2", gpus=[2])]
    assert said(*others, gpus=3, silent=silent) == []
    (line,) = said(*others, engine("t3", gpus=[1]), gpus=3, silent=silent)
    assert line.startswith("t3.gpus: GPU 1 does not answer: GPU is lost; ")
    assert "install" not in line
    (line,) = said(engine("t1", tensor_parallel_size=2), gpus=3, silent=silent)
    assert line.startswith("t1.engine: GPU 1 does not answer: GPU is lost; ")
    (line,) = said(engine("t1", gpus=[1]), gpus=0, silent=silent)
    assert line.startswith("t1.gpus: GPU 1 does not answer")


# ---- what would not do what it says ------------------------------------------------------------


def test_a_revision_of_a_folder_does_nothing(demo_model: Path) -> None:
    assert said({**engine("t1"), "revision": "0" * 40}) == []
    (line,) = said({**engine("t1", str(demo_model)), "revision": "0" * 40})
    assert line.startswith("t1.revision: does nothing, ") and "; remove it" in line


@pytest.mark.parametrize(
    "extra",
    [
        {"speculative": '{"method": "ngram"}'},
        {"speculative-config.method": "ngram"},
        {"enable_lor": True},
        {"max_model": 64},
        {"gpu_memory": 0.5},
        {"load": "dummy"},
        {"api_key": "secret"},
    ],
)
def test_extra_arguments_that_go_round_a_key_are_refused(extra: dict[str, object]) -> None:
    gates = [{"tier": "t1", "accept": "checked"}]
    (line,) = said(engine("t1", extra=extra), gpus=0, gates=gates)
    assert line.startswith(f"t1.engine.extra.{next(iter(extra))}: ")


# ---- adapters and speculation ----------------------------------------------------------------


def test_an_adapter_that_cannot_be_served_is_a_lack(tmp_path: Path, demo_model: Path) -> None:
    lora = make_adapter(tmp_path / "law", demo_model)
    adapter = {"name": "law", "kind": "adapter", "of": "t1", "model": str(lora)}
    assert said(adapter, engine("t1", str(demo_model))) == []
    (line,) = said(adapter, engine("t1", str(demo_model.with_name("middle"))))
    assert line.startswith("law.model: it was trained for another model")
    (lora / "adapter_config.json").unlink()
    (line,) = said(adapter, engine("t1", str(demo_model)))
    assert "adapter_config.json is missing" in line
    lines = said(
        adapter, {**adapter, "name": "b", "served_as": "c"}, engine("t1", extra={"api_key": "x"})
    )
    assert len(lines) == 3, "each of what is wrong"


NGRAM = {"method": "ngram", "tokens": 3}


def test_guessing_ahead_is_refused_without_a_gpu() -> None:
    assert said(engine("t1", speculative=NGRAM)) == []
    (line,) = said(engine("t1", speculative=NGRAM), gpus=0)
    assert line.startswith("t1.engine.speculative: without a GPU vLLM writes wrong tokens")


@pytest.mark.parametrize("gated", ["t1", "law"])
def test_guessing_ahead_is_refused_under_a_gate(
    gated: str, tmp_path: Path, demo_model: Path
) -> None:
    lora = make_adapter(tmp_path / "law", demo_model)
    tiers = (
        {"name": "law", "kind": "adapter", "of": "t1", "model": str(lora)},
        engine("t1", str(demo_model), speculative=NGRAM),
        {**engine("t2"), "kind": "my.own:Tier", "engine": None, "gpus": None},
    )
    gates = [{"tier": gated, "accept": "checked"}]
    tiers = tiers[:2]
    assert said(*tiers) == []
    (line,) = said(*tiers, gates=gates)
    assert f"the gate of {gated} reads log-probabilities" in line


def test_a_model_that_guesses_must_be_there(tmp_path: Path) -> None:
    told = {"method": "draft_model", "tokens": 3, "model": str(tmp_path)}
    (line,) = said(engine("t1", speculative=told))
    assert line.startswith("t1.engine.speculative.model: no model in ")


def test_a_chat_template_must_be_there(tmp_path: Path) -> None:
    template = tmp_path / "own.jinja"
    (line,) = said(engine("t1", chat_template=str(template)))
    assert line.startswith(f"t1.engine.chat_template: there is no file {template}; ")
    template.write_text("{{ messages }}")
    assert said(engine("t1", chat_template=str(template))) == []
