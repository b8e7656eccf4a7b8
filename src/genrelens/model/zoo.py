"""The model zoo: from the name, path or URL of a model to a verified local file."""

import hashlib
import http.client
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
from pydantic import TypeAdapter

from genrelens.errors import ChecksumError, DownloadError, ModelNotFoundError, display_name
from genrelens.files import atomic_write
from genrelens.model.weightless import insert_weights, read_checkpoint
from genrelens.progress import Progress, no_progress

MODELS_FOLDER_ENV = "GENRELENS_MODELS"  # environment variable: use the files of this folder, and download nothing

_CHUNK = 1 << 20  # bytes
_TIMEOUT = 30  # s without a response


@dataclass(frozen=True)
class RemoteCheckpoint:
    """A checkpoint at the URL where its authors publish it, with the SHA-256 of the file in hex."""

    url: str
    sha256: str

    @property
    def name(self) -> str:
        """The file name."""
        return self.url.rpartition("/")[2]


@dataclass(frozen=True)
class ZooEntry:
    """A bundled model, with the SHA-256 of the complete file in hex.

    If it builds on a published checkpoint, the bundled file is weightless, and `weights` is the checkpoint to insert.
    """

    name: str
    summary: str
    sha256: str
    weights: RemoteCheckpoint | None = None


def known_models() -> dict[str, ZooEntry]:
    """Return the models that can be used by name."""
    entries: list[ZooEntry] = TypeAdapter(list[ZooEntry]).validate_json(_asset("zoo.json").read_bytes())
    return {entry.name: entry for entry in entries}


def find(model: str | os.PathLike[str], progress: Progress = no_progress) -> Path:
    """Return the local file of a model, downloaded if necessary; the checksum of zoo models and downloads is verified.

    Args:
        model: name in `known_models`; name of a file in the GENRELENS_MODELS folder (without ".onnx"); path; or URL
            "https://...#sha256=..." with the checksum of the file.
        progress: called with the number of bytes of each downloaded chunk, and the size of the file if known.

    Raises:
        ModelNotFoundError: no model has this name or path.
        ChecksumError: the file does not match its checksum.
        DownloadError: the download failed, or the file cannot be stored.
    """
    text = os.fspath(model)
    if text.startswith(("http://", "https://")):
        return _find_by_url(text, progress)
    if isinstance(model, os.PathLike) or text.endswith(".onnx") or os.sep in text:
        if not os.path.isfile(model):  # noqa: PTH113 (pathlib raises if the folder is not accessible)
            raise ModelNotFoundError(f"{display_name(model)} does not exist; `genrelens models` lists the known models")
        return Path(model)
    return _find_by_name(text, progress)


def cache_folder() -> Path:
    """Return the folder for downloaded models."""
    return Path(platformdirs.user_cache_dir("genrelens")) / "models"


def is_local(entry: ZooEntry) -> bool:
    """Return whether `find` needs no network for a model."""
    weights = entry.weights
    if weights is None or _offline_file(f"{entry.name}.onnx") or _offline_file(weights.name):
        return True
    cached = (_cache_path(entry.sha256, f"{entry.name}.onnx"), _cache_path(weights.sha256, weights.name))
    return any(path.is_file() for path in cached)


def _find_by_name(name: str, progress: Progress) -> Path:
    entry = known_models().get(name)
    if offline := _offline_file(f"{name}.onnx"):
        return _verify(offline, entry.sha256) if entry else offline
    if entry is None:
        raise ModelNotFoundError(
            f"no model is named {name!r}; use one of {', '.join(known_models())}, or the path to an .onnx file"
        )
    if entry.weights is None:
        return _verify(_asset(f"{name}.onnx"), entry.sha256)
    cached = _cache_path(entry.sha256, f"{name}.onnx")
    if cached.is_file():
        return _verify(cached, entry.sha256)
    content = insert_weights(_asset(f"{name}.zip"), read_checkpoint(fetch_checkpoint(entry.weights, progress)))
    return _store(cached, entry.sha256, name, lambda file: file.write(content))


