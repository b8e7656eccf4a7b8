"""Audio that comes as it is played, from a pipe or a radio station: decoded as it arrives, and never held."""

import contextlib
import http.client
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import av
import numpy as np
from numpy.typing import NDArray

from genrelens.audio.containers import CONTAINERS
from genrelens.audio.decoder import Samples, to_mono
from genrelens.errors import AudioUnreadableError, NoAudioStreamError, UndecodableAudioError

Encoding = Literal["f32le", "s16le"]
SampleChunks = Iterator[
    tuple[int, NDArray[np.floating[Any]]]
]  # the rate in Hz, and samples (samples,) or (samples, channels)

_CHUNK = 1 << 16  # bytes read at most at a time
_TIMEOUT = 30  # s without a byte
_LOOKED_AT = "65536"  # bytes that FFmpeg may read before it decodes; its own 5 MB of a wav would be a long wait
_GUESSED_FROM = "32768"  # bytes to tell the format from, if a stream is joined midway
_PLAYLISTS = ("mpegurl", "scpls", "xspf")  # in the types of what only names streams
_STORED: dict[Encoding, tuple[str, float]] = {"f32le": ("<f4", 1.0), "s16le": ("<i2", 2.0**15)}


class ByteStream(Protocol):
    """A file that gives what has come so far, and waits only if that is nothing."""

    def read1(self, size: int = -1, /) -> bytes:
        """Up to `size` bytes; none at the end."""
        ...


@dataclass(frozen=True)
class RawFormat:
    """How bare samples are written: interleaved, in this encoding, at `rate` Hz."""

    encoding: Encoding
    rate: int
    channels: int


def decode_raw(file: ByteStream, how: RawFormat) -> SampleChunks:
    """Samples as they are; an incomplete last one is left out."""
    stored, full_scale = _STORED[how.encoding]
    size = how.channels * np.dtype(stored).itemsize
    rest = b""
    while chunk := file.read1(_CHUNK):
        rest += chunk
        whole = len(rest) // size * size
        samples = np.frombuffer(rest[:whole], stored).reshape(-1, how.channels)
        yield how.rate, samples.astype(np.float32) / np.float32(full_scale)
        rest = rest[whole:]


def decode_stream(file: ByteStream, name: str) -> Iterator[tuple[int, Samples]]:
    """The sound of any format that can be read from its beginning, mono; what is damaged is left out.

    FFmpeg gets a file object and never an address: it would open others that the stream names.

    Raises:
        UndecodableAudioError: it is in no format that we know, or in one that must be had whole.
        NoAudioStreamError: it has no sound.
        AudioUnreadableError: the stream breaks off.
    """
    heard = False
    reader = _Reader(file, name)
    options = {"format_whitelist": CONTAINERS, "probesize": _LOOKED_AT, "formatprobesize": _GUESSED_FROM}
    try:
        with av.open(reader, "r", options=options, metadata_errors="replace") as container:
            for frame in _frames(container, name):
                heard = True
                yield frame.sample_rate, to_mono(frame)
    except av.FFmpegError:  # the container breaks off: what came has been heard
        pass
    finally:
        reader.tell_break()
    if not heard:
        raise UndecodableAudioError(
            f"{name} is not audio in a format that can be heard as it comes; raw samples need --raw"
        )


@contextlib.contextmanager
def open_url(address: str) -> Iterator[ByteStream]:
    """What an http or https address sends, for as long as it does.

    Raises:
        AudioUnreadableError: it cannot be reached, or sends no sound.
    """
    try:
        request = urllib.request.Request(address, headers={"User-Agent": "genrelens"})
        answer = urllib.request.urlopen(request, timeout=_TIMEOUT)
    except urllib.error.HTTPError as error:
        raise AudioUnreadableError(f"{address} answers {error.code} {error.reason}; check the address") from error
    except (OSError, ValueError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        raise AudioUnreadableError(f"{address} cannot be reached ({reason}); check the address") from error
    with answer:
        kind = answer.headers.get_content_type()
        if any(playlist in kind for playlist in _PLAYLISTS):
            raise AudioUnreadableError(f"{address} is a playlist; give one of the addresses in it")
        yield answer


class _Reader:
    """What PyAV reads from: without `seek`, so that nothing tries to go back.

    PyAV loses what is raised while it reads, Ctrl-C for one; it is kept here, and told when PyAV has come to an end.
    """

    def __init__(self, file: ByteStream, name: str) -> None:
        self._file = file
        self._name = name
        self._break: BaseException | None = None

    def read(self, size: int) -> bytes:
        """What has come, up to `size` bytes; nothing more after a break."""
        if self._break:
            return b""
        try:
            return self._file.read1(size)
        except BaseException as error:
            self._break = error
            return b""

    def tell_break(self) -> None:
        """Raise what broke off the stream, if something did."""
        if isinstance(self._break, OSError | http.client.HTTPException):
            reason = getattr(self._break, "strerror", None) or self._break
            raise AudioUnreadableError(f"{self._name} broke off ({reason}); start again to go on") from self._break
        if self._break:
            raise self._break


def _frames(container: av.container.InputContainer, name: str) -> Iterator[av.AudioFrame]:
    stream = container.streams.best("audio")
    if not isinstance(stream, av.AudioStream):
        raise NoAudioStreamError(f"{name} has no audio stream; give one with sound in it")
    for packet in container.demux(stream):
        with contextlib.suppress(av.FFmpegError):  # it is damaged
            yield from packet.decode()
