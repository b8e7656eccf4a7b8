"""From a model's name, path or address to a checked local file."""

import hashlib
import http.client
import json
import os
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import IO

import platformdirs

from genrelens.errors import ChecksumError, DownloadError, ModelNotFoundError, display_name
from genrelens.files import atomic_write
from genrelens.model.torch_checkpoint import read_checkpoint
from genrelens.model.weightless import insert_weights

DEFAULT_MODEL = "lens"
MODELS_FOLDER_ENV = "GENRELENS_MODELS"  # an environment variable: look here, and download nothing

_CHUNK = 1 << 20
_TIMEOUT = 30  # s without an answer

Progress = Callable[[int, int | None], None]  # bytes had, bytes in all if known


@dataclass(frozen=True)
class RemoteCheckpoint:
    """A checkpoint of others, where they have put it."""

    url: str
    sha256: str

    @property
    def name(self) -> str:
        """Of the file."""
        return self.url.rpartition("/")[2]


@dataclass(frozen=True)
class ZooEntry:
    """A model that we know by name: bundled, whole or as a template that lacks the weights of a checkpoint."""

    name: str
    summary: str
    sha256: str
    weights: RemoteCheckpoint | None = None


def known_models() -> dict[str, ZooEntry]:
    """The models that can be named, the bundled ones first."""
    entries = json.loads(_asset("zoo.json").read_text("utf-8"))
    return {entry["name"]: _entry(**entry) for entry in entries}


def _entry(weights: dict[str, str] | None = None, **fields: str) -> ZooEntry:
    return ZooEntry(**fields, weights=RemoteCheckpoint(**weights) if weights else None)


def find(model: str | os.PathLike[str], progress: Progress | None = None) -> Path:
    """The local file of a model; it is downloaded if it must be, and its checksum is verified.

    Args:
        model: a name that `known_models` lists, a name of a file in the folder that GENRELENS_MODELS gives (without
            ".onnx"), a path, or an address "https://...#sha256=..." with the checksum of the file.
        progress: told of a download's bytes.

    Raises:
        ModelNotFoundError: none of these.
        ChecksumError: the file is not the one that was promised.
        DownloadError: the address does not give it, or it cannot be kept.
    """
    text = os.fspath(model)
    if text.startswith(("http://", "https://")):
        return _from_address(text, progress)
    if isinstance(model, os.PathLike) or text.endswith(".onnx") or os.sep in text:
        if not os.path.isfile(model):  # noqa: PTH113 (pathlib raises where a folder is closed to us)
            raise ModelNotFoundError(f"{display_name(model)} does not exist; `genrelens models` lists what there is")
        return Path(model)
    return _from_name(text, progress)


def cache_folder() -> Path:
    """Where downloaded models are kept."""
    return Path(platformdirs.user_cache_dir("genrelens")) / "models"


def is_local(entry: ZooEntry) -> bool:
    """Whether `find` would need no network for it."""
    if entry.weights is None:
        return True
    places = (_offline(f"{entry.name}.onnx"), _cached(entry), _offline(entry.weights.name), _download(entry.weights))
    return any(place.is_file() for place in places if place)


def _from_name(name: str, progress: Progress | None) -> Path:
    entry = known_models().get(name)
    offline = _offline(f"{name}.onnx")
    if offline is not None and offline.is_file():
        return _checked(offline, entry.sha256) if entry else offline
    if entry is None:
        raise ModelNotFoundError(
            f"there is no model {name!r}; known are {', '.join(known_models())}, or give a path to an .onnx file"
        )
    if entry.weights is None:
        return _checked(_asset(f"{name}.onnx"), entry.sha256)
    if _cached(entry).is_file():
        return _checked(_cached(entry), entry.sha256)
    content = insert_weights(_asset(f"{name}.zip"), read_checkpoint(fetch_checkpoint(entry.weights, progress)))
    return _kept(_cached(entry), entry.sha256, name, lambda file: file.write(content))


