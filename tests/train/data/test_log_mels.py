import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from genrelens.audio.decoder import load
from genrelens.audio.windows import sliding_windows
from genrelens.errors import CacheError, ManifestError, UndecodableAudioError
from genrelens.features import frontend
from genrelens.features.frontend import FrontEnd, mel_decibels, normalise
from genrelens.model.input_spec import AudioInput
from genrelens.train.data.log_mels import LogMel, LogMelSpec, cache_log_mel, load_log_mels, track_windows
from genrelens.train.data.manifest import LabelledTrack, read_manifest
from genrelens.train.recipes.recipe import PreprocessTable, WaveformTable
from tests.support.training import FRONT_END, SPEC


def spec_with(changes: dict[str, Any]) -> LogMelSpec:
    return LogMelSpec(front_end=FRONT_END.model_copy(update=changes))


def labelled(path: Path | str) -> LabelledTrack:
    return LabelledTrack(str(path), "name", "label")


@pytest.mark.parametrize("processes", [1, 2])
def test_log_mels_are_computed_once(genres: Path, tmp_path: Path, processes: int) -> None:
    tracks = read_manifest(str(genres)).tracks[:6]
    calls = 0

    def progress(advance: int = 1, total: int | None = None) -> None:
        nonlocal calls
        calls += advance

    first = load_log_mels(tracks, SPEC, tmp_path, processes, progress)
    assert calls == 6
    for path, log_mel in first.inputs.items():
        np.testing.assert_allclose(log_mel, mel_decibels(load(path, 11_025), FRONT_END), atol=0.05)
    written = {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*.npy")}
    assert len(written) == 6
    again = load_log_mels(tracks, SPEC, tmp_path, processes)
    assert again.content_hashes == first.content_hashes
    assert {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*.npy")} == written


def test_cache_key_depends_on_the_audio_and_the_front_end(genres: Path, tmp_path: Path) -> None:
    original = next((genres / "low").glob("*.flac"))
    copy = tmp_path / "copy.flac"
    shutil.copy(original, copy)
    cache = tmp_path / "cache"
    loaded = load_log_mels([labelled(original), labelled(copy)], SPEC, cache, 1)
    assert len(set(loaded.content_hashes.values())) == len(list(cache.rglob("*.npy"))) == 1
    load_log_mels([labelled(original)], spec_with({"normalisation": "band", "floor_db": 60}), cache, 1)
    assert len(list(cache.rglob("*.npy"))) == 1
    load_log_mels([labelled(original)], spec_with({"hop": 128}), cache, 1)
    assert len(list(cache.rglob("*.npy"))) == 2


def test_unreadable_files_are_reported_and_skipped(genres: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.wav"
    bad.write_text("no audio")
    good = next((genres / "low").iterdir())
    loaded = load_log_mels([labelled(bad), labelled(good)], SPEC, tmp_path / "cache", 1)
    assert list(loaded.inputs) == [str(good)]
    assert isinstance(loaded.failures[str(bad)], UndecodableAudioError)


def test_damaged_cache_file_is_replaced(genres: Path, tmp_path: Path) -> None:
    track = labelled(next((genres / "low").iterdir()))
    load_log_mels([track], SPEC, tmp_path, 1)
    (file,) = tmp_path.rglob("*.npy")
    whole = file.read_bytes()
    file.write_bytes(whole[:50])
    load_log_mels([track], SPEC, tmp_path, 1)
    assert file.read_bytes() == whole


def test_reports_an_unwritable_cache(genres: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    track = labelled(next((genres / "low").iterdir()))
    (tmp_path / "file").touch()
    with pytest.raises(CacheError, match=r"log-mels cannot be written to .*--cache"):
        load_log_mels([track], SPEC, tmp_path / "file" / "cache", 1)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    with pytest.raises(CacheError, match="No space left on device"):
        load_log_mels([track], SPEC, tmp_path / "cache", 1)
    assert [file for file in (tmp_path / "cache").rglob("*") if file.is_file()] == []


def test_kill_leaves_no_partial_files(genres: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from genrelens.train.data.manifest import read_manifest\n"
        "from genrelens.train.data.log_mels import load_log_mels\n"
        "from tests.support.training import SPEC\n"
        "load_log_mels(read_manifest(sys.argv[1]).tracks, SPEC, Path(sys.argv[2]), 1, lambda: print('.', flush=True))"
    )
    with subprocess.Popen([sys.executable, "-c", code, genres, tmp_path], stdout=subprocess.PIPE) as process:
        assert process.stdout
        for _ in range(3):
            process.stdout.readline()
        os.kill(process.pid, signal.SIGKILL)
    time.sleep(0.1)
    for file in tmp_path.rglob("*.npy"):
        if not file.name.startswith("."):
            assert np.load(file).shape[0] == 32
    loaded = load_log_mels(read_manifest(str(genres)).tracks, SPEC, tmp_path, 1)
    assert len(loaded.inputs) == 24


def test_loads_rows_of_an_array(tmp_path: Path) -> None:
    file = tmp_path / "mels.npy"
    array = np.random.default_rng(0).integers(0, 255, (2, 32, 1292), np.uint8)  # 30 s
    np.save(file, array)
    log_mel = load_log_mels([labelled(f"{file}#1")], SPEC, tmp_path / "cache", 1).inputs[f"{file}#1"]
    np.testing.assert_allclose(log_mel, array[1] / 255 * 80 - 80, atol=0.05)
    for path, spec, words in (
        (f"{file}#2", SPEC, "has 2 rows; row 2 does not exist"),
        (f"{file}#0", LogMelSpec(front_end=FrontEnd()), "the front end needs uint8"),
        (
            f"{file}#0",
            spec_with({"hop": 512}),
            r"hop of 512, but the tracks last 30 s; use --set input\.front_end\.hop=26\d",
        ),
        (f"{file}#0", SPEC.model_copy(update={"spectral": ("chroma",)}), "but chroma needs recordings"),
        (f"{tmp_path}/missing.npy#0", SPEC, "is not a readable array"),
    ):
        with pytest.raises(ManifestError, match=words):
            load_log_mels([labelled(path)], spec, tmp_path / "cache", 1)


def test_reports_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="does not exist"):
        cache_log_mel(str(tmp_path / "missing.wav"), SPEC, tmp_path)


def test_other_features_follow_the_mel_bands(genres: Path, tmp_path: Path) -> None:
    track = labelled(next((genres / "low").iterdir()))
    sound = AudioInput(window=1, hop=1, front_end=FRONT_END, features=("chroma", "mfcc", "mel"))
    log_mel = load_log_mels([track], LogMelSpec.for_input(sound), tmp_path, 1).inputs[track.path]
    alone = load_log_mels([track], SPEC, tmp_path, 1).inputs[track.path]
    assert len(log_mel) == 32 + 12
    np.testing.assert_array_equal(log_mel[:32], alone)
    assert len(list(tmp_path.rglob("*.npy"))) == 2


def test_copies_are_augmented_reproducibly(genres: Path, tmp_path: Path) -> None:
    track = labelled(next((genres / "low").iterdir()))

    def copy(number: int, cache: str) -> LogMel:
        spec = LogMelSpec(front_end=FRONT_END, waveform=WaveformTable(noise=20), copy_number=number)
        return load_log_mels([track], spec, tmp_path / cache, 1).inputs[track.path]

    plain = load_log_mels([track], SPEC, tmp_path / "a", 1).inputs[track.path]
    assert not np.array_equal(copy(1, "a"), plain)
    assert not np.array_equal(copy(1, "a"), copy(2, "a"))
    np.testing.assert_array_equal(copy(1, "a"), copy(1, "b"))


def test_recordings_are_preprocessed_first(genres: Path, tmp_path: Path) -> None:
    track = labelled(next((genres / "high").iterdir()))
    spec = LogMelSpec(front_end=FRONT_END, preprocess=PreprocessTable(high=1_000))
    preprocessed = load_log_mels([track], spec, tmp_path, 1).inputs[track.path]
    plain = load_log_mels([track], SPEC, tmp_path, 1).inputs[track.path]
    assert preprocessed.max() < plain.max() - 20


def test_loads_more_tracks_than_the_open_file_limit(genres: Path, tmp_path: Path) -> None:
    """Each log-mel is memory-mapped, which keeps its file open."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    tracks = read_manifest(str(genres)).tracks
    load_log_mels(tracks, SPEC, tmp_path, 1)
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/dev/fd")) + 12, hard))  # noqa: PTH208
    try:
        assert len(load_log_mels(tracks, SPEC, tmp_path, 1).inputs) == 24
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_windows_of_a_log_mel_match_windows_of_its_audio() -> None:
    """Without centring, frames do not depend on whether the audio or the log-mel is cut."""
    front_end = FrontEnd(center=False)
    samples = np.random.default_rng(0).standard_normal(3 * 22_050)
    size, step = front_end.samples(20), 10 * front_end.hop
    spec = AudioInput(window=size / front_end.rate, hop=step / front_end.rate, front_end=front_end)
    windows = track_windows(mel_decibels(samples, front_end), spec)
    for number in range(3):
        expected = normalise(frontend.log_mel(samples[number * step : number * step + size], front_end), front_end)
        actual = windows[number]
        actual = np.maximum(actual - actual.max(), -80)
        np.testing.assert_allclose(normalise(actual, front_end), expected, atol=1e-4)


@pytest.mark.parametrize("frames", [30, 31, 40, 41, 44, 45, 46, 50, 61])
def test_windows_of_log_mels_start_like_windows_of_samples(frames: int) -> None:
    spec = AudioInput(window=2.0, hop=1.0, front_end=FrontEnd(rate=1000, n_fft=64, hop=100, n_mels=4))
    size, hop = spec.frames, 10
    positions = np.arange(frames, dtype=np.float32)
    expected = [start for start, _ in sliding_windows([positions], size, hop)]
    assert [int(window[0, 0]) for window in track_windows(positions[None], spec)] == expected
