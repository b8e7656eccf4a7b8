"""Audio streams from a pipe or a radio station, decoded as they arrive and never buffered as a whole."""

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

Encoding = Literal["f32le", "s16le"]  # 32-bit float or 16-bit integer, little-endian

# The sampling rate in Hz, and samples of shape (samples,) or (samples, channels).
SampleChunks = Iterator[tuple[int, NDArray[np.floating[Any]]]]

_CHUNK = 1 << 16  # maximum bytes per read
_TIMEOUT = 30  # s without a byte
_PROBE_BYTES = "65536"  # that FFmpeg may read before it decodes; its default, 5 MB, would be a long wait
_FORMAT_PROBE_BYTES = "32768"  # to detect the format of a stream that is joined midway
_PLAYLISTS = ("mpegurl", "scpls", "xspf")  # parts of the media types of playlists
_ENCODINGS: dict[Encoding, tuple[str, float]] = {"f32le": ("<f4", 1.0), "s16le": ("<i2", 2.0**15)}


class ByteStream(Protocol):
    """A binary file whose `read1` returns what has arrived, and blocks only if nothing has."""

    def read1(self, size: int = -1, /) -> bytes:
        """Read up to `size` bytes; no bytes at the end of the stream."""
        ...


@dataclass(frozen=True)
class RawFormat:
    """The format of raw interleaved samples: their encoding, sampling rate in Hz, and number of channels."""

    encoding: Encoding
    rate: int
    channels: int


def decode_raw(stream: ByteStream, raw_format: RawFormat) -> SampleChunks:
    """Decode raw samples as they arrive; an incomplete last frame is dropped."""
    dtype, full_scale = _ENCODINGS[raw_format.encoding]
    frame_size = raw_format.channels * np.dtype(dtype).itemsize
    rest = b""
    while chunk := stream.read1(_CHUNK):
        rest += chunk
        complete = len(rest) // frame_size * frame_size
        samples = np.frombuffer(rest[:complete], dtype).reshape(-1, raw_format.channels)
        yield raw_format.rate, samples.astype(np.float32) / np.float32(full_scale)
        rest = rest[complete:]


def decode_stream(stream: ByteStream, name: str) -> Iterator[tuple[int, Samples]]:
    """Decode audio in any streamable format as it arrives, to mono; damaged packets are skipped.

    FFmpeg gets a file object and never a URL: it would open other URLs that the stream names.

    Yields:
        The sampling rate in Hz, and samples of shape (samples,).

    Raises:
        UndecodableAudioError: the format is unsupported, or needs the complete file.
        NoAudioStreamError: the stream has no audio.
        AudioUnreadableError: the connection was interrupted.
    """
    decoded = False
    reader = _StreamReader(stream, name)
    options = {"format_whitelist": CONTAINERS, "probesize": _PROBE_BYTES, "formatprobesize": _FORMAT_PROBE_BYTES}
    try:
        with av.open(reader, "r", options=options, metadata_errors="replace") as container:
            for frame in _decode_frames(container, name):
                decoded = True
                yield frame.sample_rate, to_mono(frame)
    except av.FFmpegError:  # the container is cut off: everything before was decoded
        pass
    finally:
        reader.raise_error()
    if not decoded:
        raise UndecodableAudioError(f"{name} is not audio in a streamable format; raw samples need --raw")


@contextlib.contextmanager
def open_url(url: str) -> Iterator[ByteStream]:
    """Open the audio stream at an http or https URL.

    Raises:
        AudioUnreadableError: the URL cannot be reached, or is a playlist.
    """
    try:
        request = urllib.request.Request(url, headers={"User-Agent": "genrelens"})
        response = urllib.request.urlopen(request, timeout=_TIMEOUT)
    except urllib.error.HTTPError as error:
        raise AudioUnreadableError(f"{url} responds with {error.code} {error.reason}; check the URL") from error
    except (OSError, ValueError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        raise AudioUnreadableError(f"{url} cannot be reached ({reason}); check the URL") from error
    with response:
        media_type = response.headers.get_content_type()
        if any(playlist in media_type for playlist in _PLAYLISTS):
            raise AudioUnreadableError(f"{url} is a playlist; give one of the URLs in it")
        yield response


class _StreamReader:
    """The file object that PyAV reads from; it has no `seek`, so that nothing tries to go back.

    PyAV swallows exceptions raised while it reads, such as KeyboardInterrupt. The reader keeps the exception, to be
    raised when PyAV has finished.
    """

    def __init__(self, stream: ByteStream, name: str) -> None:
        self._stream = stream
        self._name = name
        self._error: BaseException | None = None

    def read(self, size: int) -> bytes:
        """Read up to `size` bytes; no bytes after an error."""
        try:
            return b"" if self._error else self._stream.read1(size)
        except BaseException as error:
            self._error = error
            return b""

    def raise_error(self) -> None:
        """Raise the error that ended the stream, if there was one."""
        if isinstance(self._error, OSError | http.client.HTTPException):
            reason = getattr(self._error, "strerror", None) or self._error
            raise AudioUnreadableError(f"{self._name} was interrupted ({reason}); restart to continue") from self._error
        if self._error:
            raise self._error


def _decode_frames(container: av.container.InputContainer, name: str) -> Iterator[av.AudioFrame]:
    stream = container.streams.best("audio")
    if not isinstance(stream, av.AudioStream):
        raise NoAudioStreamError(f"{name} has no audio stream; use a file that contains audio")
    for packet in container.demux(stream):
        with contextlib.suppress(av.FFmpegError):  # a damaged packet
            yield from packet.decode()
