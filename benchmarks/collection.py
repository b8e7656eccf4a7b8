"""An end-to-end test of `genrelens library` on a collection made from recordings.

    python benchmarks/collection.py --data gtzan:FOLDER --folder FOLDER [--files 2000]

Makes a folder of artists and albums in ten formats, a fifth of the files with existing genres and a few broken. Then,
by the command line only: scans it, classifies it while being killed twice, tags it, reads the tags back with mutagen
and ffprobe, undoes it, and compares each file with the original, byte for byte, with its mode, owner and time. Needs
ffmpeg and ffprobe. Writes benchmarks/results/collection.json, and fails on any difference.
"""

import argparse
import hashlib
import json
import platform
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import mutagen
import numpy as np
from mutagen.apev2 import APEv2File
from mutagen.asf import ASF
from mutagen.id3 import ID3, TCON
from mutagen.mp4 import MP4

from genrelens import workers
from genrelens.train.data.manifest import LabelledTrack, read_manifest

RESULTS = Path(__file__).parent / "results" / "collection.json"
SEED = 1
ALBUM = 10  # tracks
ID3V1 = b"TAG" + b"An old title".ljust(94, b"\0") + b"keep me".ljust(30, b"\0") + bytes([17])
OURS = ("tcon", "genre", "\xa9gen", "wm/genre", "genrelens", "txxx:genrelens", "----:com.genrelens:genrelens")
OWN_GENRES = ("Krautrock", "Dub Techno")  # existing genres of a fifth of the files
TAGGED_SHARE = 0.2
BROKEN = 12  # files
CONFIDENCE = 0.5  # minimum confidence of a written genre

# Extensions, and ffmpeg's options for such files.
FORMATS: dict[str, tuple[str, ...]] = {
    "v24.mp3": ("-c:a", "libmp3lame", "-b:a", "128k", "-id3v2_version", "4"),
    "v23.mp3": ("-c:a", "libmp3lame", "-q:a", "5", "-id3v2_version", "3", "-write_id3v1", "1"),
    "flac": ("-c:a", "flac"),
    "ogg": ("-c:a", "libvorbis"),
    "opus": ("-c:a", "libopus", "-b:a", "96k"),
    "m4a": ("-c:a", "aac", "-b:a", "128k"),
    "wma": ("-c:a", "wmav2", "-b:a", "128k"),
    "aiff": ("-c:a", "pcm_s16be", "-write_id3v2", "1"),
    "wav": ("-c:a", "pcm_s16le"),
    "wv": ("-c:a", "wavpack"),
}


@dataclass(frozen=True)
class Song:
    """A file of the collection; `tagged` files have existing genres."""

    path: Path
    recording: Path
    format: str
    tagged: bool

    @property
    def has_id3v1(self) -> bool:
        """Whether an ID3v1 tag follows its APE tag."""
        return self.format == "wv" and int(self.path.name[:2]) % 2 == 1


