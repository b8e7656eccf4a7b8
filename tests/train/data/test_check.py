from pathlib import Path

import numpy as np
import pytest

from genrelens.train.data.check import check_dataset
from genrelens.train.data.manifest import read_manifest
from tests.support.audio import RATE, encode, tone


@pytest.fixture
def defective(tmp_path: Path) -> Path:
    """A dataset with one track of each defect in one genre, and none in the other."""
    folder = tmp_path / "set"
    (folder / "jazz").mkdir(parents=True)
    (folder / "rock").mkdir()
    for number in range(4):
        encode(folder / "jazz" / f"fine{number}.flac", tone(300 + number, 6), codec="flac")
    (folder / "jazz" / "broken.mp3").write_text("no audio")
    encode(folder / "jazz" / "silent.wav", np.zeros((2, 6 * RATE)), codec="pcm_s16le")
    encode(folder / "jazz" / "loud.wav", np.clip(4 * tone(200, 6), -1, 1), codec="pcm_s16le")
    encode(folder / "jazz" / "short.wav", tone(400, 2), codec="pcm_s16le")
    encode(folder / "rock" / "copy.wav", tone(300, 6), codec="pcm_s16le")  # of jazz/fine0, in another format
    cut = encode(folder / "jazz" / "cut.flac", np.random.default_rng(0).uniform(-0.5, 0.5, (2, 9 * RATE)), codec="flac")
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size * 3 // 4])
    return folder


@pytest.mark.parametrize("processes", [1, 2])
def test_finds_each_defect_and_nothing_else(defective: Path, processes: int) -> None:
    report = check_dataset(read_manifest(str(defective)), processes)
    kinds = {(finding.kind, Path(finding.subject).name) for finding in report.findings}
    assert kinds == {
        ("undecodable", "broken.mp3"),
        ("silent", "silent.wav"),
        ("clipped", "loud.wav"),
        ("too short", "short.wav"),
        ("damaged", "cut.flac"),
        ("duplicate audio", "fine0.flac"),
        ("class balance", "jazz"),
    }
    assert report.genres == {"jazz": 9, "rock": 1}
    text = report.text()
    assert "10 tracks in 2 genres" in text
    assert "broken.mp3 is not audio" in text
    assert "copy.wav" in text


def test_finds_leaks_between_splits(tmp_path: Path) -> None:
    for name in ("a", "b"):
        encode(tmp_path / f"{name}.wav", tone(300, 6), codec="pcm_s16le")
    (tmp_path / "set.csv").write_text("path,label,split\na.wav,x,train\nb.wav,x,test\n")
    report = check_dataset(read_manifest(str(tmp_path / "set.csv")), 1)
    assert {finding.kind for finding in report.findings} == {"leak", "duplicate audio"}


def test_finds_nothing_in_a_clean_dataset(tmp_path: Path) -> None:
    for genre, hz in (("x", 200), ("y", 300)):
        (tmp_path / genre).mkdir()
        encode(tmp_path / genre / "a.wav", tone(hz, 6), codec="pcm_s16le")
    report = check_dataset(read_manifest(str(tmp_path)), 1)
    assert report.findings == ()
    assert report.text().endswith("nothing found")
