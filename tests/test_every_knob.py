"""Is every key of a configuration turned by a test? One line for each, whatever file turns it.

A test named here fails when its key is disconnected. Lists of such tests (`KNOBS`) are read where
they stand; the rest is written down below.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel

import rungwise.config
from rungwise.config import Config
from tests import test_guards, test_knobs, test_money_knobs
from tests.cache import test_knobs as test_cache_knobs

TESTS = Path(__file__).parent

FLAG = "tiers/local/test_vllm_flags.py::test_a_key_of_engine_becomes_its_flag"
FLAGS = "tiers/local/test_vllm_flags.py::test_"
MODEL_FLAGS = "tiers/local/test_vllm_flags.py::test_model_name_and_revision_are_told"
KIND = "test_money_knobs.py::test_kind_is_the_protocol_and_model_what_it_is_asked_for"
SHOWN = "test_money_knobs.py::test_name_and_served_as_are_what_callers_see"
ABLE = "test_money_knobs.py::test_context_and_card_say_what_a_rung_is_not_asked_for"
PLUGIN = "test_money_knobs.py::test_a_plugin_is_built_with_its_options"
OWNERS = "test_the_owners_limit_and_effort_hold_where_the_caller_does_not_say"
SECTION = "tiers/hosted/test_anthropic.py::test_section_and_card_say_how_to_cache_and_to_think"
UVICORN = "cli/test_serve.py::test_the_servers_section_reaches_uvicorn"
BILL = "tiers/test_prices.py::test_a_known_bill"
BANDS = "tiers/test_prices.py::test_of_several_bounds_the_highest_that_is_passed_counts"
RESTARTED = "test_build.py::test_a_local_rung_is_started_again_as_its_section_says"
BACKOFF = "tiers/local/test_backoff.py::test_"
DRIFT = "drift/test_drift.py::test_"
GOLDEN = "test_golden_over_http.py::test_"
AUDITS = "auditing/test_auditor.py::test_"
OUTCOMES = "test_outcomes_over_http.py::test_"
TRACES = "observe/test_traces.py::test_"

TURNED: dict[str, tuple[str, ...]] = {
    "OutcomesConfig.right_reward": (f"{OUTCOMES}right_reward_is_what_a_reward_must_reach",),
    "OutcomesConfig.labels": (f"{OUTCOMES}labels_say_right_or_wrong",),
    "OutcomesConfig.most_per_day": (f"{OUTCOMES}most_per_day_is_how_many_of_one_key_count",),
    "OutcomesConfig.most_share": (
        "cli/test_train_router.py::test_most_share_of_the_configuration_is_what_one_key_may_say",
    ),
    "OutcomesConfig.keep_corrections": (f"{OUTCOMES}keep_corrections_keeps_them",),
    "DriftConfig.kinds": (f"{DRIFT}kinds_names_the_alarms_that_there_are",),
    "DriftConfig.false_alarm_every": (f"{DRIFT}false_alarm_every_is_the_evidence_that_it_takes",),
    "DriftConfig.calm": (f"{DRIFT}calm_is_how_many_say_what_is_usual",),
    "DriftConfig.fall": (f"{DRIFT}fall_is_what_is_worth_an_alarm",),
    "DriftConfig.slower": (f"{DRIFT}slower_is_what_is_worth_an_alarm",),
    "DriftConfig.demote": (f"{DRIFT}with_demote_a_rungs_fall_demotes_it_until_the_alarm_is_over",),
    "DriftConfig.golden": (f"{GOLDEN}golden_opens_the_section_whose_steps_are_asked",),
    "GoldenConfig.path": (
        f"{GOLDEN}path_names_the_file_and_one_that_is_not_there_is_told_before_serving",
    ),
    "GoldenConfig.every_s": (
        "test_golden.py::test_runs_come_every_so_often_and_outlive_a_restart",
    ),
    "GoldenConfig.route": (f"{GOLDEN}route_is_what_stands_in_model",),
    "ServerConfig.host": ("cli/test_main.py::test_without_keys_it_listens_to_this_machine_only",),
    "ServerConfig.port": ("cli/test_main.py::test_a_port_in_use_is_named",),
    "ServerConfig.max_body_mib": (
        "edge/test_body.py::test_a_chunked_body_over_the_limit_is_refused",
    ),
    "ServerConfig.page": ("edge/test_page.py::test_the_page_needs_no_key_and_can_be_turned_off",),
    "ServerConfig.max_connections": (UVICORN,),
    "ServerConfig.idle_s": (UVICORN,),
    "ServerConfig.heartbeat_s": (
        "edge/test_sse.py::test_a_long_hold_opens_the_stream_with_comments",
    ),
    "ServerConfig.grace_s": (
        "cli/test_drain.py::test_what_does_not_end_in_time_is_told_so_and_written_down",
    ),
    "ServerConfig.api_keys_env": (
        "test_config.py::test_api_keys_are_split_and_an_empty_variable_is_an_error",
    ),
    "TierConfig.name": (SHOWN,),
    "TierConfig.model": (KIND, MODEL_FLAGS),
    "TierConfig.served_as": (SHOWN, MODEL_FLAGS),
    "TierConfig.card": (ABLE, "tiers/test_cards.py::test_the_section_s_card_wins"),
    "TierConfig.context": (
        ABLE,
        "tiers/test_abilities.py::"
        "test_the_section_s_context_wins_over_the_engine_s_and_that_over_the_card_s",
    ),
    "VllmTierConfig.kind": ("test_money_knobs.py::test_the_box_prices_the_energy_of_a_local_rung",),
    "VllmTierConfig.revision": (MODEL_FLAGS,),
    "VllmTierConfig.gpus": (
        "tiers/local/test_vllm_flags.py::test_gpus_are_named_in_their_order",
        "tiers/local/test_vllm_price.py::test_an_engine_draws_from_the_gpus_that_it_is_on",
    ),
    "VllmTierConfig.usd_per_gpu_hour": (
        "tiers/local/test_vllm_price.py::test_the_hours_price_is_times_the_gpus",
    ),
    "EngineConfig.dtype": (FLAG,),
    "EngineConfig.max_model_len": (FLAG,),
    "EngineConfig.max_num_seqs": (FLAG,),
    "EngineConfig.kv_cache_gib": (FLAG,),
    "EngineConfig.gpu_memory_utilization": (FLAG,),
    "EngineConfig.tensor_parallel_size": (
        FLAG,
        "tiers/local/test_vllm_price.py::test_the_hours_price_is_times_the_gpus",
    ),
    "EngineConfig.quantization": (FLAG,),
    "EngineConfig.enforce_eager": (FLAG,),
    "EngineConfig.prefix_caching": (FLAG,),
    "EngineConfig.load_format": (FLAG,),
    "EngineConfig.tool_parser": (
        FLAG,
        "tiers/local/test_vllm_flags.py::test_a_tool_parser_lets_the_model_choose_its_tools",
    ),
    "EngineConfig.reasoning_parser": (FLAG,),
    "EngineConfig.chat_template": (
        FLAG,
        "tiers/test_revision.py::test_another_configuration_dtype_or_template_is_another_revision",
    ),
    "EngineConfig.data_parallel_size": (
        FLAG,
        "tiers/local/test_vllm_price.py::test_each_copy_takes_its_own_drafts_before_one_waits",
    ),
    "EngineConfig.speculative": (FLAG,),
    "EngineConfig.extra": (FLAG,),
    "SpeculativeConfig.method": (f"{FLAGS}a_smaller_model_guesses_ahead",),
    "SpeculativeConfig.tokens": (f"{FLAGS}a_smaller_model_guesses_ahead",),
    "SpeculativeConfig.model": (f"{FLAGS}a_smaller_model_guesses_ahead",),
    "SpeculativeConfig.longest_match": (f"{FLAGS}a_prompt_is_looked_through_for_so_many_tokens",),
    "AdapterTierConfig.kind": (
        "tiers/local/test_adapter.py::test_its_drafts_cost_the_engines_time",
    ),
    "AdapterTierConfig.of": (
        "tiers/local/test_placing.py::test_an_adapter_that_cannot_be_served_is_a_lack",
    ),
    "RestartConfig.first_wait_s": (RESTARTED, f"{BACKOFF}waits_double_up_to_the_longest"),
    "RestartConfig.most_wait_s": (f"{BACKOFF}waits_double_up_to_the_longest",),
    "RestartConfig.tries": (RESTARTED, f"{BACKOFF}waits_double_up_to_the_longest"),
    "RestartConfig.stalled_s": (
        "tiers/local/test_stalling.py::test_a_rung_whose_engine_does_not_answer_says_so_though_all_callers_gave_up",
    ),
    "RestartConfig.settled_s": (
        f"{BACKOFF}an_engine_that_ran_long_enough_begins_a_new_row_and_so_does_the_first_thing_of_all",
    ),
    "SpillConfig.waiting": ("engine/test_saturation.py::test_steps_spill_once_one_draft_waits",),
    "SpillConfig.kv_use": (
        "engine/test_saturation.py::test_a_full_kv_cache_spills_and_an_engine_without_drafts_never",
        "tiers/local/test_vllm_compat.py::test_a_vllm_that_tells_nothing_is_said_once_and_never_spills",
    ),
    "HostedTierConfig.base_url": (KIND,),
    "HostedTierConfig.api_key_env": (KIND,),
    "HostedTierConfig.deadline_s": (
        "tiers/hosted/test_openai.py::test_the_deadline_is_for_the_whole_draft",
        "tiers/hosted/test_anthropic.py::test_the_deadline_is_for_the_whole_draft",
    ),
    "HostedTierConfig.price": (
        "test_guards.py::test_an_equal_answers_in_a_rungs_place_and_is_billed_at_its_own_price",
        "tiers/test_price_book.py::test_the_tiers_own_price_wins_for_its_model_and_its_snapshots",
    ),
    "HostedTierConfig.max_tokens": (
        f"tiers/hosted/test_openai_dialects.py::{OWNERS}",
        f"tiers/hosted/test_responses.py::{OWNERS}",
        "tiers/hosted/test_terms.py::test_the_section_wins",
    ),
    "HostedTierConfig.effort": (
        f"tiers/hosted/test_openai_dialects.py::{OWNERS}",
        f"tiers/hosted/test_responses.py::{OWNERS}",
        "tiers/hosted/test_anthropic_request.py::"
        "test_the_owners_effort_holds_where_the_caller_does_not_say",
    ),
    "HostedTierConfig.prompt_cache": (
        "tiers/hosted/test_openai_dialects.py::test_only_openais_own_server_is_told_a_cache_key",
        "tiers/hosted/test_responses.py::test_the_cache_is_named_unless_the_owner_does_not_want_it",
        SECTION,
    ),
    "HostedTierConfig.equals": (
        "test_guards.py::test_an_equal_answers_in_a_rungs_place_and_is_billed_at_its_own_price",
    ),
    "OpenAITierConfig.kind": (KIND,),
    "OpenAITierConfig.logprobs": (
        "tiers/hosted/test_openai.py::test_log_probabilities_are_not_asked_for_in_vain",
    ),
    "OpenAITierConfig.dialect": (
        "test_money_knobs.py::test_dialect_says_how_the_server_wants_its_limit",
    ),
    "ResponsesTierConfig.kind": (KIND,),
    "AnthropicTierConfig.kind": (KIND,),
    "AnthropicTierConfig.sampling": ("tiers/hosted/test_terms.py::test_the_section_wins",),
    "AnthropicTierConfig.cache_ttl": (SECTION,),
    "PluginTierConfig.kind": (PLUGIN,),
    "PluginTierConfig.options": (PLUGIN,),
    "RatesConfig.input": (BILL,),
    "RatesConfig.output": (BILL,),
    "RatesConfig.cache_read": (BILL,),
    "RatesConfig.cache_write_5m": (BILL,),
    "RatesConfig.cache_write_1h": (BILL,),
    "PriceConfig.long_context": (BANDS,),
    "PriceConfig.as_of": ("tiers/test_outlook.py::test_an_old_price_is_named_whoever_says_it",),
    "LongContextConfig.over": (BANDS,),
    "PricesConfig.book": ("tiers/test_price_book.py::test_without_the_list_only_the_owner_knows",),
    "BoxConfig.state": (
        "tiers/local/test_starting.py::"
        "test_box_state_is_where_an_engines_log_is_kept_and_the_last_one_once",
    ),
    "BoxConfig.usd_per_kwh": (
        "test_money_knobs.py::test_the_box_prices_the_energy_of_a_local_rung",
    ),
    "BoxConfig.decode_weight": (
        "tiers/local/test_vllm_price.py::test_a_written_token_weighs_as_box_decode_weight_says",
    ),
    "LedgerConfig.path": ("cli/test_serve.py::test_a_ledger_that_cannot_be_kept_is_one_line",),
    "LedgerConfig.url_env": (
        "test_money_knobs.py::test_url_env_names_the_variable_with_the_database",
    ),
    "LedgerConfig.when_lost": (
        "test_money_knobs.py::test_when_lost_says_what_goes_on_while_nothing_can_be_written",
    ),
    "AccessConfig.refresh_s": (
        "test_money_knobs.py::test_refresh_s_is_how_soon_a_new_key_is_known",
    ),
    "AnswerCacheConfig.redis_url_env": (
        "cache/test_knobs.py::test_the_address_of_redis_comes_from_the_environment",
    ),
    "RuleConfig.step_type": (
        "policy/test_rules.py::test_the_first_that_fits_counts_by_its_number",
    ),
    "RuleConfig.tools": (
        "policy/test_rules.py::test_a_rule_fits_where_everything_that_it_says_is_so",
    ),
    "RuleConfig.any_tool": (
        "policy/test_rules.py::test_a_rule_fits_where_everything_that_it_says_is_so",
    ),
    "RuleConfig.shape": (
        "policy/test_rules.py::test_a_rule_fits_where_everything_that_it_says_is_so",
    ),
    "RuleConfig.prompt": (
        "policy/test_rules.py::test_a_rule_fits_where_everything_that_it_says_is_so",
    ),
    "RuleConfig.system": (
        "policy/test_rules.py::test_a_rule_fits_where_everything_that_it_says_is_so",
    ),
    "RuleConfig.route": (
        "policy/test_rules.py::test_a_rule_fits_where_everything_that_it_says_is_so",
    ),
    "RuleConfig.agent": (
        "policy/test_rules.py::test_a_rule_fits_where_everything_that_it_says_is_so",
    ),
    "RoutingConfig.rules": ("test_step_types_over_http.py::test_who_named_the_step_type_is_told",),
    "RoutingConfig.classifier": (
        "test_step_types_over_http.py::test_who_named_the_step_type_is_told",
    ),
    "RoutingConfig.private_tags": (
        "test_raise_only.py::test_a_private_tag_counts_wherever_it_is_given",
    ),
    "RoutingConfig.keep_sketches": (
        "policy/test_router.py::test_a_sketch_is_kept_where_the_owner_wants_it_of_pinned_chats_too",
    ),
    "RoutingConfig.shadow": (
        "test_routing_knobs.py::test_a_shadow_plans_beside_and_changes_nothing",
    ),
    "RouteConfig.without": (
        "policy/test_table.py::"
        "test_a_rung_that_is_passed_over_is_neither_asked_nor_shown_the_request",
        "test_policies_whole.py::test_whatever_comes_together_every_promise_holds",
    ),
    "RouteConfig.least_confidence": (
        "policy/test_router.py::test_the_owners_row_asks_every_rung_for_so_much_confidence",
    ),
    "ChoiceConfig.policy": (
        "test_routing_knobs.py::test_a_pure_router_takes_the_rung_that_is_foreseen_to_pay_and_judges_nothing",
        "test_routing_knobs.py::test_what_pays_depends_on_what_a_right_answer_is_worth",
    ),
    "ChoiceConfig.difficulty": (
        "test_routing_knobs.py::test_a_cascade_asks_every_rung_and_a_difficulty_beside_it_only_foresees",
    ),
    "ChoiceConfig.promise": ("test_routing_knobs.py::test_a_promise_is_kept_or_waived",),
    "WorthConfig.right_usd": (
        "test_routing_knobs.py::test_what_pays_depends_on_what_a_right_answer_is_worth",
    ),
    "WorthConfig.second_usd": (
        "test_routing_knobs.py::test_time_that_costs_money_passes_slow_rungs_over",
    ),
    "AffinityConfig.enabled": ("test_affinity_over_http.py::test_the_knobs_of_affinity",),
    "AffinityConfig.for_s": ("test_affinity_over_http.py::test_the_knobs_of_affinity",),
    "AffinityConfig.hard_for_turns": ("test_affinity_over_http.py::test_the_knobs_of_affinity",),
    "AffinityConfig.conversations": (
        "test_affinity_over_http.py::test_so_many_conversations_are_remembered",
    ),
    "AffinityConfig.rejections": ("test_affinity_over_http.py::test_the_knob_of_rejections",),
    "EscalationAlarmConfig.share": ("observe/test_climbing.py::test_a_share_of_one_never_alarms",),
    "EscalationAlarmConfig.least": (
        "observe/test_climbing.py::test_nothing_is_said_of_a_key_with_few_steps_or_by_chance",
    ),
    "EscalationAlarmConfig.window": (
        "observe/test_climbing.py::test_only_the_last_steps_of_the_window_count",
    ),
    "TracesConfig.endpoint": (
        f"{TRACES}an_answer_is_one_span_and_each_attempt_one_below_it",
        f"{TRACES}without_an_endpoint_nothing_is_kept_and_nothing_loaded",
    ),
    "TracesConfig.share": (f"{TRACES}a_share_of_the_others_is_traced_none_or_all",),
    "TracesConfig.prompts": (
        f"{TRACES}neither_prompt_nor_answer_is_told_unless_the_owner_wants_it",
        f"{TRACES}prompt_and_answer_are_told_where_the_owner_wants_it",
    ),
    "AuditsConfig.share": (f"{AUDITS}share_is_how_many_of_them",),
    "AuditsConfig.tier": (f"{AUDITS}tier_answers_and_judge_compares",),
    "AuditsConfig.judge": (f"{AUDITS}tier_answers_and_judge_compares",),
    "AuditsConfig.usd_per_day": (
        f"{AUDITS}the_worst_case_is_set_aside_before_anything_is_asked",
        "auditing/test_money.py::test_usd_per_day_of_nothing_audits_nothing",
    ),
    "AuditsConfig.concurrent": (
        f"{AUDITS}concurrent_is_how_many_run_and_what_comes_beyond_is_let_go",
    ),
    "AuditsConfig.step_types": (f"{AUDITS}what_may_not_be_shown_is_not_and_is_counted",),
    "AuditsConfig.deadline_s": (f"{AUDITS}deadline_s_is_for_all_of_it",),
}

LISTS = (
    (test_knobs, ""),
    (test_money_knobs, ""),
    (test_guards, "GuardsConfig."),
    (test_cache_knobs, "AnswerCacheConfig."),
)
"""Modules with a list KNOBS, and what is missing from the names in it."""


def named_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from named_in(part)


def sections() -> Iterator[type[BaseModel]]:
    """All but the whole document, which holds nothing but sections."""
    waiting: list[type[BaseModel]] = [Config]
    seen: set[type[BaseModel]] = {Config}
    while waiting:
        for field in waiting.pop().model_fields.values():
            new = set(named_in(field.annotation)) - seen
            waiting += new
            seen |= new
            yield from new


def owned(section: type[BaseModel], key: str) -> str:
    """`Section.key` by the section that declares it: what several share is one key."""
    owner = next(s for s in reversed(section.__mro__) if key in inspect.get_annotations(s))
    return f"{owner.__name__}.{key}"


@cache
def keys() -> frozenset[str]:
    """Every key that a file may hold, but for those that only open a section."""
    found = set()
    for section in sections():
        for key, field in section.model_fields.items():
            opens = isinstance(field.annotation, type) and any(named_in(field.annotation))
            if not (opens or field.exclude):
                found.add(owned(section, key))
    return frozenset(found)


def listed() -> set[str]:
    found = set()
    for module, prefix in LISTS:
        for knob in module.KNOBS:
            section, key = f"{prefix}{knob.name}".split(".")
            found.add(owned(getattr(rungwise.config, section), key))
    return found


def test_every_key_is_turned_by_a_test_and_none_that_is_not_there() -> None:
    assert listed() | TURNED.keys() == keys()


def test_no_key_is_told_twice() -> None:
    assert not listed() & TURNED.keys()


@pytest.mark.parametrize("key", TURNED)
def test_the_test_of_a_key_is_there_and_its_file_names_the_key(key: str) -> None:
    for told in TURNED[key]:
        name, _, test = told.partition("::")
        text = (TESTS / name).read_text(encoding="utf-8")
        assert test in functions_in(text), told
        assert re.search(rf"\b{key.partition('.')[2]}\b", text), told


def functions_in(text: str) -> set[str]:
    defined = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in ast.parse(text).body if isinstance(node, defined)}
