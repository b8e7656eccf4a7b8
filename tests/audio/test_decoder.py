import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
import pytest
from numpy.typing import NDArray

from genrelens.audio.decoder import ArrayReader, AudioReader, load
from genrelens.audio.windows import iter_windows
from genrelens.errors import (
    AudioNotFoundError,
    AudioUnreadableError,
    NoAudioStreamError,
    UndecodableAudioError,
)
from tests.support.audio import RATE, encode, encode_video, tone

MakeWav = Callable[..., Path]

FORMATS = [
    ("a.mp3", "libmp3lame"),
    ("a.m4a", "aac"),
    ("alac.m4a", "alac"),
    ("a.flac", "flac"),
    ("a.ogg", "vorbis"),
    ("a.opus", "libopus"),
    ("u8.wav", "pcm_u8"),
    ("s16.wav", "pcm_s16le"),
    ("s24.wav", "pcm_s24le"),
    ("s32.wav", "pcm_s32le"),
    ("f32.wav", "pcm_f32le"),
    ("f64.wav", "pcm_f64le"),
    ("a.aiff", "pcm_s16be"),
    ("a.au", "pcm_s16be"),
    ("a.wma", "wmav2"),
    ("a.wv", "wavpack"),
]


def frequency(samples: NDArray[Any], rate: int) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(spectrum.argmax() * rate / len(samples))


@pytest.mark.parametrize(("name", "codec"), FORMATS)
def test_every_format_decodes_to_the_encoded_tone(tmp_path: Path, name: str, codec: str) -> None:
    rate = 48_000 if codec == "libopus" else RATE
    file = encode(tmp_path / name, tone(440, 3, rate), codec=codec, rate=rate)
    samples = load(file, 22_050)
    assert samples.dtype == np.float32
    assert len(samples) / 22_050 == pytest.approx(3, abs=0.08)
    middle = samples[11_025:55_125]
    assert frequency(middle, 22_050) == pytest.approx(440, abs=1)
    assert np.abs(middle).max() == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize(("rate", "channels"), [(8_000, 1), (11_025, 2), (96_000, 2), (192_000, 6)])
def test_any_sampling_rate_and_channel_count_can_be_decoded(tmp_path: Path, rate: int, channels: int) -> None:
    file = encode(tmp_path / "a.wav", tone(440, 2, rate, channels), codec="pcm_s16le", rate=rate)
    samples = load(file, 22_050)
    assert len(samples) == pytest.approx(44_100, abs=50)
    assert frequency(samples, 22_050) == pytest.approx(440, abs=1)


def test_channels_are_averaged(tmp_path: Path) -> None:
    left = tone(440, 1, channels=1)
    file = encode(tmp_path / "a.wav", np.concatenate([left, -left]), codec="pcm_s16le")
    assert np.abs(load(file, RATE)).max() < 1e-4


def test_samples_are_exact_without_resampling(tmp_path: Path) -> None:
    wave = tone(440, 1, channels=1)
    file = encode(tmp_path / "a.wav", wave, codec="pcm_f32le")
    np.testing.assert_allclose(load(file, RATE), wave[0], atol=1e-6)


def test_a_source_can_be_text_path_bytes_or_file(wav: MakeWav) -> None:
    file = wav(seconds=1)
    expected = load(file, 8_000)
    content = file.read_bytes()
    with file.open("rb") as opened:
        opened.seek(100)
        for source in (str(file), content, io.BytesIO(content), opened):
            np.testing.assert_array_equal(load(source, 8_000), expected)
        assert not opened.closed


def test_a_pipe_can_be_decoded(wav: MakeWav) -> None:
    file = wav(seconds=1)
    with subprocess.Popen(["cat", str(file)], stdout=subprocess.PIPE) as process:
        assert process.stdout
        np.testing.assert_array_equal(load(cast("BinaryIO", process.stdout), 8_000), load(file, 8_000))


@pytest.mark.parametrize("name", [b"\xff\xfe.wav", "naïve 🎷\n.wav".encode(), b"concat:x.wav", b"-.wav"])
def test_unusual_file_names_can_be_opened(wav: MakeWav, tmp_path: Path, name: bytes) -> None:
    target = tmp_path / os.fsdecode(name)
    wav(seconds=1).rename(target)
    assert len(load(target, 8_000)) == 8_000


def test_the_audio_stream_of_a_video_is_decoded(tmp_path: Path) -> None:
    file = encode_video(tmp_path / "film.mp4", tone(440, 2))
    assert frequency(load(file, 22_050), 22_050) == pytest.approx(440, abs=1)


