"""Is it well, what does it cost, who answers, how well and how fast? The first board."""

from __future__ import annotations

from rungwise.lab.boards.asked import (
    OF_ROUTE,
    OF_STEP,
    ROUTE,
    STEP_TYPE,
    bad_above,
    good_above,
    grown,
    quantile,
    share,
    share_now,
    share_shown,
    speed,
)
from rungwise.lab.boards.panels import Board, Lane, Query, Row, lines, number, stacked, table

__all__ = ["OVERVIEW"]

ANSWERED = f'{OF_STEP},state="answered"'
STEPS = f"rungwise_answers_total{{{ANSWERED}}}"
EVERY = f"rungwise_answers_total{{{OF_STEP}}}"
ESCALATED = f"rungwise_escalated_steps_total{{{OF_STEP}}}"
OUTCOMES = f"rungwise_outcomes_total{{{OF_STEP}}}"
RIGHT = f'rungwise_outcomes_total{{{OF_STEP},right="true"}}'

_HEAD = Row(
    title="The time shown, in figures",
    panels=(
        number(
            "Steps",
            "Steps that were answered.",
            "short",
            Query(expr=grown("rungwise_answers_total", ANSWERED), instant=True),
            decimals=0,
        ),
        number(
            "Known cost",
            "Of every attempt of these steps, doubted and failed ones included. Audits, and "
            "attempts whose price is unknown, are not in it.",
            "currencyUSD",
            Query(expr=grown("rungwise_answer_cost_usd_total", OF_STEP), instant=True),
        ),
        number(
            "Cost of a thousand steps",
            "Blended: every rung's known cost by all answered steps.",
            "currencyUSD",
            Query(
                expr="1000 * "
                + share(
                    grown("rungwise_answer_cost_usd_total", OF_STEP),
                    grown("rungwise_answers_total", ANSWERED),
                ),
                instant=True,
            ),
        ),
        number(
            "Escalated",
            "Share of the steps, answered or not, of which at least one draft was doubted.",
            "percentunit",
            Query(
                expr=share_shown(ESCALATED, EVERY),
                instant=True,
            ),
        ),
        number(
            "Right",
            "Share of the outcomes that say right. It is of the answers that somebody judged: see "
            "their number.",
            "percentunit",
            Query(
                expr=share_shown(RIGHT, OUTCOMES),
                instant=True,
            ),
            steps=good_above(0.8, 0.9),
        ),
        number(
            "Alarms on",
            "Of drift, each once however many servers tell it, and keys that climb too much, by "
            "server. The page at /ui tells why.",
            "short",
            Query(
                expr="sum(rungwise_escalating_keys) + "
                "(count(count by (kind, about) (rungwise_alarm)) or vector(0))",
                instant=True,
            ),
            steps=bad_above(1, 1),
        ),
    ),
)

_MONEY = Row(
    title="Money",
    panels=(
        stacked(
            "Known cost an hour, by tier and role",
            "Dollars an hour. Roles beside the draft are the evidence on drafts, and audits.",
            "currencyUSD",
            Query(
                expr="3600 * " + speed("rungwise_cost_usd_total", by="tier, role"),
                legend="{{tier}}: {{role}}",
            ),
        ),
        lines(
            "Cost of a thousand steps, by route",
            "Blended: every rung's known cost by answered steps.",
            "currencyUSD",
            Query(
                expr="1000 * "
                + share(
                    speed("rungwise_answer_cost_usd_total", OF_STEP, "route"),
                    speed("rungwise_answers_total", ANSWERED, "route"),
                ),
                legend="{{route}}",
            ),
        ),
        lines(
            "Cost of a thousand right answers, by route",
            "The cost of a thousand steps by the share of outcomes that say right: what is paid "
            "for answers that hold.",
            "currencyUSD",
            Query(
                expr="1000 * "
                + share(
                    speed("rungwise_answer_cost_usd_total", OF_STEP, "route"),
                    speed("rungwise_answers_total", ANSWERED, "route"),
                )
                + " / "
                + f"({share_now(RIGHT, OUTCOMES, 'route')} > 0)",
                legend="{{route}}",
            ),
        ),
        lines(
            "Saved against one hosted tier alone",
            "1 less what the steps cost, by what that tier would have taken for the same answers. "
            "Below nothing, the ladder is dearer. Steps of which either is unknown are left out.",
            "percentunit",
            Query(
                expr="1 - "
                + share(
                    speed("rungwise_baseline_answers_cost_usd_total", by="tier"),
                    speed("rungwise_baseline_cost_usd_total", by="tier"),
                ),
                legend="instead of {{tier}}",
            ),
        ),
        lines(
            "Without a price, an hour",
            "Steps of which at least one attempt has no known price, and attempts of tiers: their "
            "cost is in no figure here.",
            "short",
            Query(
                expr="3600 * " + speed("rungwise_unpriced_answers_total", OF_STEP, "route"),
                legend="steps of {{route}}",
            ),
            Query(
                expr="3600 * " + speed("rungwise_unpriced_attempts_total", by="tier"),
                legend="attempts of {{tier}}",
            ),
        ),
        lines(
            "Stopped by a cap, an hour",
            "Steps that no rung answered because a cap left too little, also those of which "
            "nothing was begun: they are in no other figure.",
            "short",
            Query(
                expr="3600 * " + speed("rungwise_refused_for_money_total", OF_ROUTE, "route"),
                legend="{{route}}",
            ),
        ),
    ),
)

