"""Which further arguments of vLLM's server may a section name? Those that say nothing that a key
of its own says, and do something here.
"""

from __future__ import annotations

import re
from argparse import Namespace
from collections.abc import Iterable, Iterator

from rungwise.errors import ConfigError

__all__ = ["check_kept", "extra_flag"]

_REASONING = "structured_outputs_config.reasoning_parser"
_CODE = "trust_remote_code"

# What the tier sets itself, or must not be set: extra flags for these would not do what they say.
_TAKEN = {
    "model": "tiers[].model",
    "served_model_name": "tiers[].served_as",
    "revision": "tiers[].revision",
    "dtype": "engine.dtype",
    "max_model_len": "engine.max_model_len",
    "max_num_seqs": "engine.max_num_seqs",
    "kv_cache_memory_bytes": "engine.kv_cache_gib",
    "gpu_memory_utilization": "engine.gpu_memory_utilization",
    "device_memory_utilization": "engine.gpu_memory_utilization",
    "tensor_parallel_size": "engine.tensor_parallel_size",
    "data_parallel_size": "engine.data_parallel_size",
    "pipeline_parallel_size": "engine.tensor_parallel_size",
    "device_ids": "tiers[].gpus",
    "quantization": "engine.quantization",
    "enforce_eager": "engine.enforce_eager",
    "enable_prefix_caching": "engine.prefix_caching",
    "load_format": "engine.load_format",
    "tool_call_parser": "engine.tool_parser",
    "enable_auto_tool_choice": "engine.tool_parser",
    "reasoning_parser": "engine.reasoning_parser",
    _REASONING: "engine.reasoning_parser",
    "chat_template": "engine.chat_template",
    "speculative_config": "engine.speculative",
    "spec_method": "engine.speculative",
    "spec_model": "engine.speculative",
    "spec_tokens": "engine.speculative",
    "enable_lora": "a tier of kind adapter",
    "lora_modules": "a tier of kind adapter",
    "max_loras": "a tier of kind adapter",
    "max_lora_rank": "a tier of kind adapter",
}

# What is for vLLM's own HTTP server, of which only the chat endpoint is used, and that in process.
_IDLE = {
    "api_key": "use server.api_keys_env",
    "host": "use server.host",
    "port": "use server.port",
    "sse_keep_alive_interval": "use server.heartbeat_s",
    **dict.fromkeys(
        (
            *("help", "config", "headless", "grpc", "grpc_port", "uds", "api_server_count"),
            *("root_path", "middleware", "disable_fastapi_docs", "enable_offline_docs"),
            *("enable_ssl_refresh", "enable_request_id_headers", "allow_credentials"),
            *("ssl_keyfile", "ssl_certfile", "ssl_ca_certs", "ssl_cert_reqs", "ssl_ciphers"),
            *("allowed_origins", "allowed_methods", "allowed_headers"),
            *("allowed_local_media_path", "allowed_media_domains"),  # data: URLs only
            *("uvicorn_log_level", "disable_uvicorn_access_log"),
            *("disable_access_log_for_endpoints", "enable_tokenizer_info_endpoint"),
            *("h11_max_incomplete_event_size", "h11_max_header_count"),
            *("data_parallel_supervisor_port", "dp_supervisor_probe_interval_s"),
            *("dp_supervisor_probe_timeout_s", "dp_supervisor_probe_failure_threshold"),
            *("enable_server_load_tracking", "tokens_only", "enable_scale_out", "tool_server"),
            *("cohere_is_reasoning_model", "anthropic_disabled_thinking_effort"),
        ),
        "remove it",
    ),
}

_NAME = re.compile(r"[a-z][a-z0-9_]*(\.[A-Za-z0-9_.+-]+)?")
"""After the first dot: keys within an argument that is JSON, as vLLM has them."""


def extra_flag(tier: str, key: str, value: str | int | float | bool) -> str:
    """The flag of one key of engine.extra. Raises ConfigError where it may not be named: in whole,
    shortened, as argparse takes it, or by a part of it (`speculative-config.method`)."""
    head, dot, rest = key.strip("-").partition(".")
    name = head.replace("-", "_") + dot + rest
    if not _NAME.fullmatch(name):
        raise ConfigError(
            f"{tier}.engine.extra: {key!r} is no name of an argument; write it as vLLM's "
            "server has it, such as seed"
        )
    _check(tier, key, name)
    flag = name.partition(".")[0].replace("_", "-") + dot + rest
    if not isinstance(value, bool):
        return f"--{flag}={value}"
    if dot:  # a part of JSON
        return f"--{flag}={str(value).lower()}"
    return f"--{flag}" if value else f"--no-{flag}"


def check_kept(tier: str, told: Namespace, bare: Namespace) -> None:
    """Raises ConfigError where vLLM reads the section otherwise with its extra arguments (`told`)
    than without them (`bare`): by a second name of an argument, say."""
    for name in _changed(told, bare, (*_TAKEN, *_IDLE, _CODE)):
        _check(tier, name, name)


def _changed(told: Namespace, bare: Namespace, names: Iterable[str]) -> Iterator[str]:
    for name in names:
        if _value(told, name) != _value(bare, name):
            yield name


def _value(told: object, name: str) -> object:
    for part in name.split("."):
        told = getattr(told, part, None)
    return told


def _check(tier: str, key: str, name: str) -> None:
    """`name` is the key in vLLM's spelling. Raises ConfigError."""
    place = f"{tier}.engine.extra.{key}"
    head = name.removeprefix("no_").partition(".")[0]
    if _meant(head, (_CODE,)) is not None:
        raise ConfigError(
            f"{place}: would run code that comes with a model, which is never run; remove it"
        )
    taken = name if name in _TAKEN else _meant(head, _TAKEN)
    if taken is not None:
        raise ConfigError(
            f"{place}: {_short(head, taken)}has a key of its own; set {_TAKEN[taken]} instead"
        )
    if (idle := _meant(head, _IDLE)) is not None:
        raise ConfigError(
            f"{place}: {_short(head, idle)}does nothing here, the server is rungwise's own; "
            f"{_IDLE[idle]}"
        )


def _meant(head: str, names: Iterable[str]) -> str | None:
    """The name that this is, or is the beginning of."""
    known = [name for name in names if "." not in name]
    return head if head in known else next((n for n in known if n.startswith(head)), None)


def _short(head: str, name: str) -> str:
    return "" if name.partition(".")[0] == head else f"is short for {name}, which "