def main() -> None:
    """Make the collection, run all steps, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="recordings, as gtzan:FOLDER")
    parser.add_argument("--folder", type=Path, required=True, help="folder of the collection; 2,000 files need 5 GB")
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--out", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    music, catalog = arguments.folder / "music", arguments.folder / "library.db"
    songs = plan_songs(read_manifest(arguments.data).tracks, music, arguments.files)
    with ThreadPoolExecutor(workers.available_cores()) as pool:
        list(pool.map(make_song, songs))
    broken = list(make_broken(songs, music))
    before, others = file_states(music), {song.path: other_fields(song.path) for song in songs}
    for leftover in arguments.folder.glob(f"{catalog.name}*"):  # an earlier catalog would leave nothing to do
        leftover.unlink()
    library = Library(catalog)
    figures: dict[str, Any] = {
        "files": len(before),
        "formats": dict(Counter(song.format.rpartition(".")[2] for song in songs)),
        "tagged": sum(song.tagged for song in songs),
        "broken": len(broken),
    }
    figures["scan (s)"] = library.time("scan", str(music))
    figures["killed after"] = [library.kill_after(len(before) * share // 3) for share in (1, 2)]
    assert all(0 < count < len(before) - len(broken) for count in figures["killed after"]), "killed too late"
    figures["run (s)"] = library.time("run")
    figures["status"] = json.loads(library.output("status", "--json"))
    assert file_states(music) == before, "nothing is written without --write"
    library.output("tag")
    assert file_states(music) == before, "a plan writes nothing"
    figures["tag (s)"] = library.time("tag", "--write", "--existing", "append", "--min-confidence", str(CONFIDENCE))
    figures["read back"] = read_back(songs, library, others)
    figures["undo (s)"] = library.time("undo")
    after = file_states(music)
    figures["changed after undo"] = sorted(path for path in before if after.get(path) != before[path])
    figures["left behind"] = sorted(set(after) - set(before))
    content = {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "machine": f"{platform.machine()}, {workers.available_cores()} cores",
        **figures,
    }
    arguments.out.write_text(json.dumps(content, indent=1) + "\n", "utf-8")
    if figures["changed after undo"] or figures["left behind"] or figures["read back"]["wrong"]:
        sys.exit(f"some files differ; see {arguments.out}")


class Library:
    """`genrelens library` on the command line; exit status 1 is accepted, because broken files cause it."""

    def __init__(self, catalog: Path) -> None:
        self._command = (sys.executable, "-m", "genrelens.cli.main", "library", "--catalog", str(catalog))

    def output(self, *arguments: str) -> str:
        """Return what a command prints."""
        result = subprocess.run([*self._command, *arguments], stdout=subprocess.PIPE, text=True, check=False)
        assert result.returncode in (0, 1), f"`{' '.join(arguments)}` exited with {result.returncode}"
        return result.stdout

    def time(self, *arguments: str) -> float:
        """Return the duration of a command in seconds."""
        start = time.perf_counter()
        self.output(*arguments)
        return round(time.perf_counter() - start, 2)

    def kill_after(self, count: int) -> int:
        """Kill a run after `count` tracks, and return how many the catalog has then."""
        process = subprocess.Popen([*self._command, "run"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while self.classified() < count and process.poll() is None:
            time.sleep(0.2)
        process.send_signal(signal.SIGKILL)
        process.wait()
        return self.classified()

    def classified(self) -> int:
        """Return the number of tracks with a prediction."""
        return int(json.loads(self.output("status", "--json"))["judged"])

    def genres(self) -> dict[str, list[str]]:
        """Return the genres of each track with enough confidence to be written."""
        lines = self.output("search", "--json", "--min-confidence", str(CONFIDENCE)).splitlines()
        return {row["path"]: row["genres"] for row in map(json.loads, lines) if row["genre"] != "unknown"}


def plan_songs(items: Sequence[LabelledTrack], music: Path, count: int) -> list[Song]:
    """Assign recordings to files: artists with albums of ten tracks, one format per album."""
    rng = np.random.default_rng(SEED)
    songs = []
    for number in range(count - BROKEN):
        recording, (album, track) = Path(items[number % len(items)].path), divmod(number, ALBUM)
        name = list(FORMATS)[album % len(FORMATS)]
        folder = music / f"Artist {album // 4 + 1}" / f"Album {album + 1}"
        path = folder / f"{track + 1:02} {recording.stem}.{name.rpartition('.')[2]}"
        songs.append(Song(path, recording, name, bool(rng.random() < TAGGED_SHARE)))
    return songs


def make_song(song: Song) -> None:
    """Write a file with ordinary tags, and existing genres if it is `tagged`."""
    song.path.parent.mkdir(parents=True, exist_ok=True)
    if song.path.exists():
        return
    tags = {
        "title": song.path.stem[3:],
        "artist": song.path.parents[1].name,
        "album": song.path.parent.name,
        "track": song.path.stem[:2],
        "comment": "keep me",
    }
    metadata = [word for key, value in tags.items() for word in ("-metadata", f"{key}={value}")]
    partial = song.path.with_name(f"partial-{song.path.name}")
    command = ["ffmpeg", "-v", "error", "-y", "-i", str(song.recording), "-map_metadata", "-1", "-vn"]
    subprocess.run([*command, *FORMATS[song.format], *metadata, str(partial)], check=True)
    if song.tagged:
        add_genres(partial)
        partial.chmod(0o640)
    if song.has_id3v1:
        with partial.open("ab") as file:
            file.write(ID3V1)
    partial.rename(song.path)


def add_genres(path: Path) -> None:
    """Write two genres to a file, the way its format stores several."""
    file = mutagen.File(path)
    if file.tags is None:
        file.add_tags()
    if isinstance(file.tags, ID3):
        file.tags.add(TCON(encoding=3, text=list(OWN_GENRES)))
    elif isinstance(file, MP4):
        file["\xa9gen"] = list(OWN_GENRES)
    elif isinstance(file, ASF):
        file["WM/Genre"] = list(OWN_GENRES)
    elif isinstance(file, APEv2File):
        file["Genre"] = list(OWN_GENRES)
    else:
        file["genre"] = list(OWN_GENRES)
    file.save()


def make_broken(songs: Sequence[Song], music: Path) -> Iterator[Path]:
    """Write broken files: empty, text, or truncated in their headers."""
    folder = music / "Broken"
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(BROKEN):
        song = songs[number * ALBUM % len(songs)]
        path = folder / f"{number}{song.path.suffix}"
        path.write_bytes((b"", b"not music" * 1000, song.path.read_bytes()[:40])[number % 3])
        yield path


def file_states(folder: Path) -> dict[str, tuple[str, int, int, int, int]]:
    """Return the content hash, mode, owner, group and time of each file."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): _state(path) for path in files}


