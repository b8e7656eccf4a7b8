import csv
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from genrelens.train.data.duplicates import find_duplicates
from genrelens.train.data.manifest import Manifest, read_manifest
from tests.support.audio import encode
from tests.support.paths import DATA, ROOT

RATE = 22_050
REPETITIONS = ROOT / "benchmarks" / "gtzan-repetitions.tsv"


def bar(_what: str, _total: int) -> AbstractContextManager[Callable[[], None]]:
    return nullcontext(lambda: None)


def tune(seed: int, seconds: float = 20.0) -> NDArray[np.float64]:
    """Chords of four random notes, six a second, over some noise."""
    rng = np.random.default_rng(seed)
    time = np.arange(RATE // 6) / RATE
    chords = [
        sum(np.sin(2 * np.pi * hz * time) for hz in 110 * 2 ** rng.uniform(0, 5, 4)) for _ in range(round(6 * seconds))
    ]
    samples = 0.1 * np.concatenate(chords)
    return np.asarray(samples + 0.003 * rng.standard_normal(len(samples)))


@pytest.fixture
def repeated(tmp_path: Path) -> Path:
    """Three tunes; one is there again, cut, quieter and as an mp3, on another side; and a file that is broken."""
    for number in range(3):
        encode(tmp_path / f"{number}.wav", tune(number)[None], codec="pcm_s16le", rate=RATE)
    encode(tmp_path / "copy.mp3", 0.2 * tune(1)[None, 4 * RATE :], codec="libmp3lame", rate=RATE)
    (tmp_path / "broken.mp3").write_text("no audio")
    (tmp_path / "set.csv").write_text(
        "path,label,split\n0.wav,x,train\n1.wav,x,train\n2.wav,x,\ncopy.mp3,y,test\nbroken.mp3,y,test\n"
    )
    return tmp_path / "set.csv"


def test_a_copy_is_found_and_nothing_else(repeated: Path) -> None:
    report = find_duplicates(read_manifest(str(repeated)), 2, bar)
    (pair,) = report.pairs
    assert (pair.first.name, pair.second.name) == ("1", "copy")
    assert pair.offset == pytest.approx(4, abs=0.1)
    assert pair.overlap == pytest.approx(16, abs=0.3)
    assert pair.leaks
    assert report.tracks == 4
    assert "broken.mp3 is not audio" in report.failures[0]
    assert "4 tracks, 1 pairs that share sound, 1 on two sides" in report.text()
    assert report.text().endswith("1 (x, train), copy (y, test)  LEAK")


def test_the_middle_is_compared(repeated: Path) -> None:
    (pair,) = find_duplicates(read_manifest(str(repeated)), 1, bar, seconds=10).pairs
    assert pair.offset == pytest.approx(2, abs=0.1)  # the middle of 20 s, and of the last 16 of them


def test_rows_of_an_array(tmp_path: Path) -> None:
    array = np.zeros((1000, 128, 344), np.uint8)
    array[:20] = np.random.default_rng(0).integers(60, 255, (20, 128, 344))
    array[999] = array[5]
    np.save(tmp_path / "mels.npy", array)
    manifest = read_manifest(f"gtzan:{tmp_path / 'mels.npy'}")
    report = find_duplicates(Manifest(manifest.name, (*manifest.items[:20], manifest.items[999])), 1, bar)
    assert [(pair.first.name, pair.second.name) for pair in report.pairs] == [("blues.00005", "rock.00099")]


@pytest.mark.data
def test_the_known_repetitions_of_gtzan_are_found() -> None:
    lines = [line for line in REPETITIONS.read_text().splitlines() if not line.startswith("#")]
    known = {(row[0], row[1]) for row in csv.reader(lines, delimiter="\t")}
    manifest = read_manifest(f"gtzan:{DATA / 'logmel128_hop1920_u8.npy'}")
    names = {name for pair in known for name in pair}
    items = tuple(item for number, item in enumerate(manifest.items) if item.name in names or number % 10 == 0)
    report = find_duplicates(Manifest("GTZAN", items), 1, bar)
    assert {(pair.first.name, pair.second.name) for pair in report.pairs} == known
    assert not any(pair.leaks for pair in report.pairs)
