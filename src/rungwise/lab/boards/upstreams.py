"""How do the tiers behave: what they are asked for, how they fail, how fast, what they cost?"""

from __future__ import annotations

from rungwise.lab.boards.asked import (
    OF_TIER,
    TIER,
    bad_above,
    good_above,
    quantile,
    share_now,
    speed,
)
from rungwise.lab.boards.panels import Board, Panel, Query, Row, lines, number, stacked

__all__ = ["UPSTREAMS"]

ASKED = f"rungwise_attempts_total{{{OF_TIER}}}"
READ = f'rungwise_tokens_total{{{OF_TIER},part=~"input|cache_read|cache_write"}}'

_HEAD = Row(
    title="Now",
    panels=(
        number(
            "Ready",
            "Which tiers can draft.",
            "bool_yes_no",
            Query(expr=f"rungwise_tier_ready{{{OF_TIER}}}", legend="{{tier}}"),
            width=12,
            steps=good_above(1, 1),
        ),
        Panel(
            title="Breakers that are open",
            told="An upstream that fails again and again is left alone for a while.",
            queries=(Query(expr="rungwise_breaker_open", legend="{{upstream}}"),),
            unit="bool_yes_no",
            kind="state-timeline",
            width=12,
            height=4,
            steps=bad_above(1, 1),
        ),
    ),
)

_ASKED = Row(
    title="Attempts and faults",
    panels=(
        stacked(
            "Asked for, by role",
            "Attempts a second.",
            "reqps",
            Query(
                expr=speed("rungwise_attempts_total", OF_TIER, "tier, role"),
                legend="{{tier}}: {{role}}",
            ),
        ),
        stacked(
            "How attempts end",
            "Attempts a second.",
            "reqps",
            Query(
                expr=speed("rungwise_attempts_total", OF_TIER, "tier, state"),
                legend="{{tier}}: {{state}}",
            ),
        ),
        stacked(
            "Faults, by kind",
            "Attempts a second that failed.",
            "reqps",
            Query(
                expr=speed("rungwise_attempt_faults_total", OF_TIER, "tier, fault"),
                legend="{{tier}}: {{fault}}",
            ),
        ),
        lines(
            "Failed, of what was asked",
            "Share of a tier's attempts.",
            "percentunit",
            Query(
                expr=share_now(f"rungwise_attempt_faults_total{{{OF_TIER}}}", ASKED, "tier"),
                legend="{{tier}}",
            ),
            most=1,
            steps=bad_above(0.05, 0.25),
        ),
    ),
)

_SPEED = Row(
    title="How long it takes",
    panels=(
        lines(
            "A whole draft",
            "From its begin to its end.",
            "s",
            *(
                Query(
                    expr=quantile(of, "rungwise_attempt_seconds", OF_TIER, "tier"),
                    legend=f"{{{{tier}}}}: p{of * 100:.0f}",
                )
                for of in (0.5, 0.95, 0.99)
            ),
        ),
        lines(
            "Its first piece",
            "From its begin.",
            "s",
            *(
                Query(
                    expr=quantile(of, "rungwise_first_piece_seconds", OF_TIER, "tier"),
                    legend=f"{{{{tier}}}}: p{of * 100:.0f}",
                )
                for of in (0.5, 0.95, 0.99)
            ),
        ),
    ),
)

_COST = Row(
    title="Tokens and money",
    panels=(
        stacked(
            "Tokens, by how they are priced",
            "A second.",
            "short",
            Query(
                expr=speed("rungwise_tokens_total", OF_TIER, "tier, part"),
                legend="{{tier}}: {{part}}",
            ),
        ),
        stacked(
            "Known cost an hour",
            "Dollars an hour; attempts without a price are in no dollar.",
            "currencyUSD",
            Query(
                expr="3600 * " + speed("rungwise_cost_usd_total", OF_TIER, "tier"),
                legend="{{tier}}",
            ),
        ),
        lines(
            "Without a price, an hour",
            "Attempts whose price is unknown. A new model's price belongs into prices.own.",
            "short",
            Query(
                expr="3600 * " + speed("rungwise_unpriced_attempts_total", OF_TIER, "tier, role"),
                legend="{{tier}}: {{role}}",
            ),
        ),
        lines(
            "Read from the prompt cache",
            "Share of the prompts' tokens, at the upstream or in the engine.",
            "percentunit",
            Query(
                expr=share_now(
                    f'rungwise_tokens_total{{{OF_TIER},part="cache_read"}}', READ, "tier"
                ),
                legend="{{tier}}",
            ),
            most=1,
        ),
        stacked(
            "Saved by prompt caches, an hour",
            "Dollars an hour, before what writing to a cache cost more.",
            "currencyUSD",
            Query(
                expr="3600 * " + speed("rungwise_prompt_cache_saved_usd_total", OF_TIER, "tier"),
                legend="{{tier}}",
            ),
        ),
    ),
)

_MODELS = Row(
    title="Models",
    panels=(
        Panel(
            title="Alarms of models, fingerprints, prices and shutdowns",
            told="An upstream answers with another model, or something else serves it; a price is "
            "another one; a model will soon be gone.",
            queries=(
                Query(
                    expr="max by (kind, about) "
                    '(rungwise_alarm{kind=~"model|fingerprint|price|shutdown"})',
                    legend="{{kind}}: {{about}}",
                ),
            ),
            unit="short",
            kind="state-timeline",
            width=24,
            height=6,
            steps=bad_above(1, 1),
        ),
    ),
)

UPSTREAMS = Board(
    uid="rungwise-upstreams",
    title="rungwise: upstreams",
    told="What each tier is asked for, how it fails, how fast it is, and what it costs.",
    variables=(TIER,),
    rows=(_HEAD, _ASKED, _SPEED, _COST, _MODELS),
)
