import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from beets import ui
from beets.autotag import AlbumInfo, TrackInfo
from beets.library import Item
from beets.metadata_plugins import MetadataSourcePlugin

from tests.support.beets import CODECS, Beets, genres_in_tags

MakeTrack = Callable[..., Path]


class Offline(MetadataSourcePlugin):
    """A metadata source that finds every album, with the metadata of its tags."""

    def candidates(self, items: Sequence[Item], *_: Any, **__: Any) -> Iterator[AlbumInfo]:
        tracks = [
            TrackInfo(title=item.title, artist=item.artist, track_id=item.title, index=place, length=item.length)
            for place, item in enumerate(items, 1)
        ]
        yield AlbumInfo(tracks, album=items[0].album, artist=items[0].artist, album_id="1", data_source="Offline")

    def item_candidates(self, *_: Any, **__: Any) -> Iterator[TrackInfo]:
        yield from ()

    def album_for_id(self, *_: Any) -> None: ...

    def track_for_id(self, *_: Any) -> None: ...


def run_import(beet: Beets, *options: str) -> None:
    beet("import", "-q", *(options or ("-A",)), str(beet.folder / "new"))


def test_several_genres_are_separate_values_in_every_format(beet: Beets, track: MakeTrack) -> None:
    for extension in CODECS:
        track(f"{extension}.{extension}")
    beet.configure(count=2)
    beet.sources = [Offline]
    run_import(beet, "-q")
    assert {file.suffix[1:]: genres_in_tags(file) for file in beet.files()} == {
        key: ["Hip Hop", "Metal"] for key in CODECS
    }
    assert beet.albums() == {"Al": "Hip Hop; Metal"}


def test_an_import_as_is_sets_genres_in_the_library_only(beet: Beets, track: MakeTrack) -> None:
    track("a.mp3")
    run_import(beet)
    assert beet.listed() == {"a": "Hip Hop"}
    assert genres_in_tags(beet.files()[0]) == []
    beet("write")
    assert genres_in_tags(beet.files()[0]) == ["Hip Hop"]


def test_an_import_without_writing_changes_no_file(beet: Beets, track: MakeTrack) -> None:
    source = track("a.flac").read_bytes()
    beet.configure(write=False)
    beet.sources = [Offline]
    run_import(beet, "-q")
    assert beet.listed() == {"a": "Hip Hop"}
    assert beet.files()[0].read_bytes() == source


def test_without_auto_an_import_is_not_listened_to(beet: Beets, track: MakeTrack) -> None:
    track("a.mp3")
    beet.configure(auto=False)
    run_import(beet)
    assert beet.listed() == {"a": ""}


def test_single_tracks_are_judged_as_they_are_imported(beet: Beets, track: MakeTrack) -> None:
    track("a.mp3")
    track("b.ogg", "high")
    run_import(beet, "-A", "-s")
    assert beet.listed() == {"a": "Hip Hop", "b": "Metal"}
    beet("modify", "-y", "genres=Jazz")
    beet("genrelens", "-A", "-f", "title:b")
    assert beet.listed() == {"a": "Jazz", "b": "Metal"}


def test_a_query_chooses_what_is_judged_and_its_files_are_written(beet: Beets, track: MakeTrack) -> None:
    track("a.mp3", album="One")
    track("b.mp3", album="Two")
    beet.configure(auto=False)
    run_import(beet)
    shown = beet("genrelens", "album:One")
    assert "+ Hip Hop" in shown
    assert beet.listed() == {"a": "Hip Hop", "b": ""}
    assert [genres_in_tags(file) for file in beet.files()] == [["Hip Hop"], []]


@pytest.mark.parametrize(("write", "options"), [(True, ["-W"]), (False, [])])
def test_files_are_written_only_if_they_are_to_be(
    beet: Beets, track: MakeTrack, write: bool, options: list[str]
) -> None:
    track("a.mp3")
    beet.configure(write=write, auto=False)
    run_import(beet)
    beet("genrelens", *options)
    assert beet.listed() == {"a": "Hip Hop"}
    assert genres_in_tags(beet.files()[0]) == []


def test_pretending_shows_what_would_change_and_changes_nothing(beet: Beets, track: MakeTrack) -> None:
    track("a.mp3")
    beet.configure(auto=False)
    run_import(beet)
    before = beet.files()[0].read_bytes()
    assert "+ Hip Hop" in beet("genrelens", "-p")
    assert beet.listed() == {"a": ""}
    assert beet.albums() == {"Al": ""}
    assert beet.files()[0].read_bytes() == before


