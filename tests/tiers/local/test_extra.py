"""Is a further argument of vLLM's refused where it would change what the section says, or do
nothing? Before vLLM is there, by its name; and by vLLM's own reading of it."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rungwise.config import VllmTierConfig
from rungwise.errors import ConfigError
from rungwise.tiers.local import vllm_compat
from rungwise.tiers.local.extra import check_kept, extra_flag
from rungwise.tiers.local.vllm_flags import engine_flags, parse_flags


def refused(key: str, value: str | int | float | bool = 1) -> str:
    with pytest.raises(ConfigError) as raised:
        extra_flag("t", key, value)
    line = str(raised.value)
    assert line.startswith("t.engine.extra") and "; " in line and "\n" not in line
    return line


@pytest.mark.parametrize(
    ("key", "mend"),
    [
        ("device_ids", "tiers[].gpus"),
        ("data-parallel-size", "engine.data_parallel_size"),
        ("device_memory_utilization", "engine.gpu_memory_utilization"),
        ("--dtype", "engine.dtype"),
        ("spec_tokens", "engine.speculative"),
        ("enable_lora", "a tier of kind adapter"),
        ("no_enable_prefix_caching", "engine.prefix_caching"),
        ("speculative-config.method", "engine.speculative"),
        ("speculative_config.model", "engine.speculative"),
        ("structured-outputs-config.reasoning_parser", "engine.reasoning_parser"),
    ],
)
def test_what_has_a_key_of_its_own_is_no_extra(key: str, mend: str) -> None:
    assert f".{key}: has a key of its own; set {mend} instead" in refused(key)


@pytest.mark.parametrize(
    ("key", "name", "mend"),
    [
        ("speculative", "speculative_config", "engine.speculative"),
        ("spec", "speculative_config", "engine.speculative"),
        ("specul.method", "speculative_config", "engine.speculative"),
        ("enable_lor", "enable_lora", "a tier of kind adapter"),
        ("max_model", "max_model_len", "engine.max_model_len"),
        ("gpu-memory", "gpu_memory_utilization", "engine.gpu_memory_utilization"),
        ("load", "load_format", "engine.load_format"),
        ("no-enforce", "enforce_eager", "engine.enforce_eager"),
    ],
)
def test_nor_is_it_when_shortened(key: str, name: str, mend: str) -> None:
    said = refused(key)
    assert f"is short for {name}, which has a key of its own; set {mend} instead" in said


@pytest.mark.parametrize("key", ["trust_remote_code", "trust-remote", "trust_rem", "trust"])
def test_code_of_a_model_is_never_run(key: str) -> None:
    assert "never run; remove it" in refused(key, True)


@pytest.mark.parametrize(
    ("key", "mend"),
    [
        ("api_key", "use server.api_keys_env"),
        ("port", "use server.port"),
        ("host", "use server.host"),
        ("sse-keep-alive-interval", "use server.heartbeat_s"),
        *(
            (key, "remove it")
            for key in (
                "config headless help ssl_keyfile ssl-certfile allowed_origins root-path "
                "middleware uvicorn_log_level disable_fastapi_docs api_server_count grpc uds"
            ).split()
        ),
    ],
)
def test_what_is_for_vllms_own_server_does_nothing_here(key: str, mend: str) -> None:
    assert f"does nothing here, the server is rungwise's own; {mend}" in refused(key, "x")


@pytest.mark.parametrize("key", ["", "--", "seed=7", "a b", "x\ny", "seed.", "O3", ".seed"])
def test_what_is_no_name_is_no_extra(key: str) -> None:
    assert "is no name of an argument; " in refused(key)


@pytest.mark.parametrize(
    ("key", "value", "flag"),
    [
        ("seed", 7, "--seed=7"),
        ("async_scheduling", False, "--no-async-scheduling"),
        ("compilation_config.cudagraph_mode", "NONE", "--compilation-config.cudagraph_mode=NONE"),
        ("compilation-config.use_inductor", True, "--compilation-config.use_inductor=true"),
        ("quantization_config", "{}", "--quantization-config={}"),
        ("enable_prompt_tokens_details", True, "--enable-prompt-tokens-details"),
    ],
)
def test_the_others_become_flags(key: str, value: str | int | bool, flag: str) -> None:
    assert extra_flag("t", key, value) == flag


@given(st.text(max_size=30), st.booleans() | st.integers() | st.text(max_size=5))
def test_any_key_is_one_flag_or_refused_in_one_line(key: str, value: str | int | bool) -> None:
    try:
        assert extra_flag("t", key, value).startswith("--")
    except ConfigError as error:
        assert len(str(error).splitlines()) == 1


def test_what_vllm_reads_otherwise_is_refused_by_whatever_name() -> None:
    outputs = Namespace(reasoning_parser="")
    plain = {"max_model_len": 64, "seed": 0, "structured_outputs_config": outputs}
    check_kept("t", Namespace(**{**plain, "seed": 7}), Namespace(**plain))
    for changed, key in (
        ({"max_model_len": 128}, "engine.max_model_len"),
        ({"structured_outputs_config": Namespace(reasoning_parser="x")}, "reasoning_parser"),
        ({"api_key": ["x"]}, "server.api_keys_env"),
        ({"trust_remote_code": True}, "never run"),
    ):
        with pytest.raises(ConfigError, match=key):
            check_kept("t", Namespace(**{**plain, **changed}), Namespace(**plain))


# ---- vLLM's own parser -----------------------------------------------------------------------


WARNS = pytest.mark.filterwarnings("ignore")  # vLLM and what it imports warn of each other


@pytest.fixture
def vllm() -> Any:
    pytest.importorskip("vllm")
    return vllm_compat.load()


def section(**extra: str | float | bool) -> VllmTierConfig:
    told = {"name": "t", "kind": "vllm", "model": "org/m", "engine": {"extra": extra}}
    return VllmTierConfig.model_validate(told)


@WARNS
def test_vllm_takes_no_shortened_names(vllm: Any) -> None:
    with pytest.raises(ConfigError, match="--see"):
        parse_flags(vllm, section(see=7))
    assert parse_flags(vllm, section(seed=7)).seed == 7


@WARNS
def test_json_that_says_what_a_key_says_is_refused(vllm: Any) -> None:
    told = '{"reasoning_parser": "qwen3"}'
    assert engine_flags(section(structured_outputs_config=told)), "not told by the name"
    with pytest.raises(ConfigError, match=r"set engine\.reasoning_parser instead"):
        parse_flags(vllm, section(structured_outputs_config=told))
    kept = parse_flags(vllm, section(structured_outputs_config='{"backend": "guidance"}'))
    assert kept.structured_outputs_config.backend == "guidance"


@WARNS
def test_no_argument_of_vllms_is_taken_for_the_beginning_of_another(vllm: Any) -> None:
    parser = vllm.make_arg_parser(vllm.ArgumentParser(prog="vllm"))
    names = [o[2:] for a in parser._actions for o in a.option_strings if o.startswith("--")]
    taken = []
    for name in names:
        try:
            extra_flag("t", name, 1)
        except ConfigError as error:
            taken.append(name)
            assert "is short for" not in str(error) or name.startswith("no-"), name
    assert {"seed", "max-num-batched-tokens", "quantization-config"} <= set(names) - set(taken)
