import contextlib
from pathlib import Path
from typing import Any

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mutagen import File
from mutagen.id3 import ID3

from genrelens.audio.decoder import AudioReader
from genrelens.errors import TagsUnreadableError, TagsUnwritableError
from genrelens.library.tags import genre_tags, id3
from genrelens.library.tags.profiles import PROFILES, ProfileName
from tests.support.audio import encode, tone
from tests.support.tagged_files import FORMATS, GENRES, PICTURE, TAGGED, make_tagged

GENERIC = PROFILES["generic"]
PROVENANCE = "model=lens; version=1; confidence=0.9000"
NEW = ("Drum & Bass", "Électro/Pop", "歌謡曲")


def other_fields(file: Path) -> dict[str, Any]:
    """Return all fields that mutagen reads except for genres and provenance."""
    opened: Any = File(file)
    found = dict(opened.tags or {})
    ours = ("TCON", "genre", "\xa9gen", "WM/Genre", "Genre")
    return {key: str(value) for key, value in found.items() if key not in ours and "GENRELENS" not in key.upper()}


def digest(file: Path) -> str:
    with AudioReader(file, 22_050) as track:
        return track.digest()


@pytest.mark.parametrize("name", FORMATS)
def test_writing_changes_the_genres_and_nothing_else(name: str, tmp_path: Path) -> None:
    file, copy = make_tagged(tmp_path, name), tmp_path / f"copy{FORMATS[name][0]}"
    genre_tags.write(file, copy, NEW, PROVENANCE, GENERIC)
    found = genre_tags.read(copy)
    assert found.genres == NEW
    assert found.provenance == PROVENANCE
    assert other_fields(copy) == other_fields(file)
    assert digest(copy) == digest(file)
    assert found.other_fields == genre_tags.read(file).other_fields


@pytest.mark.parametrize("name", TAGGED)
def test_reads_genres_that_mutagen_wrote(name: str, tmp_path: Path) -> None:
    found = genre_tags.read(make_tagged(tmp_path, name))
    assert found.genres == GENRES
    assert found.provenance is None


def test_mutagen_reads_several_values(tmp_path: Path) -> None:
    for name, key in {"mp3-2.4": "TCON", "flac": "genre", "m4a": "\xa9gen", "wv": "Genre", "wma": "WM/Genre"}.items():
        copy = tmp_path / f"copy{FORMATS[name][0]}"
        genre_tags.write(make_tagged(tmp_path, name), copy, NEW, PROVENANCE, GENERIC)
        opened: Any = File(copy)
        value = opened.tags[key]
        assert [str(part) for part in (value.text if key == "TCON" else value)] == list(NEW)


@pytest.mark.parametrize("name", ["mp3-2.3", "mp3-2.4", "mp3-old"])
def test_the_version_of_an_id3_tag_is_kept(name: str, tmp_path: Path) -> None:
    file, copy = make_tagged(tmp_path, name), tmp_path / "copy.mp3"
    genre_tags.write(file, copy, NEW, PROVENANCE, GENERIC)
    assert ID3(copy, translate=False).version == ID3(file, translate=False).version


def test_tags_after_an_mp3_are_kept(tmp_path: Path) -> None:
    file, copy = make_tagged(tmp_path, "mp3-old"), tmp_path / "copy.mp3"
    genre_tags.write(file, copy, NEW, PROVENANCE, GENERIC)
    assert copy.read_bytes()[-400:] == file.read_bytes()[-400:]
    assert b"APETAGEX" in copy.read_bytes()[-400:]
    assert copy.read_bytes()[-128:-125] == b"TAG"


