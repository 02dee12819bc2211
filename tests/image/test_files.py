"""Do the image's and the box's files agree with each other, and with what they name?"""

import json
import re
import stat
from pathlib import Path
from typing import Any

import pytest
import yaml

from rungwise.config import Config, ServerConfig
from rungwise.observe.metrics import Metrics
from tests.image.dockerfile import DOCKERFILE, ROOT, copied, instructions, left_out

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
SERVERS = ("server", "server-cpu")
OBSERVED = ROOT / "configs" / "observability"


def asked() -> set[str]:
    """The variables that compose.yaml fills in; `$$` is for the shell in a container."""
    text = (ROOT / "compose.yaml").read_text(encoding="utf-8").replace("$$", "")
    return set(re.findall(r"\$\{(\w+)", text))


def offered() -> dict[str, str]:
    lines = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    told = (line.partition("=") for line in lines if line and not line.startswith("#"))
    return {name: value for name, _, value in told}


# ---- Dockerfile ------------------------------------------------------------------------------


def test_whatever_is_copied_exists_and_reaches_the_builder() -> None:
    sources = [source for stage in ("packages", "server") for source in copied(stage)]
    assert sources
    for source in sources:
        assert (ROOT / source).exists(), source
        assert not left_out(ROOT / source), source


def test_secrets_weights_and_history_do_not_reach_the_builder() -> None:
    for name in (
        ".env",
        ".git/config",
        ".venv/bin/python",
        "rungwise.db",
        "models/mine/x.safetensors",
    ):
        assert left_out(ROOT / name), name
    assert not re.search(r"(KEY|TOKEN|PASSWORD|SECRET)\b", DOCKERFILE)


def test_both_kinds_are_installed_from_their_lists_as_scripts_install_does() -> None:
    (kinds,) = re.findall(r'-r "(requirements/\$KIND\.txt)"', DOCKERFILE)
    for kind in ("gpu", "cpu"):
        assert (ROOT / kinds.replace("$KIND", kind)).exists()
        assert f"AS {kind}-system" in DOCKERFILE
    (torch,) = re.findall(r"torch==[\d.]+\+cpu", DOCKERFILE)
    assert torch in (ROOT / "scripts" / "install").read_text(encoding="utf-8")
    assert "--require-hashes" in DOCKERFILE


def test_every_image_of_others_is_fixed_by_version_and_digest() -> None:
    own = {name for told in instructions("FROM") if (name := told.partition(" AS ")[2])}
    bases = [told.partition(" ")[0] for told in instructions("FROM")]
    bases = [base for base in bases if base not in own and not base.startswith("$")]
    images = [service["image"] for service in SERVICES.values() if "build" not in service]
    assert len(bases) == 3 and len(images) == 3
    for image in (*bases, *images):
        assert re.fullmatch(r"[\w./-]+:v?\d+\.\d+[\w.-]*@sha256:[0-9a-f]{64}", image), image


def test_it_runs_as_a_user_without_rights_and_ends_on_sigterm() -> None:
    assert instructions("USER") == ["10001:10001"] and instructions("STOPSIGNAL") == ["SIGTERM"]
    (entry,), (check,) = instructions("ENTRYPOINT"), instructions("HEALTHCHECK")
    for program in (*json.loads(entry)[2:], *json.loads(check.partition("CMD ")[2])):
        file = ROOT / Path(program).relative_to("/opt/rungwise")
        assert file.stat().st_mode & stat.S_IXOTH, program
    (port,) = instructions("EXPOSE")
    assert f"${{RUNGWISE_PORT:-{port}}}" in (ROOT / "scripts" / "container").read_text("utf-8")
    assert int(port) == ServerConfig().port


# ---- compose.yaml ----------------------------------------------------------------------------


def test_every_variable_is_in_the_example_and_none_is_needed_by_its_absence() -> None:
    assert asked() <= offered().keys()
    text = (ROOT / "compose.yaml").read_text(encoding="utf-8")
    assert not re.search(r"\$\{\w+:?\?", text), "a variable that must be set is a second step"
    assert offered()["COMPOSE_PROFILES"] == "gpu"
    ours = {"COMPOSE_PROFILES", "OPENAI_API_KEY", "ANTHROPIC_API_KEY", "HF_TOKEN"}
    assert offered().keys() <= asked() | ours


