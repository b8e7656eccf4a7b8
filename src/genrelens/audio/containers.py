"""Audio sources, a path, bytes or a file object, opened as containers; and the audio files of a folder."""

import contextlib
import io
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, cast

import av

from genrelens.errors import AudioNotFoundError, AudioUnreadableError, UndecodableAudioError, display_name

Source = str | os.PathLike[str] | bytes | BinaryIO

# Supported containers. Playlists (hls, concat, sdp) are left out: they would make a file open others.
CONTAINERS = (
    "aac,ac3,aiff,amr,ape,asf,au,avi,caf,dsf,eac3,flac,flv,matroska,mov,mp3,mp4,mpc,mpc8,mpeg,mpegts,"
    "ogg,rm,tta,voc,w64,wav,webm,wv"
)

# Extensions of audio files in a folder; a file that is given by its own path is tried whatever its extension.
AUDIO_EXTENSIONS = frozenset((
    ".3gp", ".aac", ".ac3", ".aif", ".aifc", ".aiff", ".amr", ".ape", ".asf", ".au", ".avi", ".caf", ".dsf", ".flac",
    ".flv", ".m4a", ".m4b", ".m4v", ".mka", ".mkv", ".mov", ".mp2", ".mp3", ".mp4", ".mpc", ".mpeg", ".mpg", ".oga",
    ".ogg", ".ogv", ".opus", ".snd", ".ts", ".tta", ".w64", ".wav", ".wave", ".webm", ".wma", ".wv",
))  # fmt: skip


class SeekTolerantFile(io.BufferedReader):
    """A file that returns -1 for a seek before its beginning, which damaged files make FFmpeg attempt.

    An exception would make PyAV log a traceback for each attempt.
    """

    @classmethod
    def open_path(cls, path: str | os.PathLike[str], name: str | os.PathLike[str] | None = None) -> "SeekTolerantFile":
        """Open a file, under another name in results and errors if `name` is given."""
        raw = io.FileIO(path)
        raw.name = os.fspath(name or path)
        return cls(raw)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Seek, or return -1 if the position is before the beginning."""
        try:
            return super().seek(offset, whence)
        except (OSError, ValueError):
            return -1


def has_audio_extension(name: str) -> bool:
    """Return whether a file name looks like audio; macOS leaves files named "._..." on foreign disks, which do not."""
    return os.path.splitext(name)[1].lower() in AUDIO_EXTENSIONS and not name.startswith("._")  # noqa: PTH122 (pathlib is slow)


class _SpooledPipe(tempfile.SpooledTemporaryFile[bytes]):
    """A copy of the content of a pipe, with a settable name."""

    name = "<stream>"


def audio_files(folder: str | os.PathLike[str], on_error: Callable[[OSError], None] | None = None) -> list[Path]:
    """Return the audio files below a folder by their extension, sorted; links to folders are not followed.

    `on_error` is called for each folder that cannot be read.
    """
    folders = os.walk(folder, onerror=on_error)
    return sorted(Path(parent, name) for parent, _, names in folders for name in names if has_audio_extension(name))


def open_source(source: Source, stack: contextlib.ExitStack) -> BinaryIO:
    """Return a seekable file for a source; `stack` closes it, unless the caller opened it.

    FFmpeg gets this file and never a path: it would interpret "concat:..." or unusual bytes in its own way.

    Raises:
        AudioNotFoundError: the path does not exist.
        AudioUnreadableError: the path cannot be opened.
    """
    if isinstance(source, bytes | bytearray | memoryview):
        return SeekTolerantFile(io.BytesIO(source))
    if isinstance(source, str | os.PathLike):
        source = stack.enter_context(_open_path(source))
    if not source.seekable():
        spooled = stack.enter_context(_SpooledPipe(max_size=1 << 24))
        shutil.copyfileobj(source, spooled)
        spooled.name = display_name(source)
        source = cast("BinaryIO", spooled)
    return source


def _open_path(path: str | os.PathLike[str]) -> BinaryIO:
    try:
        return SeekTolerantFile.open_path(path)
    except FileNotFoundError as error:
        raise AudioNotFoundError(f"{display_name(path)} does not exist; check the path") from error
    except IsADirectoryError as error:
        raise AudioUnreadableError(f"{display_name(path)} is a folder; pass the files in it") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise AudioUnreadableError(f"{display_name(path)} cannot be read ({reason}); check its permissions") from error


def open_container(file: BinaryIO, name: str) -> av.container.InputContainer:
    """Open a file with FFmpeg, from its beginning.

    Raises:
        UndecodableAudioError: the file is empty or in an unsupported format.
        AudioUnreadableError: the operating system refuses to read the file.
    """
    try:
        file.seek(0)
        if not file.read(1):
            raise UndecodableAudioError(f"{name} is empty; there is nothing to decode")
        file.seek(0)
        return av.open(file, "r", options={"format_whitelist": CONTAINERS}, metadata_errors="replace")
    except av.FFmpegError as error:
        raise UndecodableAudioError(
            f"{name} is not audio in a supported format, or its beginning is damaged; check that it plays"
        ) from error
    except OSError as error:
        raise AudioUnreadableError(f"{name} cannot be read ({error.strerror}); check the disk") from error
