"""Each fault in a configuration is one line that names the place and the mend."""

from datetime import date
from pathlib import Path

import pytest
import yaml

from rungwise.config import Config, OpenAITierConfig, VllmTierConfig, api_keys, load
from rungwise.errors import ConfigError

GOOD = """
tiers:
  - {name: tier1, kind: vllm, model: models/small}
  - {name: tier2, kind: openai, model: gpt, api_key_env: KEY, price: {input: 1, output: 2}}
gates:
  - {tier: tier1, calibration: cal.json}
"""


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "rungwise.yaml"
    path.write_text(text)
    return path


def test_a_good_file_is_read_with_keys_and_absolute_paths(tmp_path: Path) -> None:
    config = load(write(tmp_path, GOOD), {"KEY": "secret"})
    local, hosted = config.tiers
    assert isinstance(local, VllmTierConfig)
    assert local.model == str(tmp_path / "models/small")
    assert local.shown_model == "small"
    assert config.gates[0].calibration == tmp_path / "cal.json"
    assert config.ledger.path == config.ledger.place == tmp_path / "rungwise.db"
    assert hosted.api_key.get_secret_value() == "secret"  # type: ignore[union-attr]
    assert "secret" not in repr(config)


def test_a_file_in_configs_counts_from_the_folder_above(tmp_path: Path) -> None:
    (tmp_path / "configs").mkdir()
    config = load(write(tmp_path / "configs", GOOD), {"KEY": "x"})
    assert config.ledger.path == tmp_path / "rungwise.db"


def test_what_beside_the_model_is_in_folders_counts_from_there_too(tmp_path: Path) -> None:
    guess = "speculative: {method: draft_model, tokens: 2, model: models/tiny}"
    adapter = "{name: law, kind: adapter, of: tier1, model: law}"
    told = GOOD.replace("models/small", f"models/small, engine: {{{guess}}}")
    config = load(write(tmp_path, told.replace("gates:", f"  - {adapter}\ngates:")), {"KEY": "x"})
    engine = config.engine_of(config.tiers[2])
    assert engine is config.tiers[0] and config.engine_of(config.tiers[1]) is None
    assert engine.engine.speculative is not None
    assert engine.engine.speculative.model == str(tmp_path / "models/tiny")
    assert config.tiers[2].model == str(tmp_path / "law")
    hub = load(write(tmp_path, told.replace("models/tiny", "org/tiny")), {"KEY": "x"})
    assert hub.tiers[0].engine.speculative.model == "org/tiny"  # type: ignore[union-attr]


def test_a_context_within_its_engines_is_taken(tmp_path: Path) -> None:
    told = GOOD.replace("models/small", f"models/small, context: 2048, {ROOM}")
    config = load(write(tmp_path, told.replace("gates:", LAW % 2048 + "gates:")), {"KEY": "x"})
    assert [tier.context for tier in config.tiers] == [2048, None, 2048]


ROOM = "engine: {max_model_len: 2048}"
LAW = "  - {name: law, kind: adapter, of: tier1, model: law, context: %d}\n"
WITHOUT = "routing: {step_types: {planning: {without: [%s]}}}\n"
JUDGED = GOOD.replace("cal.json", "cal.json, judge: {tier: tier2%s}")