@pytest.mark.parametrize(
    ("options", "genres"),
    [
        ([], ["Jazz", "Soul"]),
        (["-k"], ["Jazz", "Soul"]),
        (["-f"], ["Hip Hop"]),
        (["-f", "-k"], ["Jazz", "Soul", "Hip Hop"]),
    ],
)
def test_existing_genres_are_changed_only_with_force_and_kept_on_request(
    beet: Beets, track: MakeTrack, options: list[str], genres: list[str]
) -> None:
    for extension in CODECS:
        track(f"{extension}.{extension}", genres=["Jazz", "Soul"])
    run_import(beet)
    beet("genrelens", *options)
    assert {file.suffix[1:]: genres_in_tags(file) for file in beet.files()} == dict.fromkeys(CODECS, genres)
    assert beet.listed() == {key: " + ".join(genres) for key in CODECS}


def test_only_tracks_without_genres_get_some(beet: Beets, track: MakeTrack) -> None:
    track("a.mp3", genres=["Jazz", "Soul"])
    track("b.mp3")
    run_import(beet)
    assert beet.listed() == {"a": "Jazz + Soul", "b": "Hip Hop"}


@pytest.mark.parametrize("options", [["-f"], ["-f", "-k"]])
def test_genres_of_unknown_tracks_are_kept(beet: Beets, track: MakeTrack, options: list[str]) -> None:
    track("a.mp3", "silent", genres=["Jazz", "Soul"])
    track("b.mp3", "silent", album="Other")
    run_import(beet)
    beet("genrelens", *options)
    assert beet.listed() == {"a": "Jazz + Soul", "b": ""}
    assert [genres_in_tags(file) for file in beet.files()] == [["Jazz", "Soul"], []]


def test_improbable_genres_are_not_written(beet: Beets, track: MakeTrack) -> None:
    track("a.mp3")
    beet.configure(min_weight=0.9, count=3)
    run_import(beet)
    beet("genrelens", "-f")
    assert beet.listed() == {"a": ""}


def test_only_genres_on_the_whitelist_are_written(beet: Beets, track: MakeTrack) -> None:
    track("a.mp3")
    track("b.mp3", "high", album="Other")
    (beet.folder / "white.txt").write_text("# mine\nHip-Hop\n\nrock\n")
    beet.configure(whitelist=str(beet.folder / "white.txt"))
    run_import(beet)
    assert beet.listed() == {"a": "Hip Hop", "b": "Hip Hop"}  # the second most probable label


@pytest.mark.parametrize(
    ("options", "genres"),
    [
        ({}, "Metal + Hip Hop"),
        ({"canonical": True}, "Metal + Rock"),
        ({"canonical": True, "whitelist": False}, "Rock + Hip Hop"),
        ({"canonical": "own.yaml", "count": 3}, "Metal + Loud + Hip Hop"),
        ({"title_case": False}, "metal + hip hop"),
    ],
)
def test_canonical_adds_ancestors_of_the_tree(
    beet: Beets, track: MakeTrack, options: dict[str, Any], genres: str
) -> None:
    track("a.mp3", "high")
    (beet.folder / "own.yaml").write_text("- loud:\n    - metal\n")
    if options.get("canonical") == "own.yaml":
        options = {**options, "canonical": str(beet.folder / "own.yaml")}
    beet.configure(**{"count": 2, **options})
    run_import(beet)
    assert beet.listed() == {"a": genres}


def test_source_selects_genres_of_the_album_or_of_each_track(beet: Beets, track: MakeTrack) -> None:
    for name, sound in (("a", "low"), ("b", "low"), ("c", "high")):
        track(f"{name}.mp3", sound)
    beet.configure(auto=False)
    run_import(beet)
    assert beet("-v", "genrelens", "-p").count("+ Hip Hop") == 4
    assert [line for line in beet.log if "X - Al - c sounds more like metal" in line]
    beet("genrelens", "-s", "track")
    assert beet.listed() == {"a": "Hip Hop", "b": "Hip Hop", "c": "Metal"}
    assert beet.albums() == {"Al": "Hip Hop"}
    beet("genrelens", "-f")
    assert beet.listed() == {"a": "Hip Hop", "b": "Hip Hop", "c": "Hip Hop"}


def test_a_single_track_gets_the_genres_of_its_album(beet: Beets, track: MakeTrack) -> None:
    for name, sound in (("a", "low"), ("b", "low"), ("c", "high")):
        track(f"{name}.mp3", sound)
    beet.configure(auto=False)
    run_import(beet)
    beet("genrelens", "-A", "title:c")
    assert beet.listed() == {"a": "", "b": "", "c": "Hip Hop"}
    beet("genrelens", "-A", "-f", "-s", "track", "title:c")
    assert beet.listed() == {"a": "", "b": "", "c": "Metal"}


