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
    """Knows every album, by what its tags say already."""

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


def imported(beet: Beets, *options: str) -> None:
    beet("import", "-q", *(options or ("-A",)), str(beet.folder / "new"))


def test_several_genres_are_several_values_in_files_of_each_format(beet: Beets, track: MakeTrack) -> None:
    for extension in CODECS:
        track(f"{extension}.{extension}")
    beet.configure(count=2)
    beet.sources = [Offline]
    imported(beet, "-q")
    assert {file.suffix[1:]: genres_in_tags(file) for file in beet.files()} == {
        key: ["Hip Hop", "Metal"] for key in CODECS
    }
    assert beet.albums() == {"Al": "Hip Hop; Metal"}


def test_what_is_imported_as_it_is_gets_its_genres_in_the_library_until_it_is_written(
    beet: Beets, track: MakeTrack
) -> None:
    track("a.mp3")
    imported(beet)
    assert beet.listed() == {"a": "Hip Hop"}
    assert genres_in_tags(beet.files()[0]) == []
    beet("write")
    assert genres_in_tags(beet.files()[0]) == ["Hip Hop"]


def test_an_import_that_writes_nothing_leaves_the_files_alone(beet: Beets, track: MakeTrack) -> None:
    source = track("a.flac").read_bytes()
    beet.configure(write=False)
    beet.sources = [Offline]
    imported(beet, "-q")
    assert beet.listed() == {"a": "Hip Hop"}
    assert beet.files()[0].read_bytes() == source


def test_without_auto_an_import_is_not_listened_to(beet: Beets, track: MakeTrack) -> None:
    track("a.mp3")
    beet.configure(auto=False)
    imported(beet)
    assert beet.listed() == {"a": ""}


def test_single_tracks_are_judged_as_they_are_imported(beet: Beets, track: MakeTrack) -> None:
    track("a.mp3")
    track("b.ogg", "high")
    imported(beet, "-A", "-s")
    assert beet.listed() == {"a": "Hip Hop", "b": "Metal"}
    beet("modify", "-y", "genres=Jazz")
    beet("genrelens", "-A", "-f", "title:b")
    assert beet.listed() == {"a": "Jazz", "b": "Metal"}


def test_a_query_chooses_what_is_judged_and_its_files_are_written(beet: Beets, track: MakeTrack) -> None:
    track("a.mp3", album="One")
    track("b.mp3", album="Two")
    beet.configure(auto=False)
    imported(beet)
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
    imported(beet)
    beet("genrelens", *options)
    assert beet.listed() == {"a": "Hip Hop"}
    assert genres_in_tags(beet.files()[0]) == []


def test_pretending_shows_what_would_change_and_changes_nothing(beet: Beets, track: MakeTrack) -> None:
    track("a.mp3")
    beet.configure(auto=False)
    imported(beet)
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
def test_genres_that_are_there_are_changed_only_by_force_and_kept_if_asked(
    beet: Beets, track: MakeTrack, options: list[str], genres: list[str]
) -> None:
    for extension in CODECS:
        track(f"{extension}.{extension}", genres=["Jazz", "Soul"])
    imported(beet)
    beet("genrelens", *options)
    assert {file.suffix[1:]: genres_in_tags(file) for file in beet.files()} == dict.fromkeys(CODECS, genres)
    assert beet.listed() == {key: " + ".join(genres) for key in CODECS}


def test_tracks_without_genres_get_some_beside_others_that_keep_theirs(beet: Beets, track: MakeTrack) -> None:
    track("a.mp3", genres=["Jazz", "Soul"])
    track("b.mp3")
    imported(beet)
    assert beet.listed() == {"a": "Jazz + Soul", "b": "Hip Hop"}


@pytest.mark.parametrize("options", [["-f"], ["-f", "-k"]])
def test_genres_are_not_wiped_where_nothing_is_told(beet: Beets, track: MakeTrack, options: list[str]) -> None:
    track("a.mp3", "silent", genres=["Jazz", "Soul"])
    track("b.mp3", "silent", album="Other")
    imported(beet)
    beet("genrelens", *options)
    assert beet.listed() == {"a": "Jazz + Soul", "b": ""}
    assert [genres_in_tags(file) for file in beet.files()] == [["Jazz", "Soul"], []]


def test_what_is_not_probable_enough_is_not_written(beet: Beets, track: MakeTrack) -> None:
    track("a.mp3")
    beet.configure(min_weight=0.9, count=3)
    imported(beet)
    beet("genrelens", "-f")
    assert beet.listed() == {"a": ""}


def test_a_whitelist_holds_back_what_it_does_not_name(beet: Beets, track: MakeTrack) -> None:
    track("a.mp3")
    track("b.mp3", "high", album="Other")
    (beet.folder / "white.txt").write_text("# mine\nHip-Hop\n\nrock\n")
    beet.configure(whitelist=str(beet.folder / "white.txt"))
    imported(beet)
    assert beet.listed() == {"a": "Hip Hop", "b": "Hip Hop"}  # the second most probable, which may be written


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
def test_a_tree_gives_the_genres_above(beet: Beets, track: MakeTrack, options: dict[str, Any], genres: str) -> None:
    track("a.mp3", "high")
    (beet.folder / "own.yaml").write_text("- loud:\n    - metal\n")
    if options.get("canonical") == "own.yaml":
        options = {**options, "canonical": str(beet.folder / "own.yaml")}
    beet.configure(**{"count": 2, **options})
    imported(beet)
    assert beet.listed() == {"a": genres}