def test_bad_files_raise_specific_errors(tmp_path: Path) -> None:
    (tmp_path / "empty.mp3").touch()
    (tmp_path / "text.mp3").write_text("not music\n" * 500)
    (tmp_path / "playlist.mp3").write_text("#EXTM3U\nfile:///etc/passwd\n")
    encode_video(tmp_path / "silent film.mp4", None)
    for name, error, words in (
        ("missing.mp3", AudioNotFoundError, "does not exist"),
        ("empty.mp3", UndecodableAudioError, "is empty"),
        ("text.mp3", UndecodableAudioError, "not audio in a supported format"),
        ("playlist.mp3", UndecodableAudioError, "not audio in a supported format"),
        ("silent film.mp4", NoAudioStreamError, "no audio stream"),
        (".", AudioUnreadableError, "is a folder"),
        ("nul\0.mp3", AudioUnreadableError, "cannot be read"),
    ):
        with pytest.raises(error, match=words):
            load(tmp_path / name, 22_050)


def test_a_file_without_read_permission_is_unreadable(wav: MakeWav, monkeypatch: pytest.MonkeyPatch) -> None:
    def raise_permission_error(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    file = wav()
    monkeypatch.setattr("genrelens.audio.containers.io.FileIO", raise_permission_error)  # root may read everything
    with pytest.raises(AudioUnreadableError, match=r"tone\.wav cannot be read \(Permission denied\)"):
        load(file, 22_050)


def test_an_audio_stream_without_samples_is_undecodable(tmp_path: Path) -> None:
    file = encode(tmp_path / "a.wav", tone(seconds=1), codec="pcm_s16le")
    content = file.read_bytes()
    file.write_bytes(content[: content.index(b"data") + 8])
    with pytest.raises(UndecodableAudioError, match="contains no audio"):
        load(file, 22_050)


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [("a.mp3", "libmp3lame", {}), ("a.flac", "flac", {}), ("a.m4a", "aac", {"movflags": "faststart"})],
)
@pytest.mark.parametrize("count", ["all", 3])
def test_a_truncated_file_is_decoded_with_a_warning(
    tmp_path: Path, name: str, codec: str, options: dict[str, str], count: Any
) -> None:
    rng = np.random.default_rng(0)
    noise = rng.uniform(-0.5, 0.5, (2, 10 * RATE)).astype(np.float32)
    file = encode(tmp_path / name, noise, codec=codec, options=options)
    content = file.read_bytes()
    file.write_bytes(content[: len(content) * 6 // 10])
    with AudioReader(file, 22_050) as reader:
        windows = list(iter_windows(reader, 1.0, 0.5, count))
        assert reader.duration == pytest.approx(6, abs=0.5)
        assert any("cut off or damaged: 10.0 s declared" in warning for warning in reader.warnings)
    assert all(len(window.samples) == 22_050 for window in windows)
    assert windows[-1].start == pytest.approx(5 if count == "all" else 4.5, abs=0.5)


def test_damage_in_the_middle_is_skipped_with_a_warning(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    noise = rng.uniform(-0.5, 0.5, (2, 5 * RATE)).astype(np.float32)
    file = encode(tmp_path / "a.m4a", noise, codec="aac")
    content = bytearray(file.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 4_000] = rng.bytes(4_000)
    file.write_bytes(content)
    with AudioReader(file, 22_050) as reader:
        samples = np.concatenate(list(reader.blocks()))
        assert reader.warnings == ["damaged: part of the audio could not be decoded and was skipped"]
    assert 4 * 22_050 < len(samples) < 5 * 22_050


def test_non_finite_samples_become_silence(tmp_path: Path) -> None:
    wave = tone(440, 1, channels=1)
    wave[0, 100:200] = np.nan
    wave[0, 300:400] = np.inf
    wave[0, 500:600] = 1e25
    file = encode(tmp_path / "a.wav", wave, codec="pcm_f32le")
    with AudioReader(file, RATE) as reader:
        samples = np.concatenate(list(reader.blocks()))
        assert reader.warnings == ["NaN, infinite or absurdly large samples were replaced by silence"]
    assert np.isfinite(samples).all()
    assert not samples[100:200].any()


def test_a_chained_stream_is_decoded_to_its_end_each_time(tmp_path: Path) -> None:
    first = encode(tmp_path / "a.ogg", tone(440, 3), codec="vorbis").read_bytes()
    second = encode(tmp_path / "b.ogg", tone(880, 3), codec="vorbis").read_bytes()
    with AudioReader(first + second, 22_050) as reader:
        lengths = [sum(map(len, reader.blocks())) / 22_050 for _ in range(2)]
    assert lengths == pytest.approx([6, 6], abs=0.1)


def test_the_duration_of_an_mp3_without_a_header_is_counted(tmp_path: Path) -> None:
    """A quiet and a loud part at variable bit rate: a duration estimated from the bit rate is far off."""
    loud = np.random.default_rng(0).uniform(-0.5, 0.5, (2, 10 * RATE))
    samples = np.concatenate([np.zeros((2, 10 * RATE)), loud], axis=1)
    file = tmp_path / "a.mp3"
    encode(file, samples, codec="libmp3lame", options={"write_xing": "0"}, codec_options={"global_quality": "236"})
    with AudioReader(file, 22_050) as reader:
        assert reader.duration == pytest.approx(20, abs=0.2)
        windows = list(iter_windows(reader, 1.0, 0.5, 3))
        assert reader.warnings == []
    assert len(windows) == 3


class FailingFile(io.BytesIO):
    """A file on a disk that fails after some reads."""

    reads = 0

    def read(self, size: int | None = -1) -> bytes:
        self.reads += 1
        if self.reads > self.allowed:
            raise OSError(5, "Input/output error")
        return super().read(size)

    def __init__(self, content: bytes, allowed: int) -> None:
        super().__init__(content)
        self.allowed = allowed


def test_read_errors_raise_or_end_the_audio_with_a_warning(tmp_path: Path) -> None:
    content = encode(tmp_path / "a.wav", tone(440, 20), codec="pcm_s16le").read_bytes()
    with pytest.raises(AudioUnreadableError, match=r"cannot be read \(Input/output error\)"):
        load(FailingFile(content, 0), 22_050)
    with AudioReader(FailingFile(content, 80), 22_050) as reader:
        samples = np.concatenate(list(reader.blocks()))
        assert reader.warnings
    assert 0 < len(samples) < 20 * 22_050


def test_reading_starts_at_the_given_second(tmp_path: Path) -> None:
    ramp = np.linspace(0, 1, 4 * RATE, dtype=np.float32)[None]
    for name, codec in (("a.wav", "pcm_f32le"), ("a.flac", "flac")):
        file = encode(tmp_path / name, ramp, codec=codec)
        with AudioReader(file, RATE) as reader:
            for start in (0.0, 2.0, 1.0, 3.5):
                first = next(reader.blocks(start))[0]
                assert first == pytest.approx(start / 4, abs=1e-3), name


def test_the_digest_ignores_tags(tmp_path: Path) -> None:
    def digest(name: str, hz: float, title: str) -> str:
        file = encode(tmp_path / name, tone(hz), codec="libmp3lame", tags={"title": title})
        with AudioReader(file, 22_050) as reader:
            return reader.digest()

    assert digest("a.mp3", 440, "one") == digest("b.mp3", 440, "another")
    assert digest("a.mp3", 440, "one") != digest("c.mp3", 441, "one")


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from /proc")
def test_three_hours_are_decoded_in_bounded_memory(tmp_path: Path) -> None:
    file = encode(tmp_path / "long.wav", tone(seconds=1, rate=8_000, channels=1), codec="pcm_u8", rate=8_000)
    content = file.read_bytes()
    with file.open("wb") as out:  # the sizes in the header mean "until the end"
        out.write(content[:4] + b"\xff\xff\xff\xff" + content[8 : content.index(b"data") + 4] + b"\xff\xff\xff\xff")
        for _ in range(3 * 60):
            out.write(content[-8_000:] * 60)
    code = (
        "import re, sys; from genrelens.audio.decoder import AudioReader\n"
        "from genrelens.audio.windows import iter_windows\n"
        "with AudioReader(sys.argv[1], 8000) as reader:\n"
        "    count = sum(1 for _ in iter_windows(reader, 10.0, 10.0, 'all'))\n"
        "print(count, int(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1]) // 1024)"
    )
    process = subprocess.run([sys.executable, "-c", code, str(file)], capture_output=True, text=True, check=True)
    count, megabytes = map(int, process.stdout.split())
    assert count == 1080
    assert megabytes < 200


def test_an_array_is_read_like_a_file() -> None:
    stereo = np.stack([np.ones(8_000), np.zeros(8_000)], axis=1)
    stereo[10, 0] = np.nan
    recording = ArrayReader(stereo, 4_000, stored_rate=8_000)
    assert recording.duration == 1.0
    assert recording.warnings == ["NaN, infinite or absurdly large samples were replaced by silence"]
    assert len(next(recording.blocks(0.25))) == 3_000
    assert next(recording.blocks())[2_000] == pytest.approx(0.5, abs=1e-3)
