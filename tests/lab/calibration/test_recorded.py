"""Lines of readings: what is written can be read again, and a faulty line is named."""

import gzip
import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rungwise.errors import ConfigError
from rungwise.lab.calibration.recorded import Recorded, digest, read_recorded, write_recorded
from rungwise.lab.lines import LONGEST_LINE

NAMES = st.text(min_size=1, max_size=8)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)


@st.composite
def recordings(draw: st.DrawFn) -> list[Recorded]:
    """All with the same signals, a part of them in the prefixes."""
    signals = draw(st.lists(NAMES, min_size=1, max_size=3, unique=True))
    early = signals[: draw(st.integers(1, len(signals)))]
    one = st.builds(
        Recorded,
        step_type=NAMES,
        readings=st.fixed_dictionaries(dict.fromkeys(signals, NUMBERS)),
        right=st.booleans(),
        reference=st.booleans(),
        prefixes=st.dictionaries(
            st.integers(1, 999), st.fixed_dictionaries(dict.fromkeys(early, NUMBERS)), max_size=3
        ),
        prose=st.booleans(),
        tokens=st.none() | st.integers(0, 10**9),
        group=st.none() | st.text(max_size=8),
    )
    return draw(st.lists(one, min_size=1, max_size=4))


@given(recordings(), st.sampled_from(["r.jsonl", "r.jsonl.gz"]))
def test_what_is_written_is_read_again(items: list[Recorded], name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        write_recorded(path, items)
        assert read_recorded(path) == items


def test_only_readings_and_label_are_needed(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    path.write_text('{"readings": {"margin": 3}, "label": true, "id": "people log more"}\n\n')
    expected = Recorded(step_type="open_chat", readings={"margin": 3.0}, right=True)
    assert read_recorded(path) == [expected]


GOOD = '{"readings": {"a": 1, "b": 2}, "label": true}'


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            '{"readings": {"a": NaN, "b": 1}, "label": true}',
            r"readings\.a: .* finite number",
        ),
        ('{"readings": {"a": 1e999, "b": 1}, "label": true}', r"readings\.a: .* finite number"),
        ('{"readings": {"a": -Infinity, "b": 1}, "label": true}', r"readings\.a: .* finite number"),
        ('{"readings": {"a": "1", "b": 1}, "label": true}', r'readings\.a: .* not "1"; leave out'),
        ('{"readings": {"a": true, "b": 1}, "label": true}', r"readings\.a: .* not true"),
        ('{"readings": {"a": null, "b": 1}, "label": true}', r"readings\.a: .* not null"),
        (
            '{"readings": {"a": 1}, "label": true}',
            r"readings\.b: is missing, and every line must have it; here: a",
        ),
        ('{"readings": {}, "label": true}', "readings: must be an object with at least one number"),
        ('{"readings": [1], "label": true}', "readings: must be an object"),
        ('{"label": true}', "readings: is missing"),
        ('{"readings": {"a": 1, "b": 2}}', "label: is missing; add true or false"),
        ('{"readings": {"a": 1, "b": 2}, "label": 1}', "label: must be true or false, not 1"),
        (
            '{"readings": {"a": 1, "b": 2}, "label": "yes"}',
            'label: must be true or false, not "yes"',
        ),
        (GOOD[:-1] + ', "reference": "no"}', 'reference: must be true or false, not "no"'),
        (GOOD[:-1] + ', "step_type": 3}', "step_type: must be a text, not 3"),
        (GOOD[:-1] + ', "step_type": ""}', "step_type: is empty"),
        (GOOD[:-1] + ', "tokens": 1.5}', "tokens: must be a whole number"),
        (GOOD[:-1] + ', "group": 7}', "group: must be a text, not 7"),
        (GOOD[:-1] + ', "prefixes": {"0": {"a": 1}}}', r"prefixes\.0: the key must be a number"),
        (GOOD[:-1] + ', "prefixes": {"x": {"a": 1}}}', r"prefixes\.x: the key must be a number"),
        (GOOD[:-1] + ', "prefixes": {"4": {"a": NaN}}}', r"prefixes\.4\.a: must be a finite"),
        (GOOD[:-1] + ', "prefixes": {"4": []}}', r"prefixes\.4: must be an object"),
        (GOOD[:-1] + ', "prose": 0}', "prose: must be true or false, not 0"),
        (
            GOOD[:-1] + ', "prefixes": {"4": {"a": 1}, "8": {"b": 1}}}',
            r"prefixes\.8\.a: is missing",
        ),
        ("[1, 2]", "must be an object, not"),
        ("{", "not JSON"),
        ("\x00", "not JSON"),
        ("[" * 100_000, "not JSON"),
        (" " * LONGEST_LINE + GOOD, "is longer than"),
    ],
)
def test_a_faulty_line_is_named(tmp_path: Path, line: str, said: str) -> None:
    path = tmp_path / "r.jsonl"
    path.write_text(f"{GOOD}\n\n{line}\n")
    with pytest.raises(ConfigError, match=said) as told:
        read_recorded(path)
    assert str(told.value).startswith(f"{path}:3: ") and "\n" not in str(told.value)