_SHARE = Row(
    title="Who answers",
    panels=(
        stacked(
            "Answers, by the tier that gave them",
            "Steps a second, by the rung whose draft was given.",
            "reqps",
            Query(expr=speed("rungwise_answers_total", ANSWERED, "tier"), legend="{{tier}}"),
        ),
        stacked(
            "Share of each tier",
            "Of the answered steps.",
            "percentunit",
            Query(
                expr=speed("rungwise_answers_total", ANSWERED, "tier")
                + f" / on () group_left () ({speed('rungwise_answers_total', ANSWERED)} > 0)",
                legend="{{tier}}",
            ),
            most=1,
        ),
        lines(
            "Not answered",
            "Steps a second that ended otherwise: no rung left, broken off, cancelled, lost; "
            "unpaid at a cap, or rejected for a fault of the request.",
            "reqps",
            Query(
                expr=speed("rungwise_answers_total", f'{OF_STEP},state!="answered"', "state"),
                legend="{{state}}",
            ),
        ),
        lines(
            "From the answer cache",
            "Share of the steps that were answered before, by route.",
            "percentunit",
            Query(
                expr=share_now(f"rungwise_recalled_total{{{OF_ROUTE}}}", STEPS, "route"),
                legend="{{route}}",
            ),
            most=1,
        ),
    ),
)

_ACCURACY = Row(
    title="Was it right",
    panels=(
        lines(
            "Right, by route",
            "Share of the last hour's outcomes that say right, and its 95 % interval (Wilson).",
            "percentunit",
            Query(
                expr=f"route:rungwise_outcomes:right_ratio_rate1h{{{OF_ROUTE}}}", legend="{{route}}"
            ),
            Query(
                expr=f"route:rungwise_outcomes:right_low_rate1h{{{OF_ROUTE}}}",
                legend="{{route}}: at least",
            ),
            Query(
                expr=f"route:rungwise_outcomes:right_high_rate1h{{{OF_ROUTE}}}",
                legend="{{route}}: at most",
            ),
            most=1,
        ),
        lines(
            "Outcomes an hour, by who says so",
            "What the shares beside this stand on.",
            "short",
            Query(
                expr="3600 * " + speed("rungwise_outcomes_total", OF_STEP, "source, right"),
                legend="{{source}}: right {{right}}",
            ),
        ),
    ),
)

_LATENCY = Row(
    title="How long it takes",
    panels=(
        lines(
            "Time to the whole answer",
            "From the request to the last byte.",
            "s",
            *(
                Query(
                    expr=quantile(of, "rungwise_answer_seconds", OF_STEP, "route"),
                    legend=f"{{{{route}}}}: p{of * 100:.0f}",
                )
                for of in (0.5, 0.95, 0.99)
            ),
        ),
        lines(
            "Time to the first byte",
            "From the request to the release of a draft.",
            "s",
            *(
                Query(
                    expr=quantile(of, "rungwise_first_byte_seconds", OF_ROUTE, "route"),
                    legend=f"{{{{route}}}}: p{of * 100:.0f}",
                )
                for of in (0.5, 0.95, 0.99)
            ),
        ),
    ),
)

_ROUTES = Row(
    title="Routes and step types",
    panels=(
        table(
            "The time shown, by route and step type",
            "Answered steps; known cost; the share of outcomes that say right, and their number; "
            "the share that escalated.",
            (
                Lane(title="steps", unit="short"),
                Query(
                    expr=grown("rungwise_answers_total", ANSWERED, "route, step_type"), instant=True
                ),
            ),
            (
                Lane(title="cost", unit="currencyUSD"),
                Query(
                    expr=grown("rungwise_answer_cost_usd_total", OF_STEP, "route, step_type"),
                    instant=True,
                ),
            ),
            (
                Lane(title="escalated", unit="percentunit"),
                Query(
                    expr=share_shown(ESCALATED, EVERY, "route, step_type"),
                    instant=True,
                ),
            ),
            (
                Lane(title="right", unit="percentunit"),
                Query(
                    expr=share_shown(RIGHT, OUTCOMES, "route, step_type"),
                    instant=True,
                ),
            ),
            (
                Lane(title="outcomes", unit="short"),
                Query(
                    expr=grown("rungwise_outcomes_total", OF_STEP, "route, step_type"), instant=True
                ),
            ),
        ),
    ),
)

_STATE = Row(
    title="The server",
    panels=(
        number(
            "Ready",
            "Which tiers can draft.",
            "bool_yes_no",
            Query(expr="rungwise_tier_ready", legend="{{tier}}"),
            width=8,
            steps=good_above(1, 1),
        ),
        number(
            "Open answers",
            "Being written just now.",
            "short",
            Query(expr="sum(rungwise_open_answers)"),
        ),
        number(
            "Lost entries",
            "Answers that the ledger could not take since the server started; the log has them.",
            "short",
            Query(expr="sum(rungwise_lost_entries_total)"),
            steps=bad_above(1, 1),
        ),
        number(
            "Version",
            "Which rungwise this is.",
            "short",
            Query(expr="rungwise_build_info", legend="{{version}}, python {{python}}"),
            width=8,
        ),
    ),
)

OVERVIEW = Board(
    uid="rungwise-overview",
    title="rungwise: overview",
    told="Money, who answers, whether it was right, and how long it takes.",
    variables=(ROUTE, STEP_TYPE),
    rows=(_HEAD, _MONEY, _SHARE, _ACCURACY, _LATENCY, _ROUTES, _STATE),
)
