import shutil
from pathlib import Path

import mutagen
import pytest
from mutagen import id3
from mutagen.apev2 import BINARY, APEValue
from mutagen.asf._attrs import ASFByteArrayAttribute

from genrelens.library.tags.track_info import (
    AlbumTags,
    TrackName,
    is_compilation,
    read_album_tags,
    read_track_name,
)
from tests.support.audio import encode, tone


@pytest.mark.parametrize(
    ("suffix", "codec"), [("mp3", "libmp3lame"), ("flac", "flac"), ("ogg", "vorbis"), ("m4a", "aac"), ("wma", "wmav2")]
)
def test_reads_title_and_artist_on_one_line(tmp_path: Path, suffix: str, codec: str) -> None:
    tags = {"title": "Blue\u2028 Monk", "artist": "Thelonious Monk"}
    file = encode(tmp_path / f"a.{suffix}", tone(seconds=0.5), codec=codec, tags=tags)
    assert read_track_name(file) == TrackName("Blue Monk", "Thelonious Monk")


def test_reads_the_title_of_an_id3_chunk(tmp_path: Path) -> None:
    file = encode(tmp_path / "a.wav", tone(seconds=0.2), codec="pcm_s16le")
    tagged = mutagen.File(file)
    tagged.add_tags()
    tagged.tags.add(id3.TIT2(text=["So What"]))
    tagged.save()
    assert read_track_name(file) == TrackName("So What")


def test_file_name_replaces_a_missing_title(tmp_path: Path) -> None:
    assert read_track_name(tmp_path / "gone.mp3") == TrackName("gone")
    broken = tmp_path / "bro\nken.flac"
    broken.write_bytes(b"fLaC" + bytes(40))
    assert read_track_name(broken) == TrackName("bro ken")
    bare = encode(tmp_path / "bare.flac", tone(seconds=0.2), codec="flac")
    assert read_track_name(bare) == TrackName("bare")
    odd = Path(shutil.copy(bare, str(tmp_path / "b\udcff.flac")))
    assert read_track_name(odd) == TrackName("b?")


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ([AlbumTags(artist=name) for name in "abc"], True),
        ([AlbumTags(artist=name) for name in "aab"], True),
        ([AlbumTags(artist=name) for name in "aaab"], False),
        ([AlbumTags(artist=name) for name in "ab"], False),
        ([AlbumTags(artist=f"Me feat. {name}") for name in "abcd"], False),
        ([AlbumTags(artist=f"{name}", album_artist="Me") for name in "abcd"], False),
        ([AlbumTags(compilation=True)], True),
        ([AlbumTags(album_artist="V.A.")], True),
        ([AlbumTags()] * 5, False),
    ],
)
def test_compilations_are_detected_by_their_tags(tags: list[AlbumTags], expected: bool) -> None:
    assert is_compilation(tags) is expected


@pytest.mark.parametrize(
    ("extension", "codec"),
    [
        *(("mp3", "libmp3lame"), ("flac", "flac"), ("ogg", "vorbis"), ("m4a", "aac"), ("wav", "pcm_s16le")),
        *(("aiff", "pcm_s16be"), ("wma", "wmav2"), ("wv", "wavpack")),
    ],
)
def test_reads_album_tags_of_every_container(tmp_path: Path, extension: str, codec: str) -> None:
    file = encode(tmp_path / f"a.{extension}", tone(seconds=0.5), codec=codec)
    assert read_album_tags(file) == AlbumTags()
    _write_tags(file, {"album": "Ö", "albumartist": "Me", "artist": "Me & you", "compilation": "1"})
    assert read_album_tags(file) == AlbumTags("Ö", "Me", "Me & you", compilation=True)


def test_damaged_and_missing_files_have_no_album_tags(tmp_path: Path) -> None:
    (tmp_path / "a.mp3").write_bytes(b"ID3\4\0\0\0\0\0")
    assert read_album_tags(tmp_path / "a.mp3") == AlbumTags()
    assert read_album_tags(tmp_path / "gone.flac") == AlbumTags()


@pytest.mark.parametrize(("extension", "codec"), [("wv", "wavpack"), ("wma", "wmav2")])
def test_ignores_binary_album_titles(tmp_path: Path, extension: str, codec: str) -> None:
    file = encode(tmp_path / f"a.{extension}", tone(seconds=0.5), codec=codec)
    _write_tags(file, {"album": "Ö", "albumartist": "Me", "artist": "Me & you", "compilation": "1"})
    tagged = mutagen.File(file)
    if extension == "wv":
        tagged.tags["Album"] = APEValue(b"\xff\0", BINARY)
    else:
        tagged.tags["WM/AlbumTitle"] = [ASFByteArrayAttribute(b"\xff\0")]
    tagged.save()
    assert read_album_tags(file) == AlbumTags("", "Me", "Me & you", compilation=True)


@pytest.mark.parametrize("fault", [IndexError, TypeError, EOFError, ZeroDivisionError, OSError])
def test_errors_of_mutagen_yield_empty_tags(
    tmp_path: Path, fault: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(path: Path) -> None:
        raise fault("as mutagen does for some damaged files")

    monkeypatch.setattr(mutagen, "File", fail)
    assert read_album_tags(tmp_path / "a.ogg") == AlbumTags()


def _write_tags(file: Path, values: dict[str, str]) -> None:
    """Write tags under the field names of the container."""
    names = {
        "mp3": ("TALB", "TPE2", "TPE1", "TCMP"),
        "m4a": ("\xa9alb", "aART", "\xa9ART", "cpil"),
        "wma": ("WM/AlbumTitle", "WM/AlbumArtist", "Author", "WM/IsCompilation"),
        "wv": ("Album", "Album Artist", "Artist", "Compilation"),
    }
    suffix = {"wav": "mp3", "aiff": "mp3"}.get(file.suffix[1:], file.suffix[1:])
    tagged = mutagen.File(file)
    if tagged.tags is None:
        tagged.add_tags()
    for name, value in zip(names.get(suffix, tuple(values)), values.values(), strict=True):
        if suffix == "mp3":
            tagged.tags.add(getattr(id3, name)(encoding=3, text=[value]))
        else:
            tagged.tags[name] = True if name == "cpil" else [value]
    tagged.save()