def test_prefixes_have_the_same_signals_on_all_lines(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    lines = [GOOD[:-1] + f', "prefixes": {{"4": {{"{name}": 1}}}}}}' for name in "ab"]
    path.write_text("\n".join(lines))
    with pytest.raises(ConfigError, match=r"r\.jsonl:2: prefixes\.4\.a: is missing"):
        read_recorded(path)


def test_an_unknown_step_type_is_named_where_only_some_will_do(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    path.write_text(GOOD[:-1] + ', "step_type": "cooking"}')
    assert read_recorded(path)[0].step_type == "cooking"
    with pytest.raises(ConfigError, match=r"r\.jsonl:1: step_type: no step type 'cooking'"):
        read_recorded(path, ["planning"])


@pytest.mark.parametrize("content", [b"", b"\n \n"])
def test_an_empty_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "r.jsonl"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match="is empty"):
        read_recorded(path)


def test_a_missing_file_and_a_broken_archive_are_named(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl.gz"
    with pytest.raises(ConfigError, match=r"r\.jsonl\.gz: no such file"):
        read_recorded(path)
    item = Recorded(step_type="planning", readings={"a": 0.5}, right=True)
    write_recorded(path, [item] * 500)
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(ConfigError, match=r"r\.jsonl\.gz:1: cannot be read"):
        read_recorded(path)


def test_only_what_is_used_need_be_on_every_line_and_be_a_number(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    lines = [
        '{"readings": {"a": 1, "b": null}, "label": true, "prefixes": {"4": {"b": "x"}}}',
        '{"readings": {"a": 2, "c": NaN}, "label": true, "prefixes": {"4": {"a": 3, "b": 0}}}',
    ]
    path.write_text("\n".join(lines))
    found = read_recorded(path, signals=["a"])
    assert [item.readings for item in found] == [{"a": 1.0}, {"a": 2.0}]
    with pytest.raises(ConfigError, match=r"r\.jsonl:1: readings\.b: must be a finite number"):
        read_recorded(path)
    path.write_text(lines[0].replace("null", "1").replace('"x"', "1") + "\n" + lines[1])
    with pytest.raises(ConfigError, match=r"r\.jsonl:2: readings\.b: is missing"):
        read_recorded(path)


@pytest.mark.parametrize("name", ["r.jsonl", "r.log", "r.gz"])
@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_files_of_other_systems_can_be_read(
    tmp_path: Path, name: str, packed: bool, mark: bytes
) -> None:
    path = tmp_path / name
    lines = mark + f"{GOOD}\n{GOOD}\n".encode()
    path.write_bytes(gzip.compress(lines) if packed else lines)
    assert len(read_recorded(path)) == 2


def test_null_is_as_good_as_missing_where_a_key_may_be_missing(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    keys = ("step_type", "reference", "prefixes", "prose", "tokens", "group")
    nulls = "".join(f', "{key}": null' for key in keys)
    path.write_text(f"{GOOD}\n{GOOD[:-1]}{nulls}}}\n")
    first, second = read_recorded(path)
    assert first == second and first.step_type == "open_chat" and first.prose


def test_the_same_drafts_give_the_same_bytes_and_digest(tmp_path: Path) -> None:
    one, other = tmp_path / "a.gz", tmp_path / "b.gz"
    first = Recorded(step_type="planning", readings={"a": 0.5, "b": 1.0}, right=True)
    turned = Recorded(step_type="planning", readings={"b": 1.0, "a": 0.5}, right=True)
    wrong = Recorded(step_type="planning", readings={"a": 0.5, "b": 1.0}, right=False)
    write_recorded(one, [first])
    write_recorded(other, [turned])
    assert one.read_bytes() == other.read_bytes()
    assert digest([first]) == digest([turned]) != digest([wrong])


def test_lines_are_what_the_manual_shows(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    item = Recorded(
        step_type="planning",
        readings={"a": 0.5},
        right=True,
        reference=False,
        prefixes={8: {"a": 1.0}},
        prose=False,
        tokens=9,
        group="g",
    )
    write_recorded(path, [item])
    assert json.loads(path.read_text()) == {
        "step_type": "planning",
        "readings": {"a": 0.5},
        "label": True,
        "reference": False,
        "prefixes": {"8": {"a": 1.0}},
        "prose": False,
        "tokens": 9,
        "group": "g",
    }
