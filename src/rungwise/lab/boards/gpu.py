"""What do the GPUs do, and which engines and routes make them?"""

from __future__ import annotations

from rungwise.lab.boards.asked import (
    OF_ROUTE,
    OF_TIER,
    ROUTE,
    TIER,
    bad_above,
    good_above,
    quantile,
    share_now,
    speed,
)
from rungwise.lab.boards.panels import Board, Panel, Query, Row, gauge, lines, number, stacked

__all__ = ["GPU"]

_HEAD = Row(
    title="GPUs now",
    panels=(
        gauge(
            "Busy",
            "Share of the time in which a kernel ran, as NVML tells it.",
            "percentunit",
            Query(expr="rungwise_gpu_busy", legend="{{instance}}: GPU {{gpu}}"),
        ),
        gauge(
            "Memory in use",
            "Of each GPU's memory. vLLM takes its share at the start: full is usual.",
            "percentunit",
            Query(
                expr="rungwise_gpu_memory_used_bytes / rungwise_gpu_memory_total_bytes",
                legend="{{instance}}: GPU {{gpu}}",
            ),
        ),
        gauge(
            "Temperature",
            "Degrees Celsius.",
            "celsius",
            Query(expr="rungwise_gpu_temperature_celsius", legend="{{instance}}: GPU {{gpu}}"),
            most=100,
            steps=bad_above(80, 88),
        ),
        gauge(
            "Power, of the limit",
            "As the driver enforces it.",
            "percentunit",
            Query(
                expr="rungwise_gpu_power_watts / rungwise_gpu_power_limit_watts",
                legend="{{instance}}: GPU {{gpu}}",
            ),
        ),
        number(
            "Which GPUs",
            "By the driver's index.",
            "short",
            Query(
                expr="rungwise_gpu_info",
                legend="{{instance}}: GPU {{gpu}}: {{name}}, driver {{driver}}",
            ),
            width=12,
        ),
        number(
            "Whose engine is where",
            "Tiers by the GPUs that their engines are placed on.",
            "short",
            Query(
                expr=f"rungwise_gpu_engine{{{OF_TIER}}}",
                legend="{{instance}}: GPU {{gpu}}: {{tier}}",
            ),
            width=12,
        ),
    ),
)

_BESIDE = Row(
    title="Load, and the routes that cause it",
    panels=(
        lines(
            "Busy, over time",
            "Share of the time in which a kernel ran, or memory was read or written.",
            "percentunit",
            Query(expr="rungwise_gpu_busy", legend="{{instance}}: GPU {{gpu}}"),
            Query(expr="rungwise_gpu_memory_busy", legend="{{instance}}: GPU {{gpu}}: memory"),
            most=1,
        ),
        stacked(
            "Steps, by route",
            "A second, at the same times as the load beside it.",
            "reqps",
            Query(expr=speed("rungwise_answers_total", OF_ROUTE, "route"), legend="{{route}}"),
        ),
        stacked(
            "Busy with drafts, by tier",
            "Engine seconds a second that drafts took: several at once count several times.",
            "short",
            Query(expr=speed("rungwise_engine_seconds_total", OF_TIER, "tier"), legend="{{tier}}"),
        ),
        lines(
            "p95 of the whole answer, by route",
            "From the request to the last byte.",
            "s",
            Query(
                expr=quantile(0.95, "rungwise_answer_seconds", OF_ROUTE, "route"),
                legend="{{route}}",
            ),
        ),
    ),
)

