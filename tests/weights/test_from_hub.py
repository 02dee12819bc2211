"""Does all that a hub can refuse end in one line with its mend, and does a token stay at home?"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from huggingface_hub import constants

from rungwise.errors import ConfigError
from rungwise.weights.from_hub import HubSource
from tests.doubles.hub import COMMIT, OLDER, Hub
from tests.doubles.upstream import refused_url
from tests.weights.fetched import MODEL, WEIGHTS, demo_files, demo_hub, fetch

Open = Callable[[Hub], Hub]


def refused(hub: Hub, to: Path, revision: str | None = COMMIT, **more: object) -> str:
    with pytest.raises(ConfigError) as raised:
        fetch(hub, to, revision, **more)  # type: ignore[arg-type]
    assert "\n" not in str(raised.value) and "; " in str(raised.value)
    return str(raised.value)


@pytest.fixture
def own(open_hub: Open, monkeypatch: pytest.MonkeyPatch) -> Callable[[Hub], Hub]:
    """As HF_ENDPOINT would name it: the hub's own client, with its token."""

    def as_endpoint(hub: Hub) -> Hub:
        monkeypatch.setattr(constants, "ENDPOINT", open_hub(hub).url)
        template = f"{hub.url}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        return hub

    return as_endpoint


@pytest.mark.parametrize("redirect", ["absolute", "relative"])
def test_large_files_come_from_where_the_hub_redirects(
    redirect: str, open_hub: Open, tmp_path: Path
) -> None:
    hub = open_hub(demo_hub(redirect=redirect))
    fetch(hub, tmp_path, COMMIT)
    blobs = [one for one in hub.seen if one.path.startswith("/blobs/")]
    assert {one.server for one in blobs} == {"cdn" if redirect == "absolute" else "hub"}
    assert len(blobs) == 2 and all(one.status == 200 for one in blobs)