def test_tracks_of_a_compilation_keep_their_own_genres(beet: Beets, track: MakeTrack) -> None:
    for name, sound in (("a", "low"), ("b", "low"), ("c", "high")):
        track(f"{name}.mp3", sound)
    run_import(beet, "-A", "--set", "comp=1")
    assert beet.listed() == {"a": "Hip Hop", "b": "Hip Hop", "c": "Metal"}
    assert beet.albums() == {"Al": ""}


def test_a_damaged_file_stops_neither_an_import_nor_a_command(beet: Beets, track: MakeTrack) -> None:
    track("a.flac")
    bad = track("b.flac")
    track("c.flac")
    content = bad.read_bytes()
    bad.write_bytes(content[: content.index(b"\xff\xf8")])  # keeps the tags, drops the audio
    run_import(beet)
    assert beet.listed() == {"a": "Hip Hop", "b": "", "c": "Hip Hop"}
    assert any("b.flac" in line for line in beet.log)
    with pytest.raises(SystemExit, match="1"):
        beet("genrelens")
    assert any("1 of the tracks could not be classified" in line for line in beet.log)


def test_changes_are_stored_before_they_are_shown(
    beet: Beets, track: MakeTrack, monkeypatch: pytest.MonkeyPatch
) -> None:
    track("a.mp3")
    beet.configure(auto=False)
    run_import(beet)

    def fail(*_: Any, **__: Any) -> None:
        raise ui.UserError("the output is closed")  # as by `| head`

    monkeypatch.setattr(ui, "show_model_changes", fail)
    with pytest.raises(SystemExit):
        beet("genrelens")
    assert beet.listed() == {"a": "Hip Hop"}


def test_a_missing_file_is_reported(beet: Beets, track: MakeTrack) -> None:
    track("a.mp3")
    beet.configure(auto=False)
    run_import(beet)
    beet.files()[0].unlink()
    with pytest.raises(SystemExit):
        beet("genrelens")
    assert any("does not exist" in line for line in beet.log)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"min_weight": 10}, "lastgenre's 10 is 0.1 here"),
        ({"windows": 0}, "genrelens.windows is a number of 1 or more, or 'all', not 0"),
        ({"count": 0}, "genrelens.count is a number of 1 or more, not 0"),
        ({"count": "two"}, "genrelens.count is a number of 1 or more, not 'two'"),
        ({"processes": "many"}, "genrelens.processes is a number of 1 or more, not 'many'"),
        ({"processes": 0}, "genrelens.processes is a number of 1 or more, not 0"),
        ({"model": "/nowhere.onnx"}, "/nowhere.onnx"),
        ({"whitelist": "/nowhere.txt"}, "genrelens.whitelist: /nowhere.txt cannot be read"),
        ({"canonical": "/nowhere.yaml"}, "genrelens.canonical: /nowhere.yaml cannot be read"),
        ({"source": "artist"}, "source"),
    ],
)
def test_invalid_options_are_explained(beet: Beets, track: MakeTrack, options: dict[str, Any], sentence: str) -> None:
    track("a.mp3")
    beet.configure(auto=False)
    run_import(beet)
    beet.configure(**options)
    with pytest.raises(SystemExit, match="1"):
        beet("genrelens")
    assert any(sentence in line for line in beet.log)


def test_a_missing_model_stops_an_import(beet: Beets, track: MakeTrack) -> None:
    track("a.mp3")
    beet.configure(model="/nowhere.onnx")
    with pytest.raises(SystemExit, match="1"):
        run_import(beet)
    assert any("/nowhere.onnx" in line for line in beet.log)


def test_tracks_with_genres_are_not_analysed(beet: Beets, track: MakeTrack) -> None:
    track("a.mp3", genres=["Jazz"])
    beet.configure(model="/nowhere.onnx")
    run_import(beet)
    assert beet("genrelens") == ""


def test_many_files_are_classified_by_worker_processes_of_installed_beets(beet: Beets, track: MakeTrack) -> None:
    for number in range(25):
        track(f"{number}.ogg", "low" if number % 2 else "high")
    beet.configure(auto=False, processes=2, source="track")
    run_import(beet)
    result = subprocess.run(
        [sys.executable, "-m", "beets", "genrelens"], env=os.environ, capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert beet.listed() == {str(number): "Hip Hop" if number % 2 else "Metal" for number in range(25)}
