from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from genrelens.errors import ManifestError
from genrelens.features.pictures import picture_files
from genrelens.train.data.manifest import gtzan_tracks, read_manifest


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def test_reads_a_folder_of_genres(tmp_path: Path) -> None:
    touch(tmp_path, "jazz/a.mp3", "jazz/live/b.flac", "rock/c.wav", "rock/cover.jpg", "loose.mp3")
    manifest = read_manifest(str(tmp_path))
    assert [(track.name, track.label) for track in manifest.tracks] == [("a", "jazz"), ("b", "jazz"), ("c", "rock")]
    assert manifest.labels == ("jazz", "rock")
    assert manifest.name == tmp_path.name


def test_reads_a_csv_file(tmp_path: Path) -> None:
    (tmp_path / "set.csv").write_text(
        "path,label,group,split\na.mp3,jazz,Monk,train\n/abs/b.mp3,rock,,test\nc.mp3,rock,,\n", "utf-8-sig"
    )
    first, second, third = read_manifest(str(tmp_path / "set.csv")).tracks
    assert (first.path, first.label, first.group, first.split) == (str(tmp_path / "a.mp3"), "jazz", "Monk", "train")
    assert (second.path, second.group, second.split) == ("/abs/b.mp3", None, "test")
    assert third.split is None


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("file,label\na,b\n", "lacks the column path"),
        ("a\n", "lacks the column label and path"),
        ("path,label\na.mp3,\n", "line 2: path and label must not be empty"),
        ("path,label,split\na.mp3,x,dev\n", "line 2: split is 'dev'"),
        ("path,label\n", "contains no tracks"),
    ],
)
def test_rejects_invalid_csv_files(tmp_path: Path, content: str, words: str) -> None:
    (tmp_path / "set.csv").write_text(content)
    with pytest.raises(ManifestError, match=words):
        read_manifest(str(tmp_path / "set.csv"))


def test_rejects_other_data(tmp_path: Path) -> None:
    for data, words in (
        (str(tmp_path), "contains no tracks"),
        (str(tmp_path / "missing"), "is not a dataset"),
        (f"gtzan:{tmp_path}", "contains no tracks"),
        (f"gtzan:{tmp_path / 'missing'}", "neither a folder of GTZAN"),
    ):
        with pytest.raises(ManifestError, match=words):
            read_manifest(data)


def test_finds_gtzan_tracks_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path, "genres/blues/blues.00000.wav", "jazz.00054.ogg", "blues.01000.wav", "other.wav")
    manifest = read_manifest(f"gtzan:{tmp_path}")
    assert {track.name: (track.label, track.split) for track in manifest.tracks} == {
        "blues.00000": ("blues", "valid"),
        "jazz.00054": ("jazz", gtzan_tracks()["jazz.00054"].split),
    }
    monkeypatch.setenv("HOME", str(tmp_path))
    assert read_manifest("gtzan:~/genres").tracks[0].name == "blues.00000"


def test_reads_gtzan_as_an_array(tmp_path: Path) -> None:
    file = tmp_path / "mels.npy"
    np.save(file, np.zeros((1000, 4, 4), np.uint8))
    tracks = read_manifest(f"gtzan:{file}").tracks
    assert len(tracks) == 1000
    assert (tracks[999].path, tracks[999].name) == (f"{file}#999", "rock.00099")


def test_gtzan_lists_are_complete() -> None:
    tracks = gtzan_tracks()
    assert Counter(track.split for track in tracks.values()) == {"train": 443, "valid": 197, "test": 290, None: 70}
    assert Counter(track.label for track in tracks.values()) == dict.fromkeys(
        {track.label for track in tracks.values()}, 100
    )
    assert len(set(Counter(track.label for track in tracks.values()))) == 10


def test_excludes_from_train_only(tmp_path: Path) -> None:
    (tmp_path / "set.csv").write_text("path,label,split\na.mp3,x,train\nb.mp3,x,train\na.wav,x,test\n")
    remaining = read_manifest(str(tmp_path / "set.csv")).exclude(["a"])
    assert [(track.name, track.split) for track in remaining.tracks] == [("b", "train"), ("a", "test")]


def test_keeps_a_split_in_folders(tmp_path: Path) -> None:
    for path in ("train/rock/a.mp3", "train/jazz/b.mp3", "dev/rock/c.mp3", "Test/jazz/d.mp3"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    splits = {track.name: (track.split, track.label) for track in read_manifest(str(tmp_path)).tracks}
    assert splits == {"a": ("train", "rock"), "b": ("train", "jazz"), "c": ("valid", "rock"), "d": ("test", "jazz")}
    (tmp_path / "rock").mkdir()  # now the folders are genres
    assert {track.label for track in read_manifest(str(tmp_path)).tracks} == {"train", "dev", "Test"}


def test_finds_pictures(tmp_path: Path) -> None:
    (tmp_path / "blues").mkdir()
    for name in ("blues00003.png", "blues.00004.jpg", "blues.00005.wav"):
        (tmp_path / "blues" / name).touch()
    assert [track.name for track in read_manifest(str(tmp_path), picture_files).tracks] == ["blues.00004", "blues00003"]
    assert [track.name for track in read_manifest(f"gtzan:{tmp_path}", picture_files).tracks] == [
        "blues.00004",
        "blues.00003",
    ]
