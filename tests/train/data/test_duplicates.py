import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from genrelens.progress import no_progress_bars
from genrelens.train.data.duplicates import (
    MIN_OVERLAP,
    STEP,
    THRESHOLD,
    Fingerprint,
    count_tile_pairs,
    find_duplicates,
    find_matches,
    fingerprint,
)
from genrelens.train.data.log_mels import LogMel
from genrelens.train.data.manifest import Manifest, read_manifest
from tests.support.audio import encode
from tests.support.paths import DATA, ROOT

RATE = 22_050
REPETITIONS = ROOT / "benchmarks" / "gtzan-repetitions.tsv"


def tune(seed: int, seconds: float = 20.0) -> NDArray[np.float64]:
    """Six chords of four random notes per second, over some noise."""
    rng = np.random.default_rng(seed)
    time = np.arange(RATE // 6) / RATE
    chords = [
        sum(np.sin(2 * np.pi * hz * time) for hz in 110 * 2 ** rng.uniform(0, 5, 4)) for _ in range(round(6 * seconds))
    ]
    samples = 0.1 * np.concatenate(chords)
    return np.asarray(samples + 0.003 * rng.standard_normal(len(samples)))


@pytest.fixture
def repeated(tmp_path: Path) -> Path:
    """Three tunes, a copy of one in another split (trimmed, quieter, as MP3), and a broken file."""
    for number in range(3):
        encode(tmp_path / f"{number}.wav", tune(number)[None], codec="pcm_s16le", rate=RATE)
    encode(tmp_path / "copy.mp3", 0.2 * tune(1)[None, 4 * RATE :], codec="libmp3lame", rate=RATE)
    (tmp_path / "broken.mp3").write_text("no audio")
    (tmp_path / "set.csv").write_text(
        "path,label,split\n0.wav,x,train\n1.wav,x,train\n2.wav,x,\ncopy.mp3,y,test\nbroken.mp3,y,test\n"
    )
    return tmp_path / "set.csv"


def test_finds_a_copy_and_nothing_else(repeated: Path) -> None:
    report = find_duplicates(read_manifest(str(repeated)), 2, no_progress_bars)
    (pair,) = report.pairs
    assert (pair.first.name, pair.second.name) == ("1", "copy")
    assert pair.offset == pytest.approx(4, abs=0.1)
    assert pair.overlap == pytest.approx(16, abs=0.3)
    assert pair.leaks
    assert report.tracks == 4
    assert "broken.mp3 is not audio" in report.failures[0]
    assert "4 tracks, 1 pairs that share audio, 1 in different splits" in report.text()
    assert report.text().endswith("1 (x, train), copy (y, test)  LEAK")


def test_compares_the_middle_of_tracks(repeated: Path) -> None:
    (pair,) = find_duplicates(read_manifest(str(repeated)), 1, no_progress_bars, seconds=10).pairs
    assert pair.offset == pytest.approx(2, abs=0.1)  # the middle of 20 s, and of the last 16 of them


def test_compares_rows_of_an_array(tmp_path: Path) -> None:
    array = np.zeros((1000, 128, 344), np.uint8)
    array[:20] = np.random.default_rng(0).integers(60, 255, (20, 128, 344))
    array[999] = array[5]
    np.save(tmp_path / "mels.npy", array)
    manifest = read_manifest(f"gtzan:{tmp_path / 'mels.npy'}")
    report = find_duplicates(
        Manifest(manifest.name, (*manifest.tracks[:20], manifest.tracks[999])), 1, no_progress_bars
    )
    assert [(pair.first.name, pair.second.name) for pair in report.pairs] == [("blues.00005", "rock.00099")]


@pytest.mark.data
def test_finds_the_known_repetitions_of_gtzan() -> None:
    lines = [line for line in REPETITIONS.read_text().splitlines() if not line.startswith("#")]
    known = {(row[0], row[1]) for row in csv.reader(lines, delimiter="\t")}
    manifest = read_manifest(f"gtzan:{DATA / 'logmel128_hop1920_u8.npy'}")
    names = {name for pair in known for name in pair}
    tracks = tuple(track for number, track in enumerate(manifest.tracks) if track.name in names or number % 10 == 0)
    report = find_duplicates(Manifest("GTZAN", tracks), 1, no_progress_bars)
    assert {(pair.first.name, pair.second.name) for pair in report.pairs} == known
    assert not any(pair.leaks for pair in report.pairs)


def music(seed: int, frames: int = 344) -> LogMel:
    """A log-mel that changes as notes do: each mel band keeps a value for a few frames."""
    rng = np.random.default_rng(seed)
    return np.repeat(rng.normal(-40, 12, (128, -(-frames // 3))), 3, axis=1)[:, :frames]


def prints(*log_mels: LogMel) -> list[Fingerprint]:
    return [fingerprint(log_mel, STEP) for log_mel in log_mels]


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.integers(-200, 200), st.floats(-30, 30), st.integers(0, 1000))
def test_finds_the_offset_of_a_filtered_copy(seed: int, lag: int, gain: float, eq: int) -> None:
    log_mel = music(seed, 700)
    curve = np.random.default_rng(eq).uniform(-12, 12, (128, 1))
    first, second = log_mel[:, 300:600], log_mel[:, 300 + lag : 600 + lag] + curve + gain
    (match,) = find_matches(prints(first, second), THRESHOLD)
    assert (match.first, match.second, match.lag, match.overlap) == (0, 1, lag, 300 - abs(lag))
    assert match.similarity > 0.5  # the running mean differs at the ends


def test_ignores_overlaps_below_the_minimum() -> None:
    log_mel = music(1, 700)
    lag = 344 - MIN_OVERLAP
    assert list(find_matches(prints(log_mel[:, :344], log_mel[:, lag : lag + 344]), THRESHOLD))
    assert not list(find_matches(prints(log_mel[:, :344], log_mel[:, lag + 5 : lag + 349]), THRESHOLD))


def test_compares_each_pair_once() -> None:
    log_mels = [music(number, 100) for number in range(70)]
    log_mels += [log_mels[3], log_mels[69][:, :80]]  # in another tile, and shorter
    calls = 0

    def progress(advance: int = 1, total: int | None = None) -> None:
        nonlocal calls
        calls += advance

    found = {(match.first, match.second) for match in find_matches(prints(*log_mels), THRESHOLD, progress)}
    assert found == {(3, 70), (69, 71)}
    assert calls == count_tile_pairs(len(log_mels)) == 3
    assert not list(find_matches([], THRESHOLD))


def test_silence_matches_nothing() -> None:
    silent = fingerprint(np.full((128, 200), -80.0), STEP)
    assert not silent.any()
    assert not list(find_matches([silent, silent, *prints(music(5, 200))], THRESHOLD))


def test_averages_shorter_frames() -> None:
    log_mel = music(7, 200)
    fine = np.repeat(log_mel, 4, axis=1)
    np.testing.assert_allclose(fingerprint(fine, STEP / 4), fingerprint(log_mel, STEP), atol=1e-5)
