"""How sure are drafts, what is doubted and why, what does that waste, and does it hold?"""

from __future__ import annotations

from rungwise.lab.boards.asked import (
    OF_STEP,
    OF_TIER,
    ROUTE,
    STEP_TYPE,
    TIER,
    bad_above,
    good_above,
    quantile,
    share_now,
    speed,
)
from rungwise.lab.boards.panels import Board, Panel, Query, Row, lines, number, stacked

__all__ = ["CASCADE"]

DRAFTED = f'rungwise_attempts_total{{{OF_TIER},role="draft"}}'
STEPS = f"rungwise_answers_total{{{OF_STEP}}}"

_CONFIDENCE = Row(
    title="Confidence",
    panels=(
        Panel(
            title="How sure drafts were",
            told="P(acceptable) of the drafts that were read: how many at each height.",
            queries=(
                Query(
                    expr=f"sum by (le) (increase(rungwise_confidence_bucket{{{OF_TIER}}}"
                    "[$__rate_interval]))",
                    legend="{{le}}",
                ),
            ),
            unit="percentunit",
            kind="heatmap",
        ),
        lines(
            "The middle draft, and the doubtful tenth",
            "Median and first decile of P(acceptable), by tier.",
            "percentunit",
            *(
                Query(
                    expr=quantile(of, "rungwise_confidence", OF_TIER, "tier"),
                    legend=f"{{{{tier}}}}: {name}",
                )
                for of, name in ((0.5, "median"), (0.1, "lowest tenth"))
            ),
            most=1,
        ),
        lines(
            "Said and true",
            "Mean P(acceptable) of the drafts that were read, beside the share of outcomes that "
            "say right. Drafts that were doubted are in the first and not in the second: it may "
            "lie below, never far above.",
            "percentunit",
            Query(
                expr=f"{speed('rungwise_confidence_sum', OF_TIER, 'tier')} / "
                f"({speed('rungwise_confidence_count', OF_TIER, 'tier')} > 0)",
                legend="{{tier}}: said",
            ),
            Query(
                expr=share_now(
                    f'rungwise_tier_outcomes_total{{{OF_TIER},right="true"}}',
                    f"rungwise_tier_outcomes_total{{{OF_TIER}}}",
                    "tier",
                ),
                legend="{{tier}}: right",
            ),
            most=1,
        ),
        Panel(
            title="Calibrations that are believed",
            told="0 while an alarm has one put aside (drift.demote).",
            queries=(
                Query(
                    expr=f"rungwise_calibration_believed{{{OF_TIER}}}",
                    legend="{{tier}}: {{calibration}}",
                ),
            ),
            unit="bool_yes_no",
            kind="state-timeline",
            steps=good_above(1, 1),
        ),
    ),
)

_ESCALATIONS = Row(
    title="What is doubted, and why",
    panels=(
        lines(
            "Escalated, by route",
            "Share of the steps of which at least one draft was doubted.",
            "percentunit",
            Query(
                expr=share_now(f"rungwise_escalated_steps_total{{{OF_STEP}}}", STEPS, "route"),
                legend="{{route}}",
            ),
            most=1,
        ),
        stacked(
            "Doubted drafts, by why",
            "Drafts a second: early (while it was being written), evidence, confidence, unread "
            "(the tier gave nothing to read), checks.",
            "reqps",
            Query(
                expr=speed("rungwise_escalations_total", OF_TIER, "tier, why"),
                legend="{{tier}}: {{why}}",
            ),
        ),
        lines(
            "Doubted, of what each tier drafted",
            "Share of its drafts.",
            "percentunit",
            Query(
                expr=share_now(f"rungwise_escalations_total{{{OF_TIER}}}", DRAFTED, "tier"),
                legend="{{tier}}",
            ),
            most=1,
        ),
        stacked(
            "Left to the next for want of room",
            "Steps a second that a tier with too much to do spilled.",
            "reqps",
            Query(expr=speed("rungwise_spills_total", OF_TIER, "tier"), legend="{{tier}}"),
        ),
    ),
)