def fetch_checkpoint(weights: RemoteCheckpoint, progress: Progress = no_progress) -> Path:
    """Return the local file of a checkpoint, from the GENRELENS_MODELS folder, the cache, or its URL.

    Raises:
        ChecksumError: the file does not match its checksum.
        DownloadError: the download failed, or the file cannot be stored.
    """
    if offline := _offline_file(weights.name):
        return _verify(offline, weights.sha256)
    return _download(weights.url, weights.sha256, _cache_path(weights.sha256, weights.name), progress)


def _find_by_url(model: str, progress: Progress) -> Path:
    url, _, fragment = model.partition("#")
    sha256 = fragment.removeprefix("sha256=").lower()
    if len(sha256) != 64 or not fragment.startswith("sha256="):
        raise ChecksumError(f"{url} has no checksum; add #sha256=... with the SHA-256 that the publisher states")
    try:
        name = Path(urllib.parse.urlsplit(url).path).name
    except ValueError as error:
        raise DownloadError(f"{url} is not a valid URL ({error})") from error
    return _download(url, sha256, _cache_path(sha256, name), progress)


def _offline_file(name: str) -> Path | None:
    folder = os.environ.get(MODELS_FOLDER_ENV)
    return file if folder and (file := Path(folder, name)).is_file() else None


def _cache_path(sha256: str, name: str) -> Path:
    return cache_folder() / f"{sha256[:16]}-{name}"


def _verify(path: Path, sha256: str, origin: str = "") -> Path:
    """Return the path if its content has this SHA-256; `origin` names the file in errors if it is not its path."""
    try:
        with path.open("rb") as file:
            actual = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        message = f"{display_name(path)} cannot be read ({error.strerror}); reinstall GenreLens"
        raise ModelNotFoundError(message) from error
    if actual != sha256:
        remedy = "ask its publisher" if origin else "delete it and get it again"
        name = origin or display_name(path)
        raise ChecksumError(f"{name} has SHA-256 {actual[:12]}... instead of {sha256[:12]}...; {remedy}")
    return path


def _download(url: str, sha256: str, target: Path, progress: Progress) -> Path:
    if target.is_file():
        return _verify(target, sha256)
    if os.environ.get(MODELS_FOLDER_ENV):
        raise DownloadError(
            f"{url} is not downloaded while {MODELS_FOLDER_ENV} is set; put the file into that folder, or unset it"
        )
    return _store(target, sha256, url, lambda file: _fetch(url, file, progress))


def _store(target: Path, sha256: str, origin: str, write: Callable[[IO[bytes]], object]) -> Path:
    """Write a file of the cache atomically, and only if it matches its checksum."""
    try:
        with atomic_write(target) as file:
            write(file)
            file.flush()
            _verify(Path(file.name), sha256, origin)
    except OSError as error:
        raise DownloadError(
            f"{origin} cannot be stored in {display_name(target.parent)} ({error.strerror}); free some space, or set "
            f"{MODELS_FOLDER_ENV} to a folder that contains the file"
        ) from error
    return target


def _fetch(url: str, file: IO[bytes], progress: Progress) -> None:
    request = urllib.request.Request(url, headers={"User-Agent": "genrelens"})
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT) as response:
            length = response.headers.get("Content-Length")
            total = int(length) if length else None
            while chunk := response.read(_CHUNK):
                file.write(chunk)
                progress(len(chunk), total)
    except urllib.error.HTTPError as error:
        raise DownloadError(f"{url} responds with {error.code} {error.reason}; check the URL") from error
    except (urllib.error.URLError, http.client.HTTPException, TimeoutError) as error:
        reason = getattr(error, "reason", error)
        raise DownloadError(f"{url} cannot be reached ({reason}); check the network, or try later") from error


def _asset(name: str) -> Path:
    return Path(str(files("genrelens") / "assets" / name))