def test_the_example_holds_no_secret() -> None:
    for name, value in offered().items():
        assert not value or not re.search("KEY|TOKEN|PASSWORD|LEDGER", name), name
    assert ".env" in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_has_bounds_and_no_rights_that_it_does_not_need(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True and service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["restart"] == "unless-stopped"
    assert {"memory", "pids"} <= service["deploy"]["resources"]["limits"].keys()
    assert "healthcheck" in service or "build" in service  # the image has its own
    for port in service.get("ports", ()):
        assert "127.0.0.1" in port, "open to this machine alone, unless .env says otherwise"


def test_profiles_choose_the_server_and_only_one_of_them_reserves_gpus() -> None:
    profiles = {name: service.get("profiles") for name, service in SERVICES.items()}
    assert profiles == {
        "server": ["gpu"],
        "server-cpu": ["cpu"],
        "postgres": ["postgres"],
        "prometheus": None,
        "grafana": None,
    }
    (device,) = SERVICES["server"]["deploy"]["resources"]["reservations"]["devices"]
    assert (device["driver"], device["capabilities"]) == ("nvidia", ["gpu"])
    assert "reservations" not in SERVICES["server-cpu"]["deploy"]["resources"]
    for name, kind in zip(SERVERS, ("gpu", "cpu"), strict=True):
        assert SERVICES[name]["build"]["args"] == {"KIND": kind}


@pytest.mark.parametrize("name", SERVERS)
def test_the_server_is_given_longer_to_end_than_its_answers(name: str) -> None:
    assert float(SERVICES[name]["stop_grace_period"].removesuffix("s")) > 2 * ServerConfig().grace_s


def test_every_place_that_the_image_writes_to_is_a_volume_or_in_memory() -> None:
    (told,) = instructions("VOLUME")
    for name in SERVERS:
        mounts = dict(
            mount.rsplit("}", 1)[-1].split(":")[:2][::-1] for mount in SERVICES[name]["volumes"]
        )
        assert set(json.loads(told)) <= mounts.keys()
        assert mounts["/run/rungwise"] == "scrape" and SERVICES[name]["tmpfs"]


@pytest.mark.parametrize("name", SERVICES)
def test_whatever_is_mounted_from_here_exists(name: str) -> None:
    for mount in SERVICES[name]["volumes"]:
        source = mount.partition(":")[0]
        assert (ROOT / source).exists() if source.startswith(".") else True, source
        assert source.startswith((".", "$")) or source in COMPOSE["volumes"], source


# ---- what is observed ------------------------------------------------------------------------


def test_prometheus_asks_the_server_with_the_key_that_its_container_writes() -> None:
    told = yaml.safe_load((OBSERVED / "prometheus.yml").read_text(encoding="utf-8"))
    (job,) = [job for job in told["scrape_configs"] if job["job_name"] == "rungwise"]
    file = Path(job["authorization"]["credentials_file"])
    script = (ROOT / "scripts" / "container").read_text(encoding="utf-8")
    assert f"{{RUNGWISE_SCRAPE:-{file.parent}}}" in script and f"$scrape/{file.name}" in script
    assert f"scrape:{file.parent}:ro" in SERVICES["prometheus"]["volumes"]
    (target,) = job["static_configs"][0]["targets"]
    alias = SERVICES["server"]["networks"]["default"]["aliases"]
    assert target == f"{alias[0]}:{ServerConfig().port}" and job["metrics_path"] == "/metrics"


def test_grafana_finds_its_source_and_its_boards() -> None:
    provisioning = OBSERVED / "grafana" / "provisioning"
    (source,) = yaml.safe_load((provisioning / "datasources" / "prometheus.yaml").read_text())[
        "datasources"
    ]
    assert source["url"] == "http://prometheus:9090" and source["uid"] == "prometheus"
    (provider,) = yaml.safe_load((provisioning / "dashboards" / "boards.yaml").read_text())[
        "providers"
    ]
    inside = provider["options"]["path"]
    assert (
        f"./configs/observability/grafana/dashboards:{inside}:ro" in SERVICES["grafana"]["volumes"]
    )
    home = SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert Path(home).parent == Path(inside)
    assert (OBSERVED / "grafana" / "dashboards" / Path(home).name).exists()


@pytest.mark.parametrize(
    "board", sorted((OBSERVED / "grafana" / "dashboards").glob("*.json")), ids=lambda f: f.stem
)
def test_a_board_shows_only_what_is_counted(board: Path) -> None:
    told = json.loads(board.read_text(encoding="utf-8"))
    assert told["uid"] and told["title"] and told["panels"]
    asked = [target["expr"] for panel in told["panels"] for target in panel["targets"]]
    named = set(re.findall(r"rungwise_\w+", " ".join(asked)))
    there = {
        family.name + suffix
        for family in Metrics().registry.collect()
        for suffix in {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}.get(
            family.type, ("",)
        )
    }
    assert named and named <= there


def test_the_pattern_of_the_made_ladder_is_a_configuration() -> None:
    script = (ROOT / "scripts" / "container").read_text(encoding="utf-8")
    (pattern,) = re.findall(r"--from (\S+)", script)
    Config.model_validate(yaml.safe_load((ROOT / pattern).read_text(encoding="utf-8")))
