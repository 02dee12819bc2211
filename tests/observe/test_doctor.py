"""What does the doctor say of a configuration beside what it lacks?"""

from pathlib import Path

from rungwise.config import load
from rungwise.observe.doctor import examine_config

CONFIG = """
server: {port: 0}
tiers: [{name: t, kind: openai, model: m, api_key_env: KEY}]
routing:
  policy: pays
  difficulty: there.json
  shadow: {policy: route, difficulty: absent.json}
"""


def test_what_was_trained_is_named_where_it_is_there_and_a_shadow_is_pointed_out(
    tmp_path: Path,
) -> None:
    (tmp_path / "there.json").write_text("{}")
    (tmp_path / "c.yaml").write_text(CONFIG)
    config = load(tmp_path / "c.yaml", {"KEY": "sk-1"})
    found = {finding.what: finding for finding in examine_config(config)}
    assert found["routing.difficulty"].found == str(tmp_path / "there.json")
    assert "routing.shadow.difficulty" not in found, "the preflight says what is lacking"
    assert found["routing.shadow"].state == "note"
    assert found["routing.shadow"].found.startswith("route plans beside pays; see `rungwise report")