def test_the_token_goes_to_the_hub_and_not_to_whom_it_redirects(
    own: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_mine")
    hub = demo_hub()
    hub.repositories[MODEL].gated, hub.repositories[MODEL].readers = True, ("hf_mine",)
    own(hub)
    fetch(HubSource(), tmp_path, COMMIT)
    asked = {(one.server, one.token) for one in hub.seen}
    assert asked == {("hub", "hf_mine"), ("cdn", None)}


def test_a_mirror_of_one_run_is_sent_no_token(
    open_hub: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_mine")
    hub = open_hub(demo_hub())
    fetch(hub, tmp_path, COMMIT)
    assert {one.token for one in hub.seen} == {None}
    hub.repositories[MODEL].gated = True
    assert refused(hub, tmp_path / "other") == (
        f"{MODEL} is gated, and a mirror named with --from is sent no token; set HF_ENDPOINT to it "
        "if it may have yours"
    )


@pytest.mark.parametrize(
    ("token", "said"),
    [
        (None, "HF_TOKEN is not set; accept its licence on {url}/org/bottom and export HF_TOKEN"),
        ("hf_other", "HF_TOKEN's owner may not have it; accept its licence on {url}/org/bottom"),
    ],
)
def test_a_gated_model_is_told_before_anything_large(
    token: str | None, said: str, own: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if token:
        monkeypatch.setenv("HF_TOKEN", token)
    hub = demo_hub()
    hub.repositories[MODEL].gated = True
    own(hub)
    with pytest.raises(ConfigError) as raised:
        fetch(HubSource(), tmp_path, COMMIT)
    assert str(raised.value).startswith(f"{MODEL} is gated, and {said.format(url=hub.url)}")
    assert hub.had() == []


def test_a_revision_that_is_not_there(open_hub: Open, tmp_path: Path) -> None:
    hub = open_hub(demo_hub())
    assert refused(hub, tmp_path, OLDER, pinned=True) == (
        f"{MODEL} has no revision {OLDER}, which its card pins at {hub.url}; name one with "
        "--revision"
    )


def test_a_repository_that_is_not_there(open_hub: Open, tmp_path: Path) -> None:
    hub = open_hub(demo_hub())
    assert refused(hub, tmp_path, model="org/none") == (
        f"there is no org/none at {hub.url}, or it is private; correct the id, or ask a mirror "
        "that has it"
    )


def test_a_file_that_is_listed_and_not_there(open_hub: Open, tmp_path: Path) -> None:
    hub = open_hub(demo_hub(lost={"tokenizer.json"}))
    assert refused(hub, tmp_path) == (
        f"{hub.url} lists tokenizer.json of {MODEL} and lacks it; take a mirror that is whole"
    )


def without(*names: str) -> Hub:
    files = {name: text for name, text in demo_files().items() if name not in names}
    return demo_hub(files)


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        (("config.json",), "holds no config.json: it is no model as vLLM serves it; name its"),
        ((WEIGHTS,), "holds its weights as pickles only, which can run code; take a revision"),
        ((WEIGHTS, "pytorch_model.bin"), "holds no *.safetensors; take a revision with them"),
        (("tokenizer.json",), "holds no tokenizer; take a revision with tokenizer.json"),
    ],
)
def test_a_revision_that_could_not_be_served_is_refused_by_its_list(
    missing: tuple[str, ...], said: str, open_hub: Open, tmp_path: Path
) -> None:
    hub = open_hub(without(*missing))
    assert refused(hub, tmp_path).startswith(f"{MODEL} at {hub.url} {said}")
    assert len(hub.seen) == 1, "nothing but the list was asked for"
    assert list(tmp_path.iterdir()) == []


def test_code_that_comes_with_a_model_is_refused(open_hub: Open, tmp_path: Path) -> None:
    files = demo_files()
    config = {**json.loads(files["config.json"]), "auto_map": {"AutoModel": "modeling_bottom.M"}}
    hub = open_hub(demo_hub({**files, "config.json": json.dumps(config).encode()}))
    assert "asks for code that comes with the model (auto_map in config.json), which is never" in (
        refused(hub, tmp_path)
    )
    assert hub.had() == []


@pytest.mark.parametrize("named", ["pytorch_model.bin", "../model.safetensors", "gone.safetensors"])
def test_an_index_that_names_what_it_may_not(named: str, open_hub: Open, tmp_path: Path) -> None:
    index = json.dumps({"weight_map": {"a": named}}).encode()
    hub = open_hub(demo_hub({**demo_files(), "model.safetensors.index.json": index}))
    said = {
        "pytorch_model.bin": "names pytorch_model.bin, which is no *.safetensors; take another",
        "../model.safetensors": "is no index of weights (a name of a file is not one); fetch it",
        "gone.safetensors": "lacks gone.safetensors; take a revision or a mirror that is whole",
    }
    assert said[named] in refused(hub, tmp_path)
    assert hub.had() == []


def test_a_mirror_that_tells_no_hashes_is_refused(open_hub: Open, tmp_path: Path) -> None:
    hub = open_hub(demo_hub(hashes=False))
    assert (
        "tells no size and no hash of chat_template.jinja: nothing could be checked; take another"
        in (refused(hub, tmp_path))
    )


def test_a_mirror_that_gives_another_commit_is_refused(open_hub: Open, tmp_path: Path) -> None:
    hub = demo_hub()
    hub.repositories[MODEL].refs[OLDER] = COMMIT
    assert "does not say which commit it gives; take another mirror" in (
        refused(open_hub(hub), tmp_path, OLDER)
    )


def test_an_answer_that_is_none_of_the_hub_s(open_hub: Open, tmp_path: Path) -> None:
    hub = open_hub(demo_hub(fails=[503]))
    assert refused(hub, tmp_path) == (
        f"{hub.url} answers 503 Service Unavailable for {MODEL}; try again later, or name a mirror "
        "with --from"
    )


def test_no_network(open_hub: Open, tmp_path: Path) -> None:
    open_hub(Hub())
    hub = Hub(url=refused_url())
    assert refused(hub, tmp_path).startswith(f"{MODEL} cannot be had from {hub.url} (")
    assert refused(hub, tmp_path).endswith(
        "see to the network and run it again, it goes on from there, or name a folder of models "
        "with --from"
    )


def test_a_connection_that_breaks_every_time(open_hub: Open, tmp_path: Path) -> None:
    hub = open_hub(demo_hub(cuts=[0] * 100))
    assert f"{MODEL} cannot be had from {hub.url} (" in refused(hub, tmp_path)


def test_offline_is_kept(open_hub: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub = open_hub(demo_hub())
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert refused(hub, tmp_path) == (
        f"{MODEL} is asked of {hub.url}, and HF_HUB_OFFLINE is set; unset it, or name a folder of "
        "models with --from"
    )
    assert hub.seen == []
