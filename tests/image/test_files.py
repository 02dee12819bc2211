"""Do the image's and the box's files agree with each other, and with what they name?"""

import json
import re
import stat
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from rungwise.config import Config, ServerConfig
from tests.image.dockerfile import DOCKERFILE, ROOT, copied, instructions, left_out
from tests.image.dotenv import EXAMPLE, assignments, read, uncommented

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
SERVER = SERVICES["server"]
KINDS = "compose.kinds.yaml"
KIND = "${RUNGWISE_KIND:-gpu}"
OBSERVED = ROOT / "configs" / "observability"


def asked() -> set[str]:
    """The variables that compose.yaml fills in; `$$` is for the shell in a container."""
    text = (ROOT / "compose.yaml").read_text(encoding="utf-8").replace("$$", "")
    return set(re.findall(r"\$\{(\w+)", text))


def offered() -> dict[str, str]:
    """Those in comments too."""
    return dict(assignments(uncommented(EXAMPLE)))


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
        "configs/mine.yaml",
    ):
        assert left_out(ROOT / name), name
    assert not re.search(r"(KEY|TOKEN|PASSWORD|SECRET)\b", DOCKERFILE)


def test_the_configurations_that_reach_the_builder_are_the_shipped_ones() -> None:
    asked = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "configs/*.yaml"], capture_output=True, text=True
    )
    if asked.returncode or not asked.stdout:
        pytest.skip("no checkout")
    shipped = {name for name in asked.stdout.split() if name.count("/") == 1}
    rules = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    assert {rule[1:] for rule in rules if rule.startswith("!configs")} == shipped


def test_the_hubs_client_tells_nobody_that_it_runs() -> None:
    (told,) = instructions("ENV", "server")
    assert "HF_HUB_DISABLE_TELEMETRY=1" in told.split()


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
    ours = {"COMPOSE_PROFILES", "OPENAI_API_KEY", "ANTHROPIC_API_KEY", "HF_TOKEN"}
    assert offered().keys() <= asked() | ours


def test_the_example_names_each_variable_once_uncommented_or_not() -> None:
    names = [name for name, _ in assignments(uncommented(EXAMPLE))]
    assert sorted(names) == sorted(set(names))


def test_its_lines_for_postgresql_uncommented_are_a_place_with_the_chosen_password() -> None:
    box = read(uncommented(EXAMPLE), {"POSTGRES_PASSWORD": "chosen"})
    assert box["COMPOSE_PROFILES"].split(",") == SERVICES["postgres"]["profiles"]
    place, given = urlsplit(box["RUNGWISE_LEDGER"]), SERVICES["postgres"]["environment"]
    assert (place.scheme, place.hostname, place.port) == ("postgresql", "postgres", 5432)
    assert place.password == box["POSTGRES_PASSWORD"] == "chosen"
    assert (place.username, place.path) == (given["POSTGRES_USER"], f"/{given['POSTGRES_DB']}")
    assert "RUNGWISE_LEDGER" not in read(EXAMPLE), "left as it is, the ledger is a file"


def test_the_example_holds_no_secret() -> None:
    for name, value in read(EXAMPLE).items():
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


def test_a_kind_is_the_image_and_whether_gpus_are_reserved_and_nothing_else() -> None:
    assert SERVER["extends"] == {"file": KINDS, "service": KIND}
    kinds = yaml.safe_load((ROOT / KINDS).read_text(encoding="utf-8"))["services"]
    assert kinds.keys() == {"gpu", "cpu"} and offered()["RUNGWISE_KIND"] == "gpu"
    (device,) = kinds["gpu"]["deploy"]["resources"]["reservations"]["devices"]
    assert (device["driver"], device["capabilities"]) == ("nvidia", ["gpu"])
    assert "reservations" not in kinds["cpu"]["deploy"]["resources"]
    for kind, service in kinds.items():
        assert f"AS {kind}-system" in DOCKERFILE
        assert service and "deploy" in service, "compose takes nothing for no service"
        assert service["deploy"].keys() == {"resources"}, "all else is the same for both"
    assert SERVER["build"]["args"] == {"KIND": KIND} and SERVER["image"] == f"rungwise:{KIND}"


def test_without_a_profile_all_but_the_database_start() -> None:
    profiles = {name: service.get("profiles") for name, service in SERVICES.items()}
    assert {name for name, told in profiles.items() if told} == {"postgres"}


@pytest.mark.parametrize("file", ["README.md", "docs/operating.md", "scripts/container"])
def test_what_is_told_of_compose_names_services_that_there_are(file: str) -> None:
    text = (ROOT / file).read_text(encoding="utf-8")
    named = re.findall(r"docker compose (?:exec|logs|run)(?: --?\w+)* ([\w-]+)", text)
    assert set(named) <= SERVICES.keys()
    assert "server-cpu" not in text and "COMPOSE_PROFILES=cpu" not in text


def test_the_server_is_given_longer_to_end_than_its_answers() -> None:
    assert float(SERVER["stop_grace_period"].removesuffix("s")) > 2 * ServerConfig().grace_s


def test_every_place_that_the_image_writes_to_is_a_volume_or_in_memory() -> None:
    (told,) = instructions("VOLUME")
    mounts = dict(mount.rsplit("}", 1)[-1].split(":")[:2][::-1] for mount in SERVER["volumes"])
    assert set(json.loads(told)) <= mounts.keys()
    assert mounts["/run/rungwise"] == "scrape" and SERVER["tmpfs"]


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


def test_prometheus_finds_its_rules() -> None:
    told = yaml.safe_load((OBSERVED / "prometheus.yml").read_text(encoding="utf-8"))
    (pattern,) = told["rule_files"]
    inside = Path(pattern).parent
    assert f"./configs/observability/rules:{inside}:ro" in SERVICES["prometheus"]["volumes"]
    assert list((OBSERVED / "rules").glob(Path(pattern).name))


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


def test_the_pattern_of_the_made_ladder_is_a_configuration() -> None:
    script = (ROOT / "scripts" / "container").read_text(encoding="utf-8")
    (pattern,) = re.findall(r"--from (\S+)", script)
    Config.model_validate(yaml.safe_load((ROOT / pattern).read_text(encoding="utf-8")))
