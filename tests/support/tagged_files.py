"""Real files of each format, with tags as taggers write them."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mutagen import File
from mutagen.apev2 import APEv2
from mutagen.flac import FLAC, Picture
from mutagen.id3 import APIC, COMM, ID3, TALB, TCON, TIT2, TXXX, TYER
from mutagen.mp4 import MP4Cover, MP4FreeForm

from genrelens.library.tags import genre_tags
from tests.support.audio import encode, tone

GENRES = ("Blues", "Folk, World & Country")  # of each tagged file
PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
TITLE, COMMENT = "Título ♫", "do not touch"


def make_tagged(folder: Path, name: str) -> Path:
    """Write a short file in one of `FORMATS`, with tags unless its name ends in "bare"."""
    ending, codec, _ = FORMATS[name]
    original = folder.parent / f"original-{name}{ending}"
    if not original.exists():
        encode(original, tone(seconds=0.4, rate=48_000), codec=codec, rate=48_000)
        FORMATS[name][2](original)
    file = folder / f"{name}{ending}"
    shutil.copyfile(original, file)
    return file


def file_genres(folder: Path) -> list[tuple[str, ...]]:
    """Return the genre tags of each file of a folder, by file name."""
    return [genre_tags.read(file).genres for file in sorted(folder.iterdir())]


def _id3(version: int = 4) -> ID3:
    tags = ID3()
    tags.add(TIT2(encoding=1, text=TITLE))
    tags.add(TALB(encoding=0, text="An album"))
    tags.add(COMM(encoding=1, lang="eng", desc="", text=COMMENT))
    tags.add(APIC(encoding=0, mime="image/png", type=3, desc="front", data=PICTURE))
    tags.add(TXXX(encoding=0, desc="MOOD", text=["dark", "slow"]))
    tags.add(TCON(encoding=0, text=list(GENRES)))
    if version == 3:
        tags.add(TYER(encoding=0, text="1999"))
    return tags


def _mp3(version: int) -> Callable[[Path], None]:
    def tag(file: Path) -> None:
        ID3().delete(file)
        _id3(version).save(file, v2_version=version, v23_sep=None)

    return tag


def _mp3_bare(file: Path) -> None:
    ID3().delete(file)


def _mp3_old(file: Path) -> None:
    """Write ID3v2 before the audio, and APEv2 and ID3v1 after it."""
    _mp3(3)(file)
    ape = APEv2()
    ape["REPLAYGAIN_TRACK_GAIN"] = "-3.20 dB"
    ape.save(file)
    field = "An old title".encode("latin-1").ljust(30, b"\0")
    with file.open("ab") as end:
        end.write(b"TAG" + field * 3 + b"1999" + bytes(30) + bytes([17]))


def _chunked(file: Path) -> None:
    opened: Any = File(file)
    opened.add_tags()
    for frame in _id3().values():
        opened.tags.add(frame)
    opened.save()


def _vorbis(file: Path) -> None:
    opened: Any = File(file)
    opened.update({"title": TITLE, "genre": list(GENRES), "comment": COMMENT, "x-odd": ["b", "a"]})
    if isinstance(opened, FLAC):
        picture = Picture()
        picture.data, picture.mime, picture.type = PICTURE, "image/png", 3
        opened.add_picture(picture)
    opened.save()


def _mp4(file: Path) -> None:
    opened: Any = File(file)
    opened.update({"\xa9nam": [TITLE], "\xa9gen": list(GENRES), "\xa9cmt": [COMMENT], "trkn": [(3, 12)]})
    opened["covr"] = [MP4Cover(PICTURE, MP4Cover.FORMAT_PNG)]
    opened["----:com.apple.iTunes:MOOD"] = [MP4FreeForm(b"dark"), MP4FreeForm(b"slow")]
    opened.save()


def _ape(file: Path) -> None:
    opened: Any = File(file)
    if opened.tags is None:
        opened.add_tags()
    opened["Title"], opened["Genre"], opened["Comment"] = TITLE, list(GENRES), COMMENT
    opened.save()


def _asf(file: Path) -> None:
    opened: Any = File(file)
    opened.update({"Title": [TITLE], "WM/Genre": list(GENRES), "Description": [COMMENT], "WM/TrackNumber": [3]})
    opened.save()


def _nothing(file: Path) -> None:
    pass


FORMATS: dict[str, tuple[str, str, Callable[[Path], None]]] = {
    "mp3-2.3": (".mp3", "libmp3lame", _mp3(3)),
    "mp3-2.4": (".mp3", "libmp3lame", _mp3(4)),
    "mp3-bare": (".mp3", "libmp3lame", _mp3_bare),
    "mp3-old": (".mp3", "libmp3lame", _mp3_old),
    "flac": (".flac", "flac", _vorbis),
    "flac-bare": (".flac", "flac", _nothing),
    "ogg": (".ogg", "vorbis", _vorbis),
    "opus": (".opus", "libopus", _vorbis),
    "m4a": (".m4a", "aac", _mp4),
    "m4a-bare": (".m4a", "aac", _nothing),
    "wv": (".wv", "wavpack", _ape),
    "wma": (".wma", "wmav2", _asf),
    "aiff": (".aiff", "pcm_s16be", _chunked),
    "wav": (".wav", "pcm_s16le", _chunked),
    "wav-bare": (".wav", "pcm_s16le", _nothing),
    "tta": (".tta", "tta", _mp3(4)),
}
TAGGED = [name for name in FORMATS if not name.endswith("bare")]