def test_a_judge_that_may_not_see_a_draft_is_refused(tmp_path: Path) -> None:
    """It would give no reading, and no draft of that type would ever be accepted."""
    said = "gates.0.judge: planning passes over 'tier2'"
    with pytest.raises(ConfigError, match=said):
        load(write(tmp_path, JUDGED % "" + WITHOUT % "tier2"), {"KEY": "x"})
    load(write(tmp_path, JUDGED % ", step_types: [extraction]" + WITHOUT % "tier2"), {"KEY": "x"})
    load(write(tmp_path, JUDGED % "" + WITHOUT % "tier1"), {"KEY": "x"})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("tiers: [", "not YAML"),
        (GOOD + WITHOUT % "tier9", "routing.step_types.planning.without: no tier 'tier9'"),
        (GOOD + WITHOUT % "tier1, tier2", "routing.step_types.planning.without: leaves no rung"),
        (
            GOOD + "routing: {step_types: {planning: {start: tier1, without: [tier1]}}}",
            "'tier1' is its start or its ceiling",
        ),
        (
            GOOD.replace("models/small", f"models/small, context: 999999, {ROOM}"),
            r"context: 999,999 tokens are more than the 2,048 of 'tier1' \(engine.max_model_len\)",
        ),
        (
            GOOD.replace("models/small", f"models/small, {ROOM}").replace(
                "gates:", LAW % 4096 + "gates:"
            ),
            "tiers.2.context: 4,096 tokens are more than the 2,048 of 'tier1'",
        ),
        (
            GOOD.replace("models/small", "models/small, context: 1000").replace(
                "gates:", LAW % 1001 + "gates:"
            ),
            r"tiers.2.context: 1,001 tokens are more than the 1,000 of 'tier1' \(context\)",
        ),
        ("[]", "must hold keys and values"),
        ("tiers: []", "tiers: "),
        ("", "must hold keys"),
        (GOOD + "ladder: 3\n", "ladder: no such key"),
        (GOOD.replace("kind: vllm", "kind: vllm, colour: red"), "tiers.0.colour: no such key"),
        (GOOD.replace("input: 1", "inptu: 1"), "tiers.1.price.inptu: no such key"),
        (GOOD.replace("model: gpt, ", ""), "tiers.1.model: is missing"),
        (GOOD.replace("input: 1", "input: lots"), "tiers.1.price.input: .*number"),
        (GOOD.replace("input: 1", "input: -1"), "tiers.1.price.input: .*greater"),
        (GOOD.replace("name: tier2", "name: tier1"), "the name 'tier1' is given twice"),
        (GOOD.replace("name: tier2", "name: Tier 2"), "tiers.1.name"),
        (GOOD.replace("tier: tier1, cal", "tier: tier9, cal"), "gates.0.tier: no tier 'tier9'"),
        (GOOD.replace("kind: openai", "kind: open ai"), "tiers.1"),
        (GOOD + "server: {port: 70000}\n", "server.port"),
        (GOOD + "server: {port: true}\n", "server.port: .*integer"),
        (GOOD + "server: {port: '80'}\n", "server.port: .*integer"),
        (GOOD + "server: {grace_s: .inf}\n", "server.grace_s: .*finite"),
        (GOOD + "server: {grace_s: 1.0e+300}\n", "server.grace_s: .*less than or equal"),
        (GOOD + "server: {max_body_mib: .inf}\n", "server.max_body_mib: .*finite"),
        (GOOD + "server: {heartbeat_s: .nan}\n", "server.heartbeat_s: .*finite"),
        (GOOD + "server: {max_connections: 0}\n", "server.max_connections: "),
        (GOOD + "checks: {code: 1}\n", "checks.code: .*boolean"),
        (GOOD.replace("name: tier1", "name: auto"), "tiers.0.name: 'auto' leaves the choice"),
        (GOOD.replace("name: tier1", "name: 'auto:planning'"), "tiers.0.name"),
        (GOOD.replace("name: tier1", "name: gpt"), "tiers.0.name: 'gpt' is also the model of"),
        (GOOD.replace("name: tier2", "name: small"), "tiers.1.name: 'small' is also the model"),
        ("tiers: &a [*a]", "not plain keys and values"),
        ("{? [a, b] : 1}", "not YAML|not plain keys and values"),
        (
            GOOD + "routing: {step_types: {planning: {start: tier9}}}\n",
            "routing.step_types.planning.start: no tier 'tier9'; the ladder has tier1, tier2",
        ),
        (
            GOOD + "routing: {step_types: {planning: {start: tier2, ceiling: tier1}}}\n",
            "stands above ceiling",
        ),
        (GOOD + "routing: {step_types: {dreaming: {}}}\n", "dreaming"),
    ],
)
def test_faults_name_the_place(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as raised:
        load(write(tmp_path, text), {"KEY": "x"})
    assert "\n" not in str(raised.value)
    assert "rungwise.yaml" in str(raised.value)


def equals(*sections: str) -> str:
    return GOOD.replace("price: {input", f"equals: [{', '.join(sections)}], price: {{input")


def equal(name: str, model: str, more: str = "") -> str:
    return f"{{name: {name}, kind: openai, model: {model}, api_key_env: KEY{more}}}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (equals(equal("b", "gpt")), "equals: 'gpt' could be either of two; .* a served_as"),
        (equals(equal("tier2", "m")), "equals: 'tier2' could be either of two; .* a name"),
        (equals(equal("b", "m"), equal("c", "m")), "equals: 'm' could be either of two"),
        (
            equals(equal("b", "m", f", equals: [{equal('c', 'n')}]")),
            "equals: 'b' has equals of its own; name them all in one list",
        ),
    ],
)
def test_equals_that_could_not_be_told_apart_are_refused(
    tmp_path: Path, text: str, said: str
) -> None:
    with pytest.raises(ConfigError, match=rf"tiers\.1: .*{said}"):
        load(write(tmp_path, text), {"KEY": "x"})
    assert load(write(tmp_path, equals(equal("b", "m"), equal("c", "n"))), {"KEY": "x"})


