import json
import os
import re
from pathlib import Path, PureWindowsPath
from urllib.parse import unquote_to_bytes, urljoin, urlsplit
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genrelens.errors import LibraryError
from genrelens.library.catalog.tracks import ClassifiedTrack, FileStamp
from genrelens.library.playlists import formats
from genrelens.library.playlists.formats import format_jspf, format_m3u8, format_xspf, write_playlist
from genrelens.library.playlists.playlist import PlaylistItem
from genrelens.library.tags.track_info import TrackName, single_line
from tests.support.catalog import simple_prediction

NAMESPACE = "{http://xspf.org/ns/0/}"
PLAYLIST = Path("/music/lists/mine.m3u8")

NAMES = st.binary(min_size=1, max_size=12).map(lambda name: os.fsdecode(name.replace(b"/", b"_").replace(b"\0", b"_")))
PATHS = st.lists(NAMES.filter(lambda name: name not in (".", "..")), min_size=1, max_size=3).map(
    lambda names: Path("/music", *names)
)
ITEMS = st.builds(
    lambda path, title, artist, seconds: make_item(
        path, TrackName(single_line(title) or "x", artist and single_line(artist)), seconds
    ),
    PATHS,
    st.text(max_size=10),
    st.none() | st.text(min_size=1, max_size=10),
    st.floats(0, 10_000),
)


def make_item(path: Path, name: TrackName | None = None, seconds: float = 61.4) -> PlaylistItem:
    return PlaylistItem(
        ClassifiedTrack(1, path, FileStamp(1, 1), simple_prediction(path, seconds=seconds)),
        name or TrackName("A title", "An artist"),
    )


def resolve(uri: str) -> bytes:
    """Return the path that a player opens for a URI in the playlist."""
    parts = urlsplit(urljoin(PLAYLIST.as_uri(), uri))
    assert (parts.scheme, parts.netloc, parts.query, parts.fragment) == ("file", "", "", "")
    return unquote_to_bytes(parts.path)


@given(st.lists(ITEMS, max_size=4))
def test_m3u8_round_trip(items: list[PlaylistItem]) -> None:
    text = format_m3u8(PLAYLIST, items)
    text.encode()
    first, *lines = text.removesuffix("\n").split("\n")
    assert first == "#EXTM3U"
    assert not re.search("[\r\v\f\x85\u2028\u2029]", text)
    for item, info, path in zip(items, lines[::2], lines[1::2], strict=True):
        match = re.fullmatch(r"#EXTINF:(-1|\d+),(.*)", info)
        assert match
        assert match[2] == (f"{item.name.artist} - " if item.name.artist else "") + item.name.title
        assert abs(max(0, int(match[1])) - item.seconds) <= 0.5
        assert not path.startswith("#")
        assert path == path.strip() != ""
        if path.startswith("file:"):
            assert resolve(path) == os.fsencode(item.track.path)
        else:
            assert not re.match(r"[\w+.-]+:", path)
            assert os.path.normpath(PLAYLIST.parent / path) == str(item.track.path)


@given(st.lists(ITEMS, max_size=4))
def test_xspf_round_trip(items: list[PlaylistItem]) -> None:
    root = ElementTree.fromstring(format_xspf(PLAYLIST, items).encode())
    assert (root.tag, root.attrib) == (f"{NAMESPACE}playlist", {"version": "1"})
    [tracks] = root
    assert tracks.tag == f"{NAMESPACE}trackList"
    for item, track in zip(items, tracks, strict=True):
        fields = {field.tag.removeprefix(NAMESPACE): field.text or "" for field in track}
        assert len(fields) == len(track)
        assert set(fields) == {"location", "title", "duration"} | ({"creator"} if item.name.artist else set())
        assert re.fullmatch(r"[\w.~!$&'()*+,;=:@/%-]+", fields["location"], re.ASCII)
        assert resolve(fields["location"]) == os.fsencode(item.track.path)
        assert fields["title"] == item.name.title
        assert int(fields["duration"]) == round(1000 * item.seconds)


@given(st.lists(ITEMS, max_size=4))
def test_jspf_matches_xspf(items: list[PlaylistItem]) -> None:
    tracks = json.loads(format_jspf(PLAYLIST, items).encode())["playlist"]["track"]
    for track, element in zip(tracks, ElementTree.fromstring(format_xspf(PLAYLIST, items))[0], strict=True):
        fields = {field.tag.removeprefix(NAMESPACE): field.text or "" for field in element}
        assert {**fields, "location": [fields["location"]], "duration": int(fields["duration"])} == track


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("a.mp3", "../a.mp3"),
        ("lists/#1.mp3", "./#1.mp3"),
        ("lists/http://x", "./http:/x"),
        ("100 % #1?.mp3", "../100 % #1?.mp3"),
        ("a\nb.mp3", "file:///music/a%0Ab.mp3"),
        ("a\udcff.mp3", "file:///music/a%FF.mp3"),
        ("a.mp3 ", "file:///music/a.mp3%20"),
    ],
)
def test_m3u8_escapes_unusual_names(name: str, line: str) -> None:
    assert format_m3u8(PLAYLIST, [make_item(Path("/music") / name)]).splitlines()[2] == line


def test_paths_resolve_from_a_linked_folder(tmp_path: Path) -> None:
    song = tmp_path / "Music" / "Miles" / "a.mp3"
    song.parent.mkdir(parents=True)
    song.touch()
    (tmp_path / "disk" / "deep" / "lists").mkdir(parents=True)
    (tmp_path / "lists").symlink_to(tmp_path / "disk" / "deep" / "lists")
    (tmp_path / "linked").symlink_to(tmp_path / "Music")
    for path in (song, tmp_path / "linked" / "Miles" / "a.mp3"):
        line = format_m3u8(tmp_path / "lists" / "a.m3u8", [make_item(path)]).splitlines()[2]
        assert (tmp_path / "lists" / line).samefile(song)
        assert line == "../../../Music/Miles/a.mp3"


def test_windows_paths_have_slashes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "PurePath", PureWindowsPath)
    monkeypatch.setattr(os.path, "relpath", lambda *_: r"..\jazz\a b.mp3")
    assert format_m3u8(PLAYLIST, [make_item(Path("/x"))]).splitlines()[2] == "../jazz/a b.mp3"
    assert "<location>../jazz/a%20b.mp3</location>" in format_xspf(PLAYLIST, [make_item(Path("/x"))])


def test_suffix_selects_the_format(tmp_path: Path) -> None:
    for suffix, start in (("m3u8", "#EXTM3U"), ("M3U", "#EXTM3U"), ("xspf", "<?xml"), ("jspf", "{")):
        target = tmp_path / f"list.{suffix}"
        write_playlist(target, [make_item(tmp_path / "a.mp3")])
        assert target.read_text("utf-8").startswith(start)
    with pytest.raises(LibraryError, match=r"\.m3u8, \.xspf or \.jspf"):
        write_playlist(tmp_path / "list.pls", [])
    assert len(list(tmp_path.iterdir())) == 4
