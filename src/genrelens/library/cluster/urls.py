"""Files that lie elsewhere: found, read and written through fsspec by an address, such as s3://bucket/song.mp3."""

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


def is_url(place: str) -> bool:
    """Whether this is the address of a file rather than the path of one on this machine."""
    return "://" in place


def resolve_file_system(place: str) -> tuple[Any, str]:
    """The file system of a path or address, and how it calls the place.

    Raises:
        AddressError: it is of a kind that fsspec does not know, or whose package is not installed.
    """
    if not is_url(place):
        return LocalFileSystem(), str(Path(place).absolute())
    try:
        system, inner = fsspec.url_to_fs(place)
    except (ImportError, ValueError) as error:
        raise RemoteFileError(
            f"{display_name(place)} cannot be opened ({error}); see the list of file systems of fsspec"
        ) from error
    return system, inner


def find_audio(where: str) -> list[str]:
    """The audio files in a folder, or those that a text file names one a line: paths, made absolute, or addresses.

    What a list names several times is one file.

    Raises:
        AddressError: there is no such folder or list, or it is an audio file.
    """
    system, inner = resolve_file_system(where)
    try:
        if system.isdir(inner):
            names = sorted(name for name in system.find(inner) if has_audio_extension(Path(name).name))
            return [system.unstrip_protocol(name) for name in names] if is_url(where) else names
        lines = None if has_audio_extension(Path(inner).name) else system.cat_file(inner).splitlines()
    except Exception as error:  # each file system raises errors of its own
        raise RemoteFileError(f"{display_name(where)} cannot be read ({_reason(error)}); give a folder or a list") from error
    if lines is None:
        raise RemoteFileError(f"{display_name(where)} is an audio file; give a folder, or a text file that names some")
    named = (line.decode("utf-8", "surrogateescape") for line in lines if line.strip())
    return list(dict.fromkeys(name if is_url(name) else os.path.abspath(name) for name in named))  # noqa: PTH100


@contextlib.contextmanager
def open_url(address: str) -> Iterator[tuple[BinaryIO, FileStamp]]:
    """A file elsewhere, opened for reading, and what tells it from another of its name. Use it in a `with`.

    Raises:
        AudioNotFoundError, AudioUnreadableError: it cannot be opened, or, at the end of the block, could not be read.
    """
    system, inner = resolve_file_system(address)
    try:
        stamp = FileStamp(system.info(inner)["size"], _changed(system, inner))
        file = system.open(inner, "rb")
    except FileNotFoundError as error:
        raise AudioNotFoundError(f"{display_name(address)} does not exist; check the address") from error
    except Exception as error:  # each file system raises errors of its own
        raise _unreadable(address, error) from error
    with file:
        watched = _Watched(file, address)
        try:
            yield cast("BinaryIO", SeekTolerantFile(watched)), stamp
        finally:
            if watched.failure:  # a decoder takes it for the end of the file, which would be a shorter song
                raise _unreadable(address, watched.failure) from watched.failure


def write_atomically(system: Any, name: str, content: bytes) -> None:
    """Write a file that is whole or not there under its name, on any file system."""
    partial = f"{name}.{secrets.token_hex(4)}.partial"
    try:
        system.pipe_file(partial, content)
        system.mv(partial, name)
    except BaseException:
        with contextlib.suppress(Exception):
            system.rm_file(partial)
        raise


class _Watched(io.RawIOBase):
    """A file elsewhere that keeps the error of a reading that failed."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._file = file
        self.name = name
        self.failure: Exception | None = None

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            content = self._file.read(len(buffer))
        except Exception as error:
            self.failure = error
            raise OSError(_reason(error)) from error
        buffer[: len(content)] = content
        return len(content)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()


def _changed(system: Any, inner: str) -> int:
    """When a file was changed, in ns; 0 where that is not told."""
    try:
        return int(system.modified(inner).timestamp() * 1e9)
    except NotImplementedError:
        return 0


def _unreadable(address: str, error: Exception) -> AudioUnreadableError:
    return AudioUnreadableError(f"{display_name(address)} cannot be read ({_reason(error)}); check access and network")


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error or type(error).__name__).splitlines()[0].rstrip(".")