def test_a_missing_variable_is_named_with_its_tier(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="tier 'tier2' needs the variable KEY"):
        load(write(tmp_path, GOOD), {})


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.yaml: cannot be read"):
        load(tmp_path / "none.yaml")


def test_a_key_in_the_file_itself_is_refused_and_not_repeated(tmp_path: Path) -> None:
    text = GOOD.replace("model: gpt", "model: gpt, api_key: canary")
    with pytest.raises(ConfigError, match="does not belong in the file") as raised:
        load(write(tmp_path, text), {"KEY": "y"})
    assert "canary" not in str(raised.value)


def test_api_keys_are_split_and_an_empty_variable_is_an_error(tmp_path: Path) -> None:
    config = load(write(tmp_path, GOOD + "server: {api_keys_env: KEYS}\n"), {"KEY": "x"})
    assert api_keys(config, {"KEYS": "a, b,"}) == ("a", "b")
    with pytest.raises(ConfigError, match="KEYS holds no key"):
        api_keys(config, {})


@pytest.mark.parametrize(
    "address", ["not a url", "gpt", "ftp://a/v1", "https://", "http:///v1", "http://a:99999", "//a"]
)
def test_an_upstream_without_an_address_is_named(tmp_path: Path, address: str) -> None:
    text = GOOD.replace("model: gpt", f"model: gpt, base_url: '{address}'")
    with pytest.raises(ConfigError, match=r"tiers\.1\.base_url: must be an address such as"):
        load(write(tmp_path, text), {"KEY": "x"})


def test_what_yaml_knows_beyond_json_is_read_too(tmp_path: Path) -> None:
    dated = GOOD.replace("output: 2", "output: 2, as_of: 2026-11-12")
    extra = dated.replace("models/small", "models/small, engine: {extra: {seed: 7, a: true}}")
    local, hosted = load(write(tmp_path, extra), {"KEY": "x"}).tiers
    assert isinstance(local, VllmTierConfig) and isinstance(hosted, OpenAITierConfig)
    assert local.engine.extra == {"seed": 7, "a": True} and local.engine.extra["a"] is True
    assert hosted.price is not None and hosted.price.as_of == date(2026, 11, 12)


@pytest.mark.parametrize("secret", ["sk-canary123", "sk_canary123", "canary 1", "gsk_canary"])
def test_a_secret_in_the_place_of_its_variable_is_not_repeated(tmp_path: Path, secret: str) -> None:
    for text in (
        GOOD.replace("api_key_env: KEY", f"api_key_env: {secret}"),
        GOOD + f"server: {{api_keys_env: {secret}}}\n",
    ):
        with pytest.raises(ConfigError) as raised:
            api_keys(load(write(tmp_path, text), {"KEY": "x"}), {})
        assert "canary" not in str(raised.value) and "api_key" in str(raised.value)


@pytest.mark.parametrize("path", sorted(Path("configs").glob("*.yaml")), ids=lambda p: p.name)
def test_every_shipped_configuration_is_valid(path: Path) -> None:
    Config.model_validate(yaml.safe_load(path.read_text()))


def test_every_key_is_described_by_the_schema() -> None:
    assert Config.model_json_schema()["properties"].keys() == Config.model_fields.keys()


@pytest.mark.parametrize(
    ("policy", "key"),
    [
        ("cascade", "worth: {right_usd: 1.0}"),
        ("cascade", "promise: keep"),
        ("route", "promise: keep"),
    ],
)
def test_a_knob_that_does_nothing_under_the_policy_is_an_error(
    tmp_path: Path, policy: str, key: str
) -> None:
    text = f"{GOOD}routing: {{policy: {policy}, difficulty: d.json, {key}}}\n"
    with pytest.raises(ConfigError, match=f"does nothing under policy: {policy}"):
        load(write(tmp_path, text), {"KEY": "x"})


def test_a_ladder_has_six_rungs_at_most(tmp_path: Path) -> None:
    """All plans over them are looked at, twice as many with each more."""
    many = ", ".join(f"{{name: t{i}, kind: openai, model: m, api_key_env: K}}" for i in range(7))
    with pytest.raises(ConfigError, match=r"tiers: .*at most 6"):
        load(write(tmp_path, f"tiers: [{many}]"), {"K": "x"})