def test_an_album_gets_one_answer_or_each_track_its_own(beet: Beets, track: MakeTrack) -> None:
    for name, sound in (("a", "low"), ("b", "low"), ("c", "high")):
        track(f"{name}.mp3", sound)
    beet.configure(auto=False)
    imported(beet)
    assert beet("-v", "genrelens", "-p").count("+ Hip Hop") == 4
    assert [line for line in beet.log if "X - Al - c sounds more like metal" in line]
    beet("genrelens", "-s", "track")
    assert beet.listed() == {"a": "Hip Hop", "b": "Hip Hop", "c": "Metal"}
    assert beet.albums() == {"Al": "Hip Hop"}
    beet("genrelens", "-f")
    assert beet.listed() == {"a": "Hip Hop", "b": "Hip Hop", "c": "Hip Hop"}


def test_a_chosen_track_is_told_as_its_whole_album(beet: Beets, track: MakeTrack) -> None:
    for name, sound in (("a", "low"), ("b", "low"), ("c", "high")):
        track(f"{name}.mp3", sound)
    beet.configure(auto=False)
    imported(beet)
    beet("genrelens", "-A", "title:c")
    assert beet.listed() == {"a": "", "b": "", "c": "Hip Hop"}
    beet("genrelens", "-A", "-f", "-s", "track", "title:c")
    assert beet.listed() == {"a": "", "b": "", "c": "Metal"}


def test_the_tracks_of_a_compilation_have_genres_of_their_own(beet: Beets, track: MakeTrack) -> None:
    for name, sound in (("a", "low"), ("b", "low"), ("c", "high")):
        track(f"{name}.mp3", sound)
    imported(beet, "-A", "--set", "comp=1")
    assert beet.listed() == {"a": "Hip Hop", "b": "Hip Hop", "c": "Metal"}
    assert beet.albums() == {"Al": ""}


def test_a_broken_file_ends_neither_an_import_nor_a_command(beet: Beets, track: MakeTrack) -> None:
    track("a.flac")
    bad = track("b.flac")
    track("c.flac")
    content = bad.read_bytes()
    bad.write_bytes(content[: content.index(b"\xff\xf8")])  # its tags, and none of its sound
    imported(beet)
    assert beet.listed() == {"a": "Hip Hop", "b": "", "c": "Hip Hop"}
    assert any("b.flac" in line for line in beet.log)
    with pytest.raises(SystemExit, match="1"):
        beet("genrelens")
    assert any("1 of the tracks could not be judged" in line for line in beet.log)


def test_what_was_shown_is_kept_whatever_ends_the_command(
    beet: Beets, track: MakeTrack, monkeypatch: pytest.MonkeyPatch
) -> None:
    track("a.mp3")
    beet.configure(auto=False)
    imported(beet)

    def shown(*_: Any, **__: Any) -> None:
        raise ui.UserError("whoever read this is gone")  # as when `| head` has seen enough

    monkeypatch.setattr(ui, "show_model_changes", shown)
    with pytest.raises(SystemExit):
        beet("genrelens")
    assert beet.listed() == {"a": "Hip Hop"}


def test_a_file_that_is_gone_is_told(beet: Beets, track: MakeTrack) -> None:
    track("a.mp3")
    beet.configure(auto=False)
    imported(beet)
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
def test_a_wrong_option_is_told_in_a_sentence(
    beet: Beets, track: MakeTrack, options: dict[str, Any], sentence: str
) -> None:
    track("a.mp3")
    beet.configure(auto=False)
    imported(beet)
    beet.configure(**options)
    with pytest.raises(SystemExit, match="1"):
        beet("genrelens")
    assert any(sentence in line for line in beet.log)


def test_an_import_with_a_model_that_is_not_there_ends_before_its_first_genre(beet: Beets, track: MakeTrack) -> None:
    track("a.mp3")
    beet.configure(model="/nowhere.onnx")
    with pytest.raises(SystemExit, match="1"):
        imported(beet)
    assert any("/nowhere.onnx" in line for line in beet.log)


def test_what_has_its_genres_is_not_listened_to(beet: Beets, track: MakeTrack) -> None:
    track("a.mp3", genres=["Jazz"])
    beet.configure(model="/nowhere.onnx")
    imported(beet)
    assert beet("genrelens") == ""


def test_many_files_are_judged_in_processes_of_beets_as_it_is_installed(beet: Beets, track: MakeTrack) -> None:
    for number in range(25):
        track(f"{number}.ogg", "low" if number % 2 else "high")
    beet.configure(auto=False, processes=2, source="track")
    imported(beet)
    done = subprocess.run(
        [sys.executable, "-m", "beets", "genrelens"], env=os.environ, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert beet.listed() == {str(number): "Hip Hop" if number % 2 else "Metal" for number in range(25)}
