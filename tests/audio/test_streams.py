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


class Dripping(io.BytesIO):
    """A pipe that gives a little at a time, counts it, and cannot go back."""

    def __init__(self, content: bytes, at_once: int = 1_000, end: Exception | None = None) -> None:
        super().__init__(content)
        self.given = 0
        self._at_once = at_once
        self._end = end

    def read1(self, size: int | None = -1, /) -> bytes:
        chunk = super().read(min(self._at_once, size if size and size > 0 else self._at_once))
        self.given += len(chunk)
        if not chunk and self._end:
            raise self._end
        return chunk

    def seek(self, offset: int, whence: int = 0, /) -> int:
        raise AssertionError("a pipe cannot go back")


def heard(file: Dripping) -> tuple[int, float]:
    """The rate, and how many seconds."""
    pieces = list(decode_stream(file, "pipe"))
    return pieces[0][0], sum(len(samples) / rate for rate, samples in pieces)


@pytest.mark.parametrize(
    ("name", "codec"),
    [("a.mp3", "libmp3lame"), ("a.ogg", "vorbis"), ("a.flac", "flac"), ("a.aac", "aac"), ("a.wav", "pcm_s16le")],
)
def test_sound_is_had_as_it_comes(tmp_path: Path, name: str, codec: str) -> None:
    noise = 0.3 * np.random.default_rng(0).standard_normal((2, 10 * RATE)).astype(np.float32)
    file = Dripping(encode(tmp_path / name, noise, codec=codec).read_bytes())
    pieces = decode_stream(file, "pipe")
    next(pieces)
    assert file.given < len(file.getvalue()) / 4
    assert sum(len(samples) for _, samples in pieces) == pytest.approx(10 * RATE, rel=0.02)


def test_a_station_is_joined_midway(tmp_path: Path) -> None:
    content = encode(tmp_path / "a.mp3", tone(440, 10), codec="libmp3lame").read_bytes()
    rate, seconds = heard(Dripping(content[5_000:]))
    assert rate == RATE
    assert seconds == pytest.approx(10 * (1 - 5_000 / len(content)), abs=0.5)


def test_the_sound_of_a_film(tmp_path: Path) -> None:
    film = encode_video(tmp_path / "a.mkv", tone(440, 2))
    assert heard(Dripping(film.read_bytes()))[1] == pytest.approx(2, abs=0.1)
    with pytest.raises(NoAudioStreamError, match="pipe has no audio stream"):
        heard(Dripping(encode_video(tmp_path / "b.mkv", None).read_bytes()))


@pytest.mark.parametrize("content", [b"", b"words " * 20_000, b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", bytes(99)])
def test_what_is_no_sound_is_told(content: bytes) -> None:
    with pytest.raises(UndecodableAudioError, match="pipe is not audio in a format that can be heard as it comes"):
        heard(Dripping(content))


def test_a_format_that_must_be_had_whole_is_told(tmp_path: Path) -> None:
    with pytest.raises(UndecodableAudioError, match="heard as it comes"):
        heard(Dripping(encode(tmp_path / "a.m4a", tone(440, 3), codec="aac").read_bytes()))


def test_damage_is_passed_over_and_a_break_is_told(tmp_path: Path) -> None:
    content = bytearray(encode(tmp_path / "a.mp3", tone(440, 10), codec="libmp3lame").read_bytes())
    content[40_000:44_000] = bytes(4_000)
    assert heard(Dripping(bytes(content)))[1] > 9
    pieces = decode_stream(Dripping(bytes(content), end=ConnectionResetError(104, "Connection reset by peer")), "radio")
    with pytest.raises(AudioUnreadableError, match=r"radio broke off \(Connection reset by peer\)"):
        list(pieces)


def test_ctrl_c_comes_through_while_waiting(tmp_path: Path) -> None:
    class Interrupted(Dripping):
        def read1(self, size: int | None = -1, /) -> bytes:
            if self.given <= 50_000:
                return super().read1(size)
            self.interrupts += 1
            raise KeyboardInterrupt

        interrupts = 0

    file = Interrupted(encode(tmp_path / "a.mp3", tone(440, 10), codec="libmp3lame").read_bytes())
    with pytest.raises(KeyboardInterrupt):
        heard(file)
    assert file.interrupts == 1  # it was not read again


@given(st.integers(1, 50), st.sampled_from(["f32le", "s16le"]), st.integers(1, 3))
def test_bare_samples_come_out_as_they_went_in(at_once: int, encoding: str, channels: int) -> None:
    numbers = np.arange(-6 * channels, 6 * channels).reshape(-1, channels)
    stored = (numbers * 1_000).astype("<i2") if encoding == "s16le" else (numbers / 32.768).astype("<f4")
    file = Dripping(stored.tobytes() + b"\1", at_once)
    pieces = list(decode_raw(file, RawFormat(encoding, 48_000, channels)))  # type: ignore[arg-type]
    assert {rate for rate, _ in pieces} == {48_000}
    np.testing.assert_allclose(np.concatenate([samples for _, samples in pieces]), numbers / 32.768, rtol=1e-6)


def test_a_radio_station_is_read_to_its_end() -> None:
    with serve_http(respond_with(200, "audio/mpeg", b"sound")) as address, open_url(address) as file:
        assert file.read1(100) + file.read1(100) == b"sound"


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        (404, "text/html", "answers 404 Not Found; check the address"),
        (200, "audio/x-mpegurl", "is a playlist; give one"),
    ],
)
def test_what_is_no_station_is_told(status: int, kind: str, words: str) -> None:
    with (
        serve_http(respond_with(status, kind, b"")) as address,
        pytest.raises(AudioUnreadableError, match=words),
        open_url(address),
    ):
        pass


@pytest.mark.parametrize("address", ["http://127.0.0.1:1/", "http://[", "http://127.0.0.1:99999/"])
def test_what_cannot_be_reached_is_told(address: str) -> None:
    with pytest.raises(AudioUnreadableError, match=r"cannot be reached \(.+\); check the address"), open_url(address):
        pass
