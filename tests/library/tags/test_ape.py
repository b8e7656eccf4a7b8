from pathlib import Path

import pytest
from mutagen.apev2 import APEv2

from genrelens.errors import TagsUnreadableError
from genrelens.library.tags import genre_tags
from genrelens.library.tags.profiles import PROFILES
from tests.support.tagged_files import GENRES, make_tagged

GENERIC = PROFILES["generic"]
OWN = "model=lens; version=1; confidence=0.9000"
ID3V1 = b"TAG" + b"An old title".ljust(124, b"\0") + bytes([17])
READ_ONLY, BINARY = 1, 2  # flags


def item(name: bytes, value: bytes, flags: int = 0) -> bytes:
    return len(value).to_bytes(4, "little") + flags.to_bytes(4, "little") + name + b"\0" + value


def tag(*items: bytes, version: int = 2000, headed: bool = True) -> bytes:
    body = b"".join(items)

    def told(flags: int) -> bytes:
        numbers = (version, len(body) + 32, len(items), flags if version == 2000 else 0)
        return b"APETAGEX" + b"".join(number.to_bytes(4, "little") for number in numbers) + bytes(8)

    return (told(0xA0000000) if headed else b"") + body + told(0x80000000)


def audio(folder: Path) -> bytes:
    """A wv file without tags."""
    file = make_tagged(folder, "wv")
    APEv2().delete(file)
    return file.read_bytes()


ODD = (
    item(b"Title", b"one"),
    item(b"TITLE", b"two"),
    item(b"RO", b"leave me", READ_ONLY),
    item(b"Cover Art (Front)", b"front.png\0\x89PNG\xff", BINARY),
    item(b"Comment", b"not UTF-8 \xff"),
)


@pytest.mark.parametrize("behind", [b"", ID3V1, b"LYRICSBEGIN" + b"000011LYRICS200" + ID3V1])
def test_all_else_stays_byte_for_byte(behind: bytes, tmp_path: Path) -> None:
    sound = audio(tmp_path)
    file, copy = tmp_path / "odd.wv", tmp_path / "copy.wv"
    file.write_bytes(sound + tag(ODD[0], item(b"gEnre", b"Folk\0Blues"), *ODD[1:]) + behind)
    assert genre_tags.read(file).genres == ("Folk", "Blues")
    genre_tags.write(file, copy, ("Rock", "歌謡曲"), OWN, GENERIC)
    new = (item(b"Genre", "Rock\0歌謡曲".encode()), item(b"GENRELENS", OWN.encode()))
    assert copy.read_bytes() == sound + tag(*ODD, *new) + behind
    assert (genre_tags.read(copy).genres, genre_tags.read(copy).own) == (("Rock", "歌謡曲"), OWN)
    genre_tags.write(copy, file, ("Rock", "歌謡曲"), OWN, GENERIC)
    assert file.read_bytes() == copy.read_bytes()


@pytest.mark.parametrize("behind", [b"", ID3V1])
def test_a_file_without_tag_gets_one_before_id3v1(behind: bytes, tmp_path: Path) -> None:
    sound = audio(tmp_path)
    file, copy = tmp_path / "bare.wv", tmp_path / "copy.wv"
    file.write_bytes(sound + behind)
    genre_tags.write(file, copy, GENRES, OWN, GENERIC)
    assert tuple(APEv2(copy)["Genre"]) == GENRES
    assert copy.read_bytes().startswith(sound)
    assert copy.read_bytes().endswith(behind)


def test_version_1_has_neither_header_nor_utf8(tmp_path: Path) -> None:
    file, copy = tmp_path / "old.wv", tmp_path / "copy.wv"
    file.write_bytes(audio(tmp_path) + tag(item(b"Genre", b"Caf\xe9"), version=1000, headed=False))
    assert genre_tags.read(file).genres == ("Café",)
    genre_tags.write(file, copy, ("Électro",), OWN, GENERIC)
    assert genre_tags.read(copy).genres == ("Électro",)
    assert copy.read_bytes().count(b"APETAGEX") == 1


@pytest.mark.parametrize(
    "damaged",
    [
        tag(item(b"Genre", b"\xff", BINARY)),
        tag(item(b"Genre", b"Rock"))[:-16] + b"\x09" + bytes(3) + bytes.fromhex("00000080") + bytes(8),
        tag(item(b"Genre", b"Rock")[:-1]),
    ],
    ids=["binary", "too many", "cut off"],
)
def test_a_damaged_tag_is_told_of(damaged: bytes, tmp_path: Path) -> None:
    file = tmp_path / "odd.wv"
    file.write_bytes(audio(tmp_path) + damaged)
    with pytest.raises(TagsUnreadableError, match=r"odd\.wv"):
        genre_tags.read(file)