def test_unusual_frames_are_kept_byte_for_byte(tmp_path: Path) -> None:
    def frame(name: bytes, content: bytes) -> bytes:
        return name + len(content).to_bytes(4, "big") + bytes(2) + content

    odd = [
        frame(b"XYZ1", b"\xff\x00 unknown to all"),
        frame(b"COMM", b"\0eng\0one"),
        frame(b"COMM", b"\0eng\0the same name again"),
        frame(b"TDAT", b"\0not a date"),
        frame(b"TXXX", b"\0MOOD\0dark"),
        frame(b"TXXX", b"\0MOOD\0again"),
        frame(b"TXXX", b"\x01\xff\xfeM\0O\0O\0D\0\0\0\xff\xfehalf a lette"),
        frame(b"TXXX", b"\x03MOOD\0\xff\xfe"),
    ]
    body = odd[0] + frame(b"TCON", b"\0(17)(8)Ska") + b"".join(odd[1:])
    audio = make_tagged(tmp_path, "mp3-bare").read_bytes()
    file, copy = tmp_path / "odd.mp3", tmp_path / "copy.mp3"
    file.write_bytes(b"ID3\x03\0\0" + bytes((0, 0, len(body) >> 7, len(body) & 127)) + body + audio)
    assert genre_tags.read(file).genres == ("Rock", "Jazz", "Ska")
    genre_tags.write(file, copy, ("Ska",), PROVENANCE, GENERIC)
    content = copy.read_bytes()
    assert id3.parse_tag(content).other_frames("GENRELENS") == tuple(odd)
    assert content.endswith(audio)
    assert genre_tags.read(copy).genres == ("Ska",)


def test_reads_an_unsynchronised_tag(tmp_path: Path) -> None:
    audio = make_tagged(tmp_path, "mp3-bare").read_bytes()
    plain = b"TCON" + (17).to_bytes(4, "big") + bytes(2) + b"\x01\xff\xfeR\0o\0c\0k\0\0\0\xff\xfe"
    plain = plain[:4] + (len(plain) - 10).to_bytes(4, "big") + plain[8:]
    body = plain.replace(b"\xff", b"\xff\0")
    file, copy = tmp_path / "odd.mp3", tmp_path / "copy.mp3"
    file.write_bytes(b"ID3\x03\0\x80" + bytes((0, 0, 0, len(body))) + body + audio)
    assert genre_tags.read(file).genres == ("Rock",)
    genre_tags.write(file, copy, NEW, PROVENANCE, GENERIC)
    assert [str(text) for text in ID3(copy)["TCON"].text] == list(NEW)


@pytest.mark.parametrize("name", ["mp3-bare", "wav-bare"])
def test_reads_a_genre_outside_the_id3_tag(name: str, tmp_path: Path) -> None:
    file = make_tagged(tmp_path, name)
    if name == "mp3-bare":
        file.write_bytes(file.read_bytes() + b"TAG" + bytes(124) + bytes([8]))
    else:
        encode(file, tone(seconds=0.3), codec="pcm_s16le", tags={"genre": "Jazz"})
    assert genre_tags.read(file).genres == ("Jazz",)
    copy = tmp_path / f"copy{file.suffix}"
    genre_tags.write(file, copy, ("Ska",), PROVENANCE, GENERIC)
    assert genre_tags.read(copy).genres == ("Ska",)


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("name", ["mp3-2.3", "mp3-2.4", "flac", "m4a", "wv", "wma"])
def test_genres_written_for_a_profile_are_read_back(name: str, profile: ProfileName, tmp_path: Path) -> None:
    file, copy = make_tagged(tmp_path, name), tmp_path / f"copy{FORMATS[name][0]}"
    genre_tags.write(file, copy, ("Rock", "Jazz"), PROVENANCE, PROFILES[profile])
    assert genre_tags.read(copy, PROFILES[profile]).genres == ("Rock", "Jazz")
    separator = PROFILES[profile].separators.get(genre_tags.read(copy).dialect)
    assert genre_tags.read(copy).genres == ((f"Rock{separator}Jazz",) if separator else ("Rock", "Jazz"))


