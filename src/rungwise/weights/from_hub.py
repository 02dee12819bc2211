"""How is a model had from the Hugging Face hub, or from a mirror that speaks as it does?

The hub's own client asks, names and resumes; its `hf_hub_download` starts a file anew in each
process, so a broken download is taken up here, by its `http_get` with the bytes that are there.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rungwise.errors import ConfigError
from rungwise.weights.hub import the_hub
from rungwise.weights.sources import Advance, Listed, Listing, Sought, is_commit

if TYPE_CHECKING:
    from tqdm import tqdm

__all__ = ["HubSource"]


@dataclass(frozen=True, slots=True)
class HubSource:
    """`endpoint`: a mirror for this run, which is not sent HF_TOKEN. None: HF_ENDPOINT, or the
    hub itself."""

    endpoint: str | None = None

    @property
    def _own(self) -> bool:
        return self.endpoint is None

    @property
    def _token(self) -> bool | None:
        """None: the owner's, where there is one."""
        return None if self._own else False

    def _place(self) -> str:
        from huggingface_hub import constants

        return self.endpoint or constants.ENDPOINT

    def listing(self, sought: Sought) -> Listing:
        hub = the_hub()
        if hub.offline:
            raise ConfigError(
                f"{sought.repository} is asked of {self._place()}, and HF_HUB_OFFLINE is set; "
                "unset it, or name a folder of models with --from"
            )
        from huggingface_hub import HfApi, constants

        with _told(sought, self._place(), self._own):
            info = HfApi(endpoint=self.endpoint, token=self._token).model_info(
                sought.repository,
                revision=sought.revision,
                files_metadata=True,
                timeout=constants.HF_HUB_DOWNLOAD_TIMEOUT,
            )
        where = f"{sought.repository} at {self._place()}"
        if not is_commit(info.sha) or (is_commit(sought.revision) and info.sha != sought.revision):
            raise ConfigError(f"{where} does not say which commit it gives; take another mirror")
        files = tuple(_listed(where, sibling) for sibling in info.siblings or ())
        return Listing(where=where, commit=info.sha, files=files)

    def copy(
        self, sought: Sought, listing: Listing, file: Listed, part: Path, advance: Advance
    ) -> None:
        """From the commit that was listed; redirects are followed, without the token to others."""
        from huggingface_hub import hf_hub_url
        from huggingface_hub.file_download import http_get
        from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]

        url = hf_hub_url(
            sought.repository, file.name, revision=listing.commit, endpoint=self.endpoint
        )
        headers = {**build_hf_headers(token=self._token), "Accept-Encoding": "identity"}
        while True:
            begun = _bytes(part)
            try:
                with _told(sought, self._place(), self._own), part.open("ab") as opened:
                    http_get(
                        url,
                        opened,
                        resume_size=begun,
                        headers=headers,
                        expected_size=file.size,
                        displayed_filename=file.name,
                        tqdm_class=_telling(advance),
                    )
                return
            except _Broken:  # releases before 2 give up at once
                if not begun < _bytes(part) < file.size:
                    raise  # nothing comes any more: what did is kept for the next run


class _Broken(ConfigError):
    """The connection, after whatever had come."""


def _bytes(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _listed(where: str, sibling: Any) -> Listed:
    lfs, size = sibling.lfs, sibling.size
    sha256 = lfs.sha256 if lfs is not None else None
    if size is None or (sha256 is None and sibling.blob_id is None):
        raise ConfigError(
            f"{where} tells no size and no hash of {sibling.rfilename}: nothing could be checked; "
            "take another mirror"
        )
    return Listed(name=sibling.rfilename, size=size, sha256=sha256, blob=sibling.blob_id)


def _telling(advance: Advance) -> type[tqdm[Any]]:
    """A bar that shows nothing, and tells how far it is."""
    from tqdm import tqdm

    class Telling(tqdm):  # type: ignore[type-arg]
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **{**options, "disable": True})

        def update(self, n: float | None = 1) -> None:
            advance(int(n or 0))

    return Telling


@contextmanager
def _told(sought: Sought, place: str, own: bool) -> Iterator[None]:
    """What the hub's client raises, as one line with its mend."""
    from huggingface_hub import errors

    name = sought.repository
    try:
        yield
    except errors.GatedRepoError:
        raise ConfigError(_gated(name, place, own=own)) from None
    except errors.RevisionNotFoundError:
        pin = ", which its card pins" if sought.pinned else ""
        raise ConfigError(
            f"{name} has no revision {sought.revision}{pin} at {place}; name one with --revision"
        ) from None
    except errors.RepositoryNotFoundError:
        raise ConfigError(
            f"there is no {name} at {place}, or it is private; correct the id, or "
            + ("export HF_TOKEN" if own else "ask a mirror that has it")
        ) from None
    except errors.RemoteEntryNotFoundError as error:
        file = str(error.response.url).partition("?")[0].rpartition("/")[2]
        raise ConfigError(
            f"{place} lists {file} of {name} and lacks it; take a mirror that is whole"
        ) from None
    except errors.HfHubHTTPError as error:
        raise ConfigError(_refused(name, place, error, own=own)) from None
    except OSError as error:
        if error.errno is not None and not isinstance(error, ConnectionError):
            raise
        raise _Broken(_broken(name, place, error)) from None
    except Exception as error:
        if not _of_the_network(error):
            raise
        raise _Broken(_broken(name, place, error)) from None


def _gated(name: str, place: str, *, own: bool) -> str:
    if not own:
        return (
            f"{name} is gated, and a mirror named with --from is sent no token; set HF_ENDPOINT to "
            "it if it may have yours"
        )
    accept = f"accept its licence on {place}/{name}"
    if the_hub().token:
        return f"{name} is gated, and HF_TOKEN's owner may not have it; {accept}, and wait"
    return f"{name} is gated, and HF_TOKEN is not set; {accept} and export HF_TOKEN"


def _refused(name: str, place: str, error: Any, *, own: bool) -> str:
    response = error.response
    told = f"{response.status_code} {response.reason_phrase}".strip()
    word = " ".join(str(response.headers.get("X-Error-Message") or "").split())[:200]
    token = ", correct HF_TOKEN" if own and the_hub().token else ""
    return (
        f"{place} answers {told}{f' ({word})' if word else ''} for {name}; try again later{token}, "
        "or name a mirror with --from"
    )


def _broken(name: str, place: str, error: Exception) -> str:
    word = next(iter(str(error).splitlines()), "")[:200] or type(error).__name__
    return (
        f"{name} cannot be had from {place} ({word}); see to the network and run it again, it goes "
        "on from there, or name a folder of models with --from"
    )


def _of_the_network(error: Exception) -> bool:
    """By the HTTP library of the hub's client, which is another one in its next release."""
    return any(kind.__module__.partition(".")[0] in _HTTP for kind in type(error).__mro__)


_HTTP = ("httpx", "httpx2", "httpcore", "httpcore2")