def _state(path: Path) -> tuple[str, int, int, int, int]:
    status = path.stat()
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return digest, status.st_mode, status.st_uid, status.st_gid, status.st_mtime_ns


def other_fields(path: Path) -> tuple[list[tuple[str, str]], bytes]:
    """Return all tags except genres, by mutagen; and an ID3v1 tag at the end, which mutagen does not show."""
    tags = mutagen.File(path).tags or {}
    end = path.read_bytes()[-len(ID3V1) :]
    fields = sorted((name, str(value)) for name, value in tags.items() if name.lower() not in OURS)
    return fields, end if end.startswith(b"TAG") else b""


def read_back(songs: Sequence[Song], library: Library, before: Mapping[Path, object]) -> dict[str, Any]:
    """Compare the tags with what was to be written, by two readers; `wrong` lists the files that differ.

    `before` has the `other_fields` of each file before tagging.
    """
    predicted = library.genres()
    wrong: dict[str, Any] = {}
    counts: Counter[str] = Counter()
    for song in songs:
        expected = list(OWN_GENRES) if song.tagged else []
        genres = predicted.get(str(song.path), [])
        expected += genres
        found, fields = read_genres(song.path), probe_tags(song.path)
        counts["written" if genres else "left as they were"] += 1
        if [genre.lower() for genre in found] != [genre.lower() for genre in expected]:
            wrong[str(song.path)] = {"expected": expected, "mutagen": found}
        if other_fields(song.path) != before[song.path]:
            wrong[str(song.path)] = {"before": str(before[song.path]), "now": str(other_fields(song.path))}
        # ffprobe shows the first genre of most formats, none of a wav, and no APE tag before ID3v1.
        is_shown = expected and song.format != "wav" and not song.has_id3v1
        if is_shown and expected[0].lower() not in fields.get("genre", "").lower():
            wrong[str(song.path)] = {"expected": expected, "ffprobe": fields}
        if "keep me" not in fields.values():
            wrong[str(song.path)] = {"lost": "comment", "ffprobe": fields}
    return {**counts, "wrong": wrong}


def read_genres(path: Path) -> list[str]:
    """Return the genres in a file's tags, by mutagen."""
    file = mutagen.File(path)
    if isinstance(file.tags, ID3):
        return [str(genre) for frame in file.tags.getall("TCON") for genre in frame.genres]
    key = "\xa9gen" if isinstance(file, MP4) else "WM/Genre" if isinstance(file, ASF) else "genre"
    return [str(genre) for genre in (file.tags or {}).get(key, [])]


def probe_tags(path: Path) -> dict[str, str]:
    """Return the tags of a file and its streams, by ffprobe, with names in lower case."""
    command = ["ffprobe", "-v", "error", "-show_entries", "format_tags:stream_tags", "-of", "json", str(path)]
    content = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    parts = [content.get("format", {}), *content.get("streams", [])]
    return {key.lower(): value for part in parts for key, value in part.get("tags", {}).items()}


if __name__ == "__main__":
    if not all(map(shutil.which, ("ffmpeg", "ffprobe"))):
        sys.exit("ffmpeg and ffprobe are needed")
    main()
