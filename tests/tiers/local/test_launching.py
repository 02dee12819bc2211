"""Is what no second try mends told before an engine is made, and the rest as what may pass?"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import pytest

from rungwise.config import EngineConfig, VllmTierConfig
from rungwise.errors import ConfigError, TierError
from rungwise.tiers.local import vllm_compat as compat
from rungwise.tiers.local.engine_log import EngineLog
from rungwise.tiers.local.launching import _check_parsers, _fault, launch

pytestmark = pytest.mark.anyio

PLUGIN = argparse.Namespace(tool_parser_plugin="mine.py", reasoning_parser_plugin="")


def section(model: str = "org/m", **engine: object) -> VllmTierConfig:
    told = EngineConfig.model_validate(engine)
    return VllmTierConfig(name="tier1", kind="vllm", model=model, engine=told)


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[EngineLog]:
    for name in ("VLLM_LOGGING_CONFIG_PATH", "VLLM_CONFIGURE_LOGGING"):
        monkeypatch.delenv(name, raising=False)
    log = EngineLog.opened(tmp_path, "tier1")
    assert log is not None
    yield log
    log.close()


async def test_a_folder_without_a_model_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no model in .*; put a model there"):
        await launch(section(str(tmp_path)), (), None, None)


async def test_a_chat_template_that_is_not_there_is_told_at_once(tmp_path: Path) -> None:
    engine = section(chat_template=str(tmp_path / "nosuch.jinja"))
    with pytest.raises(ConfigError, match=r"engine\.chat_template: there is no file .*nosuch"):
        await launch(engine, (), None, None)


@pytest.mark.filterwarnings("ignore")  # vLLM and what it imports warn of each other
@pytest.mark.parametrize(
    ("key", "known"), [("tool_parser", "hermes"), ("reasoning_parser", "qwen3")]
)
async def test_a_parser_that_this_vllm_does_not_know_is_told_with_those_that_it_does(
    key: str, known: str
) -> None:
    pytest.importorskip("vllm")
    assert known in compat.known_parsers(key)
    _check_parsers(section(**{key: known}), argparse.Namespace())
    with pytest.raises(ConfigError, match=rf"engine\.{key}: .* no 'nope'; .*\b{known}\b"):
        _check_parsers(section(**{key: "nope"}), argparse.Namespace())


@pytest.mark.filterwarnings("ignore")
async def test_a_plug_in_may_bring_parsers_of_other_names() -> None:
    pytest.importorskip("vllm")
    _check_parsers(section(tool_parser="nope"), PLUGIN)
    with pytest.raises(ConfigError, match="nope"):
        _check_parsers(section(reasoning_parser="nope"), PLUGIN)


async def test_what_the_engine_raised_is_told_before_what_this_process_did(log: EngineLog) -> None:
    log.path.write_text("Traceback (most recent call last):\nKeyError: 'layers'\n")
    fault = _fault(section(), RuntimeError("See root cause above."), log)
    assert isinstance(fault, TierError)
    assert fault.message == f"KeyError: 'layers' (its log: {log.path})"


async def test_what_no_other_start_mends_is_a_fault_of_the_configuration() -> None:
    raised = ValueError(
        "User-specified max_model_len (99) is greater than the derived "
        "max_model_len (max_position_embeddings=40)"
    )
    fault = _fault(section(), raised, None)
    assert isinstance(fault, ConfigError)
    assert str(fault).startswith("tier 'tier1': max_model_len 99 is more")