_ABANDONED = Row(
    title="What doubt costs",
    panels=(
        stacked(
            "Tokens of abandoned drafts",
            "Tokens a second that nobody saw.",
            "short",
            Query(
                expr=speed("rungwise_abandoned_tokens_total", OF_TIER, "tier"), legend="{{tier}}"
            ),
        ),
        lines(
            "Abandoned, of what each tier wrote",
            "Share of the tokens of its drafts.",
            "percentunit",
            Query(
                expr=share_now(
                    f"rungwise_abandoned_tokens_total{{{OF_TIER}}}",
                    f'rungwise_tokens_total{{{OF_TIER},role="draft",part=~"output|reasoning"}}',
                    "tier",
                ),
                legend="{{tier}}",
            ),
            most=1,
        ),
        stacked(
            "Drafts, by how they ended",
            "Drafts a second.",
            "reqps",
            Query(
                expr=speed("rungwise_attempts_total", f'{OF_TIER},role="draft"', "tier, state"),
                legend="{{tier}}: {{state}}",
            ),
        ),
        lines(
            "Further evidence",
            "Self-checks, agreements and judgements asked for, a second, and those that failed or "
            "came too late.",
            "reqps",
            Query(
                expr=speed(
                    "rungwise_attempts_total",
                    f'{OF_TIER},role=~"self_check|agreement|judge"',
                    "tier, role",
                ),
                legend="{{tier}}: {{role}}",
            ),
            Query(
                expr=speed("rungwise_unverified_total", OF_TIER, "tier, role"),
                legend="{{tier}}: {{role}} failed",
            ),
        ),
    ),
)

_DRIFT = Row(
    title="Does it hold",
    panels=(
        Panel(
            title="Alarms that are on",
            told="Each with what it is about. Why it rang stands at /ui, and in the log.",
            queries=(
                Query(expr="max by (kind, about) (rungwise_alarm)", legend="{{kind}}: {{about}}"),
            ),
            unit="short",
            kind="state-timeline",
            steps=bad_above(1, 1),
        ),
        lines(
            "Evidence, of what makes an alarm",
            "What each detector has gathered by the bound at which it rings.",
            "percentunit",
            Query(
                expr="rungwise_drift_evidence / (rungwise_drift_bound > 0)",
                legend="{{kind}}: {{about}}",
            ),
        ),
        lines(
            "Usual and now",
            "What each detector watches, as it was in its calm and as it is.",
            "short",
            Query(expr="rungwise_drift_usual", legend="{{kind}}: {{about}}, usual"),
            Query(expr="rungwise_drift_now", legend="{{kind}}: {{about}}, now"),
        ),
        lines(
            "Observations, an hour",
            "What detectors see. A detector that sees nothing cannot ring.",
            "short",
            Query(
                expr="3600 * " + speed("rungwise_drift_seen_total", by="kind, about"),
                legend="{{kind}}: {{about}}",
            ),
        ),
        lines(
            "Audits, an hour",
            "Accepted drafts that a higher rung answered too, by what came of it; those not begun.",
            "short",
            Query(
                expr="3600 * " + speed("rungwise_audits_total", by="became"), legend="{{became}}"
            ),
            Query(
                expr="3600 * " + speed("rungwise_audits_skipped_total", by="why"),
                legend="not audited: {{why}}",
            ),
        ),
        lines(
            "Cost of audits, an hour",
            "Dollars an hour; it is in no cost of a step.",
            "currencyUSD",
            Query(
                expr="3600 * "
                + speed("rungwise_cost_usd_total", 'role=~"audit|comparison"', "tier, role"),
                legend="{{tier}}: {{role}}",
            ),
        ),
        number(
            "Alarms that began",
            "In the time shown, by kind.",
            "short",
            Query(
                expr="sum by (kind) (increase(rungwise_alarms_total[$__range]))",
                legend="{{kind}}",
                instant=True,
            ),
            width=12,
        ),
        number(
            "Keys that climb too much",
            "More often than access.escalation_alarm allows.",
            "short",
            Query(expr="sum(rungwise_escalating_keys)", legend="keys", instant=True),
            Query(expr="rungwise_escalation_alarm", legend="{{key}}", instant=True),
            width=12,
            steps=bad_above(1, 1),
        ),
    ),
)

CASCADE = Board(
    uid="rungwise-cascade",
    title="rungwise: cascade",
    told="Confidence, escalations and why, what is abandoned, and whether calibrations still hold.",
    variables=(ROUTE, STEP_TYPE, TIER),
    rows=(_CONFIDENCE, _ESCALATIONS, _ABANDONED, _DRIFT),
)
