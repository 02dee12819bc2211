"""Do the shipped rules hold, by Prometheus' own tool, and does each alert ring and keep silent?"""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.prometheus import OBSERVABILITY, promtool

HERE = Path(__file__).parent
RULES = sorted((OBSERVABILITY / "rules").glob("*.yml"))
SEVERITIES = {"page", "ticket", "info"}


def rules(file: Path) -> list[dict[str, Any]]:
    told = yaml.safe_load(file.read_text(encoding="utf-8"))
    return [rule for group in told["groups"] for rule in group["rules"]]


ALERTS = [rule for file in RULES for rule in rules(file) if "alert" in rule]


def test_prometheus_takes_the_settings_and_the_rules(tmp_path: Path) -> None:
    assert len(RULES) == 2
    assert "FAILED" not in promtool("check", "rules", *RULES)
    told = yaml.safe_load((OBSERVABILITY / "prometheus.yml").read_text(encoding="utf-8"))
    told["rule_files"] = [str(file) for file in RULES]
    key = tmp_path / "prometheus-key"
    key.write_text("a key")
    for job in told["scrape_configs"]:
        if "authorization" in job:
            job["authorization"]["credentials_file"] = str(key)
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(told))
    assert "SUCCESS" in promtool("check", "config", tmp_path / "prometheus.yml")


@pytest.mark.parametrize("file", ["alerts_test.yml", "figures_test.yml"])
def test_rules_do_as_their_own_tests_say(file: str) -> None:
    assert "SUCCESS" in promtool("test", "rules", HERE / file)


@pytest.mark.parametrize("alert", ALERTS, ids=lambda rule: rule["alert"])
def test_an_alert_says_what_it_is_what_it_means_and_what_to_do(alert: dict[str, Any]) -> None:
    assert alert["alert"].startswith("Rungwise")
    assert alert["labels"]["severity"] in SEVERITIES
    assert {"summary", "description", "runbook"} == alert["annotations"].keys()


@pytest.mark.parametrize("alert", ALERTS, ids=lambda rule: rule["alert"])
def test_an_alert_is_tested_ringing_and_silent(alert: dict[str, Any]) -> None:
    told = yaml.safe_load((HERE / "alerts_test.yml").read_text(encoding="utf-8"))
    name = alert["alert"].removeprefix("Rungwise")
    seen = {
        bool(test.get("exp_samples"))
        for group in told["tests"]
        for test in group["promql_expr_test"]
        if alert["alert"] in test["expr"] or name in test["expr"].replace("(", "|").split("|")
    }
    assert seen == {True, False}


def test_derived_series_are_named_level_metric_operation() -> None:
    for rule in (rule for file in RULES for rule in rules(file) if "record" in rule):
        level, metric, operation = rule["record"].split(":")
        assert level and metric.startswith("rungwise_") and operation
