"""Where audio comes from: a path, bytes or a file object, opened as a container; and the audio files of a folder."""

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

# Containers that we open. Playlists (hls, concat, sdp) are left out: they would make a file open others.
CONTAINERS = (
    "aac,ac3,aiff,amr,ape,asf,au,avi,caf,dsf,eac3,flac,flv,matroska,mov,mp3,mp4,mpc,mpc8,mpeg,mpegts,"
    "ogg,rm,tta,voc,w64,wav,webm,wv"
)

# What is looked for in a folder; a file that is named itself is tried whatever it is called.
AUDIO_EXTENSIONS = frozenset(
    {
        *(".3gp", ".aac", ".ac3", ".aif", ".aifc", ".aiff", ".amr", ".ape", ".asf", ".au", ".avi", ".caf", ".dsf"),
        *(".flac", ".flv", ".m4a", ".m4b", ".m4v", ".mka", ".mkv", ".mov", ".mp2", ".mp3", ".mp4", ".mpc", ".mpeg"),
        *(".mpg", ".oga", ".ogg", ".ogv", ".opus", ".snd", ".ts", ".tta", ".w64", ".wav", ".wave", ".webm", ".wma"),
        ".wv",
    }
)


class SeekTolerantFile(io.BufferedReader):
    """A file that answers -1 to a seek before its beginning, where damaged files send FFmpeg.

    PyAV would write a trace of the error to the log for each.
    """

    @classmethod
    def open_path(cls, path: str | os.PathLike[str], name: str | os.PathLike[str] | None = None) -> "Readable":
        """A file on disk, which may be called by another name than it has there, in results and in errors."""
        raw = io.FileIO(path)
        raw.name = os.fspath(name or path)
        return cls(raw)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """As any file, but for that."""
        try:
            return super().seek(offset, whence)
        except (OSError, ValueError):
            return -1


def has_audio_extension(name: str) -> bool:
    """Whether a file's name ends like audio; "._" begins what macOS leaves beside files on foreign disks."""
    return os.path.splitext(name)[1].lower() in AUDIO_EXTENSIONS and not name.startswith("._")  # noqa: PTH122 (pathlib is slow)


class _Spooled(tempfile.SpooledTemporaryFile[bytes]):
    """What came from a pipe, and is called as the pipe is."""

    name = "<stream>"  # which could not be set otherwise


def audio_files(folder: str | os.PathLike[str], on_error: Callable[[OSError], None] | None = None) -> list[Path]:
    """The files below a folder whose names end like audio, sorted; links to folders are not followed.

    `on_error` is told of folders that cannot be read.
    """
    found = os.walk(folder, onerror=on_error)
    return sorted(Path(place, name) for place, _, names in found for name in names if has_audio_extension(name))


def open_source(source: Source, stack: contextlib.ExitStack) -> BinaryIO:
    """A seekable file, which `stack` closes unless it is the caller's.

    FFmpeg gets this and never a path: it would read "concat:..." or odd bytes in its own way.

    Raises:
        AudioNotFoundError, AudioUnreadableError: it cannot be opened.
    """
    if isinstance(source, bytes | bytearray | memoryview):
        return SeekTolerantFile(io.BytesIO(source))
    if isinstance(source, str | os.PathLike):
        source = stack.enter_context(_open_path(source))
    if not source.seekable():
        spooled = stack.enter_context(_Spooled(max_size=1 << 24))
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
        raise AudioUnreadableError(f"{display_name(path)} is a folder; give the files in it") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise AudioUnreadableError(f"{display_name(path)} cannot be read ({reason}); check its permissions") from error


def open_container(file: BinaryIO, name: str) -> av.container.InputContainer:
    """Let FFmpeg look into a file, from its beginning.

    Raises:
        UndecodableAudioError: it is empty, or in no format that we know.
        AudioUnreadableError: the system refuses to read it.
    """
    try:
        file.seek(0)
        if not file.read(1):
            raise UndecodableAudioError(f"{name} is empty; there is nothing to decode")
        file.seek(0)
        return av.open(file, "r", options={"format_whitelist": CONTAINERS}, metadata_errors="replace")
    except av.FFmpegError as error:
        raise UndecodableAudioError(
            f"{name} is not audio in a format that we know, or its beginning is damaged; try to play it"
        ) from error
    except OSError as error:
        raise AudioUnreadableError(f"{name} cannot be read ({error.strerror}); check the disk") from error
