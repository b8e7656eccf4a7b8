import csv
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from genrelens.progress import no_progress_bars
from genrelens.train.data.duplicates import find_duplicates
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