def test_ffmpeg_reads_genres_of_profile_plex_joined(tmp_path: Path) -> None:
    for name in ("mp3-2.3", "mp3-2.4", "flac", "m4a", "wv", "wma"):
        copy = tmp_path / f"copy{FORMATS[name][0]}"
        genre_tags.write(make_tagged(tmp_path, name), copy, ("Rock", "Jazz"), PROVENANCE, PROFILES["plex"])
        with av.open(str(copy)) as opened:
            metadata = {
                key.lower(): value for key, value in (opened.metadata | opened.streams.audio[0].metadata).items()
            }
        assert metadata["genre"] == "Rock;Jazz", name


@pytest.mark.parametrize(
    ("name", "profile", "genre"),
    [
        *(("mp3-2.4", "plex", "Rock; Roll"), ("flac", "plex", "Rock;Roll"), ("flac", "navidrome", "Hip-Hop/Rap")),
        *(("m4a", "navidrome", "Folk, World"), ("wv", "rekordbox", "Folk, World")),
    ],
)
def test_rejects_a_genre_that_the_player_would_split(
    name: str, profile: ProfileName, genre: str, tmp_path: Path
) -> None:
    file, copy = make_tagged(tmp_path, name), tmp_path / f"copy{FORMATS[name][0]}"
    with pytest.raises(TagsUnwritableError, match="would be read as"):
        genre_tags.write(file, copy, (genre,), PROVENANCE, PROFILES[profile])


def test_navidrome_splits_only_a_single_value(tmp_path: Path) -> None:
    copy = tmp_path / "copy.flac"
    genre_tags.write(make_tagged(tmp_path, "flac"), copy, ("Hip-Hop/Rap", "Jazz"), PROVENANCE, PROFILES["navidrome"])
    assert genre_tags.read(copy, PROFILES["navidrome"]).genres == ("Hip-Hop/Rap", "Jazz")


def test_rejects_a_file_with_a_comment_that_is_not_utf8(tmp_path: Path) -> None:
    file = make_tagged(tmp_path, "flac")
    file.write_bytes(file.read_bytes().replace(b"do not touch", b"do not t\xffuch"))
    with pytest.raises(TagsUnwritableError, match="not UTF-8"):
        genre_tags.write(file, tmp_path / "copy.flac", NEW, PROVENANCE, GENERIC)


@pytest.mark.parametrize("name", FORMATS)
def test_errors_name_the_damaged_file(name: str, tmp_path: Path) -> None:
    file = make_tagged(tmp_path, name)
    content = file.read_bytes()
    for cut in (0, 3, 11, 60, 200):
        file.write_bytes(content[:cut])
        message = ""
        try:
            genre_tags.write(file, tmp_path / "copy", NEW, PROVENANCE, GENERIC)
        except (TagsUnreadableError, TagsUnwritableError) as error:
            message = str(error)
        assert not message or (str(file) in message and "\n" not in message)


@given(
    st.binary(max_size=300), st.sampled_from([b"ID3\x03", b"ID3\x04", b"fLaC", b"RIFF0000WAVE", b"0000ftyp", b"OggS"])
)
def test_hostile_tags_raise_only_expected_errors(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, magic: bytes
) -> None:
    file = tmp_path_factory.getbasetemp() / "hostile.mp3"
    file.write_bytes(magic + content)
    with contextlib.suppress(TagsUnreadableError):
        genre_tags.read(file)


def test_rejects_files_that_are_not_audio(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("Rock")
    with pytest.raises(TagsUnreadableError, match="files of this format"):
        genre_tags.read(file)
    with pytest.raises(TagsUnreadableError, match="No such file"):
        genre_tags.read(tmp_path / "missing.mp3")


def test_pictures_are_kept(tmp_path: Path) -> None:
    for name in ("mp3-2.3", "flac", "m4a", "aiff", "wav"):
        copy = tmp_path / f"copy{FORMATS[name][0]}"
        genre_tags.write(make_tagged(tmp_path, name), copy, NEW, PROVENANCE, GENERIC)
        assert PICTURE in copy.read_bytes()
