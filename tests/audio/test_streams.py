import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genrelens.audio.streams import RawFormat, decode_raw, decode_stream, open_url
from genrelens.errors import AudioUnreadableError, NoAudioStreamError, UndecodableAudioError
from tests.support.audio import RATE, encode, encode_video, tone
from tests.support.streams import respond_with, serve_http


class SlowPipe(io.BytesIO):
    """A pipe that returns a few bytes at a time, counts them, and cannot seek."""

    def __init__(self, content: bytes, chunk_size: int = 1_000, end: Exception | None = None) -> None:
        super().__init__(content)
        self.bytes_read = 0
        self._chunk_size = chunk_size
        self._end = end

    def read1(self, size: int | None = -1, /) -> bytes:
        chunk = super().read(min(self._chunk_size, size if size and size > 0 else self._chunk_size))
        self.bytes_read += len(chunk)
        if not chunk and self._end:
            raise self._end
        return chunk

    def seek(self, offset: int, whence: int = 0, /) -> int:
        raise AssertionError("a pipe cannot seek")


def decode(file: SlowPipe) -> tuple[int, float]:
    """Return the sampling rate and the decoded seconds."""
    chunks = list(decode_stream(file, "pipe"))
    return chunks[0][0], sum(len(samples) / rate for rate, samples in chunks)


@pytest.mark.parametrize(
    ("name", "codec"),
    [("a.mp3", "libmp3lame"), ("a.ogg", "vorbis"), ("a.flac", "flac"), ("a.aac", "aac"), ("a.wav", "pcm_s16le")],
)
def test_audio_is_decoded_before_the_stream_is_complete(tmp_path: Path, name: str, codec: str) -> None:
    noise = 0.3 * np.random.default_rng(0).standard_normal((2, 10 * RATE)).astype(np.float32)
    file = SlowPipe(encode(tmp_path / name, noise, codec=codec).read_bytes())
    chunks = decode_stream(file, "pipe")
    next(chunks)
    assert file.bytes_read < len(file.getvalue()) / 4
    assert sum(len(samples) for _, samples in chunks) == pytest.approx(10 * RATE, rel=0.02)


def test_a_stream_can_be_joined_midway(tmp_path: Path) -> None:
    content = encode(tmp_path / "a.mp3", tone(440, 10), codec="libmp3lame").read_bytes()
    rate, seconds = decode(SlowPipe(content[5_000:]))
    assert rate == RATE
    assert seconds == pytest.approx(10 * (1 - 5_000 / len(content)), abs=0.5)


def test_the_audio_of_a_video_stream_is_decoded(tmp_path: Path) -> None:
    film = encode_video(tmp_path / "a.mkv", tone(440, 2))
    assert decode(SlowPipe(film.read_bytes()))[1] == pytest.approx(2, abs=0.1)
    with pytest.raises(NoAudioStreamError, match="pipe has no audio stream"):
        decode(SlowPipe(encode_video(tmp_path / "b.mkv", None).read_bytes()))


@pytest.mark.parametrize("content", [b"", b"words " * 20_000, b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", bytes(99)])
def test_streams_that_are_not_audio_are_undecodable(content: bytes) -> None:
    with pytest.raises(UndecodableAudioError, match="pipe is not audio in a streamable format"):
        decode(SlowPipe(content))


def test_a_format_that_is_not_streamable_is_undecodable(tmp_path: Path) -> None:
    with pytest.raises(UndecodableAudioError, match="not audio in a streamable format"):
        decode(SlowPipe(encode(tmp_path / "a.m4a", tone(440, 3), codec="aac").read_bytes()))


def test_damage_is_skipped_and_an_interruption_is_raised(tmp_path: Path) -> None:
    content = bytearray(encode(tmp_path / "a.mp3", tone(440, 10), codec="libmp3lame").read_bytes())
    content[40_000:44_000] = bytes(4_000)
    assert decode(SlowPipe(bytes(content)))[1] > 9
    chunks = decode_stream(SlowPipe(bytes(content), end=ConnectionResetError(104, "Connection reset by peer")), "radio")
    with pytest.raises(AudioUnreadableError, match=r"radio was interrupted \(Connection reset by peer\)"):
        list(chunks)


def test_a_keyboard_interrupt_while_reading_is_raised(tmp_path: Path) -> None:
    class Interrupted(SlowPipe):
        def read1(self, size: int | None = -1, /) -> bytes:
            if self.bytes_read <= 50_000:
                return super().read1(size)
            self.interrupts += 1
            raise KeyboardInterrupt

        interrupts = 0

    file = Interrupted(encode(tmp_path / "a.mp3", tone(440, 10), codec="libmp3lame").read_bytes())
    with pytest.raises(KeyboardInterrupt):
        decode(file)
    assert file.interrupts == 1  # the pipe was not read again


@given(st.integers(1, 50), st.sampled_from(["f32le", "s16le"]), st.integers(1, 3))
def test_raw_samples_are_decoded_exactly(chunk_size: int, encoding: str, channels: int) -> None:
    numbers = np.arange(-6 * channels, 6 * channels).reshape(-1, channels)
    stored = (numbers * 1_000).astype("<i2") if encoding == "s16le" else (numbers / 32.768).astype("<f4")
    file = SlowPipe(stored.tobytes() + b"\1", chunk_size)
    chunks = list(decode_raw(file, RawFormat(encoding, 48_000, channels)))  # type: ignore[arg-type]
    assert {rate for rate, _ in chunks} == {48_000}
    np.testing.assert_allclose(np.concatenate([samples for _, samples in chunks]), numbers / 32.768, rtol=1e-6)


def test_a_url_is_read_to_its_end() -> None:
    with serve_http(respond_with(200, "audio/mpeg", b"sound")) as url, open_url(url) as file:
        assert file.read1(100) + file.read1(100) == b"sound"


@pytest.mark.parametrize(
    ("status", "media_type", "message"),
    [
        (404, "text/html", "responds with 404 Not Found; check the URL"),
        (200, "audio/x-mpegurl", "is a playlist; give one"),
    ],
)
def test_urls_that_are_not_streams_are_unreadable(status: int, media_type: str, message: str) -> None:
    with (
        serve_http(respond_with(status, media_type, b"")) as url,
        pytest.raises(AudioUnreadableError, match=message),
        open_url(url),
    ):
        pass


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "http://[", "http://127.0.0.1:99999/"])
def test_urls_that_cannot_be_reached_are_unreadable(url: str) -> None:
    with pytest.raises(AudioUnreadableError, match=r"cannot be reached \(.+\); check the URL"), open_url(url):
        pass
