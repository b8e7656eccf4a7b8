from pathlib import Path

import pytest
from mutagen.apev2 import APEv2

from genrelens.errors import TagsUnreadableError
from genrelens.library.tags import genre_tags
from genrelens.library.tags.profiles import PROFILES
from tests.support.tagged_files import GENRES, make_tagged

GENERIC = PROFILES["generic"]
PROVENANCE = "model=lens; version=1; confidence=0.9000"
ID3V1 = b"TAG" + b"An old title".ljust(124, b"\0") + bytes([17])
READ_ONLY, BINARY = 1, 2  # flags


def item(name: bytes, value: bytes, flags: int = 0) -> bytes:
    return len(value).to_bytes(4, "little") + flags.to_bytes(4, "little") + name + b"\0" + value


def tag(*items: bytes, version: int = 2000, has_header: bool = True) -> bytes:
    body = b"".join(items)

    def footer(flags: int) -> bytes:
        numbers = (version, len(body) + 32, len(items), flags if version == 2000 else 0)
        return b"APETAGEX" + b"".join(number.to_bytes(4, "little") for number in numbers) + bytes(8)

    return (footer(0xA0000000) if has_header else b"") + body + footer(0x80000000)


def audio(folder: Path) -> bytes:
    """Return a WavPack file without tags."""
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


@pytest.mark.parametrize("trailer", [b"", ID3V1, b"LYRICSBEGIN" + b"000011LYRICS200" + ID3V1])
def test_everything_else_is_kept_byte_for_byte(trailer: bytes, tmp_path: Path) -> None:
    audio_bytes = audio(tmp_path)
    file, copy = tmp_path / "odd.wv", tmp_path / "copy.wv"
    file.write_bytes(audio_bytes + tag(ODD[0], item(b"gEnre", b"Folk\0Blues"), *ODD[1:]) + trailer)
    assert genre_tags.read(file).genres == ("Folk", "Blues")
    genre_tags.write(file, copy, ("Rock", "歌謡曲"), PROVENANCE, GENERIC)
    new = (item(b"Genre", "Rock\0歌謡曲".encode()), item(b"GENRELENS", PROVENANCE.encode()))
    assert copy.read_bytes() == audio_bytes + tag(*ODD, *new) + trailer
    assert (genre_tags.read(copy).genres, genre_tags.read(copy).provenance) == (("Rock", "歌謡曲"), PROVENANCE)
    genre_tags.write(copy, file, ("Rock", "歌謡曲"), PROVENANCE, GENERIC)
    assert file.read_bytes() == copy.read_bytes()


@pytest.mark.parametrize("trailer", [b"", ID3V1])
def test_a_new_tag_goes_before_id3v1(trailer: bytes, tmp_path: Path) -> None:
    audio_bytes = audio(tmp_path)
    file, copy = tmp_path / "bare.wv", tmp_path / "copy.wv"
    file.write_bytes(audio_bytes + trailer)
    genre_tags.write(file, copy, GENRES, PROVENANCE, GENERIC)
    assert tuple(APEv2(copy)["Genre"]) == GENRES
    assert copy.read_bytes().startswith(audio_bytes)
    assert copy.read_bytes().endswith(trailer)


def test_version_1_has_neither_header_nor_utf8(tmp_path: Path) -> None:
    file, copy = tmp_path / "old.wv", tmp_path / "copy.wv"
    file.write_bytes(audio(tmp_path) + tag(item(b"Genre", b"Caf\xe9"), version=1000, has_header=False))
    assert genre_tags.read(file).genres == ("Café",)
    genre_tags.write(file, copy, ("Électro",), PROVENANCE, GENERIC)
    assert genre_tags.read(copy).genres == ("Électro",)
    assert copy.read_bytes().count(b"APETAGEX") == 1


@pytest.mark.parametrize(
    "damaged",
    [
        tag(item(b"Genre", b"\xff", BINARY)),
        tag(item(b"Genre", b"Rock"))[:-16] + b"\x09" + bytes(3) + bytes.fromhex("00000080") + bytes(8),
        tag(item(b"Genre", b"Rock")[:-1]),
    ],
    ids=["binary", "too many", "truncated"],
)
def test_rejects_a_damaged_tag(damaged: bytes, tmp_path: Path) -> None:
    file = tmp_path / "odd.wv"
    file.write_bytes(audio(tmp_path) + damaged)
    with pytest.raises(TagsUnreadableError, match=r"odd\.wv"):
        genre_tags.read(file)
