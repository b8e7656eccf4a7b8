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


def test_a_folder_of_genres(tmp_path: Path) -> None:
    touch(tmp_path, "jazz/a.mp3", "jazz/live/b.flac", "rock/c.wav", "rock/cover.jpg", "loose.mp3")
    manifest = read_manifest(str(tmp_path))
    assert [(item.name, item.label) for item in manifest.items] == [("a", "jazz"), ("b", "jazz"), ("c", "rock")]
    assert manifest.labels == ("jazz", "rock")
    assert manifest.name == tmp_path.name


def test_a_csv(tmp_path: Path) -> None:
    (tmp_path / "set.csv").write_text(
        "path,label,group,split\na.mp3,jazz,Monk,train\n/abs/b.mp3,rock,,test\nc.mp3,rock,,\n", "utf-8-sig"
    )
    first, second, third = read_manifest(str(tmp_path / "set.csv")).items
    assert (first.path, first.label, first.group, first.side) == (str(tmp_path / "a.mp3"), "jazz", "Monk", "train")
    assert (second.path, second.group, second.side) == ("/abs/b.mp3", None, "test")
    assert third.side is None


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("file,label\na,b\n", "lacks the column path"),
        ("a\n", "lacks the column label and path"),
        ("path,label\na.mp3,\n", "line 2: path and label must not be empty"),
        ("path,label,split\na.mp3,x,dev\n", "line 2: split is 'dev'"),
        ("path,label\n", "holds no tracks"),
    ],
)
def test_csv_files_that_are_no_data_set(tmp_path: Path, content: str, words: str) -> None:
    (tmp_path / "set.csv").write_text(content)
    with pytest.raises(ManifestError, match=words):
        read_manifest(str(tmp_path / "set.csv"))


def test_what_is_no_data_set(tmp_path: Path) -> None:
    for data, words in (
        (str(tmp_path), "holds no tracks"),
        (str(tmp_path / "missing"), "is not a data set"),
        (f"gtzan:{tmp_path}", "holds no tracks"),
        (f"gtzan:{tmp_path / 'missing'}", "not a folder of GTZAN"),
    ):
        with pytest.raises(ManifestError, match=words):
            read_manifest(data)


def test_gtzan_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path, "genres/blues/blues.00000.wav", "jazz.00054.ogg", "blues.01000.wav", "other.wav")
    manifest = read_manifest(f"gtzan:{tmp_path}")
    assert {item.name: (item.label, item.side) for item in manifest.items} == {
        "blues.00000": ("blues", "valid"),
        "jazz.00054": ("jazz", gtzan_tracks()["jazz.00054"].side),
    }
    monkeypatch.setenv("HOME", str(tmp_path))
    assert read_manifest("gtzan:~/genres").items[0].name == "blues.00000"


def test_gtzan_as_an_array(tmp_path: Path) -> None:
    file = tmp_path / "mels.npy"
    np.save(file, np.zeros((1000, 4, 4), np.uint8))
    items = read_manifest(f"gtzan:{file}").items
    assert len(items) == 1000
    assert (items[999].path, items[999].name) == (f"{file}#999", "rock.00099")


def test_the_official_lists() -> None:
    tracks = gtzan_tracks()
    assert Counter(item.side for item in tracks.values()) == {"train": 443, "valid": 197, "test": 290, None: 70}
    assert Counter(item.label for item in tracks.values()) == dict.fromkeys(
        {item.label for item in tracks.values()}, 100
    )
    assert len(set(Counter(item.label for item in tracks.values()))) == 10


def test_exclusions_are_from_train_alone(tmp_path: Path) -> None:
    (tmp_path / "set.csv").write_text("path,label,split\na.mp3,x,train\nb.mp3,x,train\na.wav,x,test\n")
    left = read_manifest(str(tmp_path / "set.csv")).without(["a"])
    assert [(item.name, item.side) for item in left.items] == [("b", "train"), ("a", "test")]


def test_a_split_made_by_hand_is_kept(tmp_path: Path) -> None:
    for place in ("train/rock/a.mp3", "train/jazz/b.mp3", "dev/rock/c.mp3", "Test/jazz/d.mp3"):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).touch()
    sides = {item.name: (item.side, item.label) for item in read_manifest(str(tmp_path)).items}
    assert sides == {"a": ("train", "rock"), "b": ("train", "jazz"), "c": ("valid", "rock"), "d": ("test", "jazz")}
    (tmp_path / "rock").mkdir()  # then they are genres
    assert {item.label for item in read_manifest(str(tmp_path)).items} == {"train", "dev", "Test"}


def test_pictures_are_found_where_they_are_asked_for(tmp_path: Path) -> None:
    (tmp_path / "blues").mkdir()
    for name in ("blues00003.png", "blues.00004.jpg", "blues.00005.wav"):
        (tmp_path / "blues" / name).touch()
    assert [item.name for item in read_manifest(str(tmp_path), picture_files).items] == ["blues.00004", "blues00003"]
    assert [item.name for item in read_manifest(f"gtzan:{tmp_path}", picture_files).items] == [
        "blues.00004",
        "blues.00003",
    ]
