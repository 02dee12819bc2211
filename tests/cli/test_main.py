"""The command line as a person meets it: quick help, one-line errors, exit status 2."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rungwise.cli.main import COMMANDS, main

HOSTED = """
server: {{port: {port}}}
tiers:
  - {{name: tier1, kind: openai, model: m, api_key_env: RUNGWISE_TEST_KEY}}
"""


def rungwise(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "rungwise", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        env={"PATH": "/usr/bin:/bin", **environ},
    )


def write(tmp_path: Path, text: str) -> str:
    path = tmp_path / "c.yaml"
    path.write_text(text)
    return str(path)


def one_line_error(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 2, done
    assert done.stdout == "" and len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert done.stderr.startswith("rungwise: ")
    return done.stderr


def test_help_names_every_command() -> None:
    done = rungwise("--help")
    assert done.returncode == 0
    assert all(name in done.stdout for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])
    assert ended.value.code == 0
    assert COMMANDS[name][1] in " ".join(capsys.readouterr().out.split())


def test_an_unknown_command_is_an_error() -> None:
    done = rungwise("sevre")
    assert done.returncode == 2 and "sevre" in done.stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("tiers: [{name: a, kind: vllm, model: m, colour: red}]", "tiers.0.colour: no such key"),
        ("tiers: [{name: a, kind: vllm, model: ./none}]", "none holds no config.json"),
        (HOSTED.format(port="high"), "server.port"),
        (HOSTED.format(port=0), "RUNGWISE_TEST_KEY"),
        (HOSTED.format(port="0, host: 0.0.0.0"), "RUNGWISE_TEST_KEY"),
    ],
)
def test_a_faulty_configuration_ends_before_anything_starts(
    tmp_path: Path, text: str, said: str
) -> None:
    assert said in one_line_error(rungwise("serve", "--config", write(tmp_path, text)))


def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        config = write(tmp_path, HOSTED.format(port=taken.getsockname()[1]))
        done = rungwise("serve", "--config", config, RUNGWISE_TEST_KEY="x")
    assert "cannot listen" in one_line_error(done)


def test_without_keys_it_listens_to_this_machine_only(tmp_path: Path) -> None:
    config = write(tmp_path, HOSTED.format(port="0, host: 0.0.0.0"))
    done = rungwise("serve", "--config", config, RUNGWISE_TEST_KEY="x")
    assert "no API key is asked for" in one_line_error(done)


@pytest.mark.parametrize(
    "arguments", [["models", "--gpu", "24GiB"], ["doctor"], ["schema"], ["models", "--help"]]
)
def test_output_that_nobody_reads_on_ends_it_without_a_word(arguments: list[str]) -> None:
    """As `| head` does; the pipe is closed before the first line."""
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "rungwise", *arguments]
    done = subprocess.run(
        command,
        stdout=write,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        env={"PATH": "/usr/bin"},
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (141, "")


def test_a_missing_ledger_is_named(tmp_path: Path) -> None:
    assert "no ledger there" in one_line_error(rungwise("report", "--ledger", str(tmp_path / "x")))


def test_the_schema_is_json() -> None:
    import json

    assert "tiers" in json.loads(rungwise("schema").stdout)["properties"]


def test_doctor_shows_no_key(tmp_path: Path) -> None:
    done = rungwise("doctor", OPENAI_API_KEY="sk-canary")
    assert "OPENAI_API_KEY: set" in done.stdout
    assert "canary" not in done.stdout + done.stderr


def test_doctor_finds_what_a_configuration_lacks(tmp_path: Path) -> None:
    text = "tiers: [{name: a, kind: vllm, model: ./none}]"
    done = rungwise("doctor", "--config", write(tmp_path, text))
    assert done.returncode == 1 and "LACK" in done.stdout and "config.json" in done.stdout


def test_help_is_light() -> None:
    """Half a second is the aim on an idle machine; what is asserted is why it can be met."""
    code = (
        "import sys; from rungwise.cli.main import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        "sys.exit(any(m in sys.modules for m in ('pydantic', 'numpy', 'fastapi', 'yaml')))"
    )
    start = time.monotonic()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60)
    assert done.returncode == 0, time.monotonic() - start
