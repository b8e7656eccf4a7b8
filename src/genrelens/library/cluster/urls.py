"""Remote files: found, read and written through fsspec by URL, such as s3://bucket/song.mp3."""

import contextlib
import io
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, cast

import fsspec
from fsspec.implementations.local import LocalFileSystem

from genrelens.audio.containers import SeekTolerantFile, has_audio_extension
from genrelens.errors import AudioNotFoundError, AudioUnreadableError, RemoteFileError, display_name
from genrelens.library.catalog.tracks import FileStamp


def is_url(source: str) -> bool:
    """Return whether a source is a URL rather than a local path."""
    return "://" in source


def resolve_file_system(source: str) -> tuple[Any, str]:
    """Return the fsspec file system of a path or URL, and the path within that file system.

    Raises:
        RemoteFileError: fsspec does not support the URL, or the package for it is not installed.
    """
    if not is_url(source):
        return LocalFileSystem(), str(Path(source).absolute())
    try:
        system, path = fsspec.url_to_fs(source)
    except (ImportError, ValueError) as error:
        name = display_name(source)
        raise RemoteFileError(f"{name} cannot be opened ({error}); see the list of file systems of fsspec") from error
    return system, path


def find_audio(source: str) -> list[str]:
    """Return the audio files in a folder, or those listed one per line in a text file, as absolute paths or URLs.

    Repeated lines of a list count once.

    Raises:
        RemoteFileError: the folder or list is missing or cannot be read, or the source is an audio file.
    """
    system, path = resolve_file_system(source)
    title = display_name(source)
    try:
        if system.isdir(path):
            names = sorted(name for name in system.find(path) if has_audio_extension(Path(name).name))
            return [system.unstrip_protocol(name) for name in names] if is_url(source) else names
        lines = None if has_audio_extension(Path(path).name) else system.cat_file(path).splitlines()
    except Exception as error:  # each file system raises its own errors
        raise RemoteFileError(f"{title} cannot be read ({_reason(error)}); pass a folder or a list") from error
    if lines is None:
        raise RemoteFileError(f"{title} is an audio file; pass a folder, or a text file that lists audio files")
    entries = (line.decode("utf-8", "surrogateescape") for line in lines if line.strip())
    return list(dict.fromkeys(entry if is_url(entry) else os.path.abspath(entry) for entry in entries))  # noqa: PTH100


@contextlib.contextmanager
def open_url(url: str) -> Iterator[tuple[BinaryIO, FileStamp]]:
    """Open a remote audio file for reading, and yield it with its stamp.

    Raises:
        AudioNotFoundError: the file does not exist.
        AudioUnreadableError: the file cannot be opened; or, at the end of the block, could not be read to the end.
    """
    system, path = resolve_file_system(url)
    try:
        stamp = FileStamp(system.info(path)["size"], _modification_time(system, path))
        file = system.open(path, "rb")
    except FileNotFoundError as error:
        raise AudioNotFoundError(f"{display_name(url)} does not exist; check the URL") from error
    except Exception as error:  # each file system raises its own errors
        raise _unreadable_error(url, error) from error
    with file:
        reader = _ErrorRecordingReader(file, url)
        try:
            yield cast("BinaryIO", SeekTolerantFile(reader)), stamp
        finally:
            if reader.error:  # a decoder would take it for the end of the file, and the track for a shorter one
                raise _unreadable_error(url, reader.error) from reader.error


def write_atomically(system: Any, path: str, content: bytes) -> None:
    """Write a file on any fsspec file system, so that it is either complete or missing."""
    partial = f"{path}.{secrets.token_hex(4)}.partial"
    try:
        system.pipe_file(partial, content)
        system.mv(partial, path)
    except BaseException:
        with contextlib.suppress(Exception):
            system.rm_file(partial)
        raise


class _ErrorRecordingReader(io.RawIOBase):
    """A remote file that records the error of a failed read."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._file = file
        self.name = name
        self.error: Exception | None = None

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            content = self._file.read(len(buffer))
        except Exception as error:
            self.error = error
            raise OSError(_reason(error)) from error
        buffer[: len(content)] = content
        return len(content)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._file.seek(offset, whence)
        return self._file.tell()  # `io.IOBase` reports the position by seeking from it by 0


def _modification_time(system: Any, path: str) -> int:
    """Return the modification time of a file in ns; 0 if the file system does not provide it."""
    try:
        return int(system.modified(path).timestamp() * 1e9)
    except NotImplementedError:
        return 0


def _unreadable_error(url: str, error: Exception) -> AudioUnreadableError:
    return AudioUnreadableError(f"{display_name(url)} cannot be read ({_reason(error)}); check access and network")


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error or type(error).__name__).splitlines()[0].rstrip(".")