def fetch_checkpoint(weights: RemoteCheckpoint, progress: Progress | None = None) -> Path:
    """The local file of a checkpoint, from the folder that GENRELENS_MODELS gives, or downloaded once.

    Raises:
        ChecksumError: the file is not the one that was promised.
        DownloadError: the address does not give it, or it cannot be kept.
    """
    offline = _offline(weights.name)
    if offline is not None and offline.is_file():
        return _checked(offline, weights.sha256)
    return _downloaded(weights.url, weights.sha256, _download(weights), progress)


def _from_address(address: str, progress: Progress | None) -> Path:
    url, _, fragment = address.partition("#")
    sha256 = fragment.removeprefix("sha256=").lower()
    if len(sha256) != 64 or not fragment.startswith("sha256="):
        raise ChecksumError(f"{url} comes without a checksum; add #sha256=... with the one that its owner states")
    try:
        name = Path(urllib.parse.urlsplit(url).path).name
    except ValueError as error:
        raise DownloadError(f"{url} is not an address ({error})") from error
    return _downloaded(url, sha256, cache_folder() / f"{sha256[:16]}-{name}", progress)


def _offline(name: str) -> Path | None:
    folder = os.environ.get(MODELS_FOLDER_ENV)
    return Path(folder) / name if folder else None


def _download(weights: RemoteCheckpoint) -> Path:
    return cache_folder() / f"{weights.sha256[:16]}-{weights.name}"


def _cached(entry: ZooEntry) -> Path:
    return cache_folder() / f"{entry.sha256[:16]}-{entry.name}.onnx"


def _checked(path: Path, sha256: str, origin: str = "") -> Path:
    """The path, if its content is what was promised; an `origin` is named in its place."""
    try:
        with path.open("rb") as file:
            actual = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ModelNotFoundError(f"{display_name(path)} cannot be read ({error.strerror}); install GenreLens anew") from error
    if actual != sha256:
        raise ChecksumError(
            f"{origin or display_name(path)} has SHA-256 {actual[:12]}..., not the {sha256[:12]}... that was promised; "
            + ("ask its owner" if origin else "delete it and get it anew")
        )
    return path


def _downloaded(url: str, sha256: str, target: Path, progress: Progress | None) -> Path:
    if target.is_file():
        return _checked(target, sha256)
    if os.environ.get(MODELS_FOLDER_ENV):
        raise DownloadError(
            f"{url} is not downloaded while {MODELS_FOLDER_ENV} is set; put the file into that folder, or unset it"
        )
    return _kept(target, sha256, url, lambda file: _fetch(url, file, progress))


def _kept(target: Path, sha256: str, origin: str, write: Callable[[IO[bytes]], object]) -> Path:
    """Write a file of ours, whole and as it was promised, or not at all."""
    try:
        with atomic_write(target) as file:
            write(file)
            file.flush()
            _checked(Path(file.name), sha256, origin)
    except OSError as error:
        raise DownloadError(
            f"{origin} cannot be kept in {display_name(target.parent)} ({error.strerror}); make room there, or set "
            f"{MODELS_FOLDER_ENV} to a folder that holds the file"
        ) from error
    return target


def _fetch(url: str, file: IO[bytes], progress: Progress | None) -> None:
    try:
        _copy(url, file, progress)
    except urllib.error.HTTPError as error:
        raise DownloadError(f"{url} answers {error.code} {error.reason}; check the address") from error
    except (urllib.error.URLError, http.client.HTTPException, TimeoutError) as error:
        reason = getattr(error, "reason", error)
        raise DownloadError(f"{url} cannot be reached ({reason}); check the network, or try later") from error


def _copy(url: str, file: IO[bytes], progress: Progress | None) -> None:
    request = urllib.request.Request(url, headers={"User-Agent": "genrelens"})
    with urllib.request.urlopen(request, timeout=_TIMEOUT) as answer:
        length = answer.headers.get("Content-Length")
        total = int(length) if length else None
        had = 0
        while chunk := answer.read(_CHUNK):
            file.write(chunk)
            had += len(chunk)
            if progress:
                progress(had, total)


def _asset(name: str) -> Path:
    return Path(str(files("genrelens") / "assets" / name))