_ENGINES = Row(
    title="Engines",
    panels=(
        lines(
            "Tokens a second",
            "Written by the engine, and read by it (cached ones included).",
            "short",
            Query(
                expr=speed("rungwise_engine_generation_tokens_total", OF_TIER, "tier"),
                legend="{{tier}}: written",
            ),
            Query(
                expr=speed("rungwise_engine_prompt_tokens_total", OF_TIER, "tier"),
                legend="{{tier}}: read",
            ),
        ),
        lines(
            "Tokens for a joule",
            "Written tokens of drafts by the energy that was measured over drafts. Without energy "
            "readings there is none.",
            "short",
            Query(
                expr=speed(
                    "rungwise_tokens_total",
                    f'{OF_TIER},role="draft",part=~"output|reasoning"',
                    "tier",
                )
                + " / ("
                + speed("rungwise_joules_total", f'{OF_TIER},role="draft"', "tier")
                + " > 0)",
                legend="{{tier}}",
            ),
        ),
        lines(
            "KV cache in use",
            "Of what the engine holds for it. Near 1 it puts requests back.",
            "percentunit",
            Query(expr=f"rungwise_engine_kv_cache_use{{{OF_TIER}}}", legend="{{tier}}"),
            most=1,
            steps=bad_above(0.9, 0.98),
        ),
        lines(
            "Running and waiting",
            "Generations in the batch, and those that wait for it.",
            "short",
            Query(expr=f"rungwise_engine_running{{{OF_TIER}}}", legend="{{tier}}: running"),
            Query(expr=f"rungwise_engine_waiting{{{OF_TIER}}}", legend="{{tier}}: waiting"),
        ),
        lines(
            "Prefix cache",
            "Share of the prompts' tokens that were there already.",
            "percentunit",
            Query(
                expr=share_now(
                    f"rungwise_engine_prefix_cache_hit_tokens_total{{{OF_TIER}}}",
                    f"rungwise_engine_prefix_cache_queried_tokens_total{{{OF_TIER}}}",
                    "tier",
                ),
                legend="{{tier}}",
            ),
            most=1,
        ),
        lines(
            "First token, and between tokens",
            "p95, of drafts that come as they are written.",
            "s",
            *(
                Query(
                    expr=quantile(0.95, f"rungwise_engine_{name}_seconds", OF_TIER, "tier"),
                    legend=f"{{{{tier}}}}: {told}",
                )
                for name, told in (
                    ("first_token", "first"),
                    ("inter_token", "between"),
                )
            ),
        ),
        lines(
            "Held a draft",
            "Share of the time in which an engine was up that it was of use.",
            "percentunit",
            Query(
                expr=share_now(
                    f"rungwise_engine_busy_seconds_total{{{OF_TIER}}}",
                    f"rungwise_engine_up_seconds_total{{{OF_TIER}}}",
                    "tier",
                ),
                legend="{{tier}}",
            ),
            most=1,
        ),
        lines(
            "Requests, by how they ended; put back",
            "A second, in the engine: aborts are mostly drafts that were doubted.",
            "reqps",
            Query(
                expr=speed("rungwise_engine_requests_total", OF_TIER, "tier, ended"),
                legend="{{tier}}: {{ended}}",
            ),
            Query(
                expr=speed("rungwise_engine_preemptions_total", OF_TIER, "tier"),
                legend="{{tier}}: put back",
            ),
        ),
        number(
            "Engines up",
            "Which engines can draft.",
            "bool_yes_no",
            Query(expr=f"rungwise_engine_up{{{OF_TIER}}}", legend="{{tier}}"),
            width=12,
            steps=good_above(1, 1),
        ),
        number(
            "Started again",
            "Since the server started.",
            "short",
            Query(expr=f"rungwise_engine_restarts_total{{{OF_TIER}}}", legend="{{tier}}"),
            width=12,
            steps=bad_above(1, 3),
        ),
        lines(
            "Cost of idle engines, an hour",
            "Dollars an hour of engines that hold no draft, where their price is known.",
            "currencyUSD",
            Query(
                expr="3600 * " + speed("rungwise_engine_idle_cost_usd_total", OF_TIER, "tier"),
                legend="{{tier}}",
            ),
        ),
    ),
)

_DEVICES = Row(
    title="Devices",
    panels=(
        lines(
            "Memory",
            "In use, and of that this server's own.",
            "bytes",
            Query(expr="rungwise_gpu_memory_used_bytes", legend="{{instance}}: GPU {{gpu}}"),
            Query(expr="rungwise_gpu_memory_own_bytes", legend="{{instance}}: GPU {{gpu}}: own"),
        ),
        lines(
            "Power",
            "Drawn, and by the energy counter over time.",
            "watt",
            Query(expr="rungwise_gpu_power_watts", legend="{{instance}}: GPU {{gpu}}"),
            Query(
                expr="sum by (instance, gpu) (rate(rungwise_gpu_joules_total[$__rate_interval]))",
                legend="{{instance}}: GPU {{gpu}}: by its energy",
            ),
        ),
        lines(
            "Temperature, over time",
            "Degrees Celsius.",
            "celsius",
            Query(expr="rungwise_gpu_temperature_celsius", legend="{{instance}}: GPU {{gpu}}"),
            steps=bad_above(80, 88),
        ),
        lines(
            "Clocks",
            "Of the processors and of the memory.",
            "hertz",
            Query(expr="rungwise_gpu_clock_hertz", legend="{{instance}}: GPU {{gpu}}: {{clock}}"),
        ),
        Panel(
            title="Throttled, and by what",
            told="Why a GPU is slower than it could be. power_cap is usual under full load.",
            queries=(
                Query(expr="rungwise_gpu_throttled", legend="{{instance}}: GPU {{gpu}}: {{why}}"),
            ),
            unit="bool_yes_no",
            kind="state-timeline",
            steps=bad_above(1, 1),
        ),
        lines(
            "Processes",
            "That compute on it.",
            "short",
            Query(expr="rungwise_gpu_processes", legend="{{instance}}: GPU {{gpu}}"),
        ),
    ),
)

GPU = Board(
    uid="rungwise-gpu",
    title="rungwise: GPUs and engines",
    told="Utilisation, memory, KV cache, power and tokens, beside the routes that cause them.",
    variables=(ROUTE, TIER),
    rows=(_HEAD, _BESIDE, _ENGINES, _DEVICES),
)
