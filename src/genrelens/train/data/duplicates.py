"""Search for tracks of a dataset that share a recording, even if it is trimmed, filtered or re-encoded."""

from functools import partial

from pydantic import Field

from genrelens import workers
from genrelens.errors import GenrelensError
from genrelens.prediction import PathText
from genrelens.progress import ProgressBars
from genrelens.records import FrozenModel
from genrelens.train.data import fingerprint
from genrelens.train.data.fingerprint import STEP, Fingerprint, track_fingerprint
from genrelens.train.data.manifest import LabelledTrack, Manifest, Split

THRESHOLD = 14.0  # see docs/data.md: in GTZAN, different artists score up to 11.2, repetitions from 16.6
SECONDS = 30.0


class DuplicateTrack(FrozenModel, serialize_by_alias=True):
    """One of the two tracks of a pair; JSON and CSV call its split "side"."""

    name: str
    path: PathText
    label: str
    split: Split | None = Field(serialization_alias="side")

    def __str__(self) -> str:
        return f"{self.name} ({self.label}{f', {self.split}' if self.split else ''})"


class DuplicatePair(FrozenModel, serialize_by_alias=True):
    """Two tracks that share audio.

    Attributes:
        first, second: the tracks, in the order of the dataset.
        score, similarity: see `genrelens.train.data.fingerprint.Match`.
        offset: position in the compared part of the first track where that of the second starts, in seconds;
            negative if the first starts within the second.
        overlap: length of the shared audio in seconds.
    """

    first: DuplicateTrack
    second: DuplicateTrack
    score: float
    similarity: float
    offset: float
    overlap: float

    @property
    def leaks(self) -> bool:
        """Whether the two tracks are in different splits."""
        return None not in (self.first.split, self.second.split) and self.first.split != self.second.split


class DuplicateReport(FrozenModel, serialize_by_alias=True):
    """Result of a duplicate search.

    Attributes:
        pairs: pairs of tracks that share audio, by descending score.
        tracks: number of tracks compared.
        failures: error messages of the tracks that could not be read.
    """

    pairs: tuple[DuplicatePair, ...]
    tracks: int
    failures: tuple[str, ...]

    def text(self) -> str:
        """Return the report as text: a summary, then a row per pair; leaks between splits are marked."""
        leaking = sum(pair.leaks for pair in self.pairs)
        lines = [f"{self.tracks} tracks, {len(self.pairs)} pairs that share audio, {leaking} in different splits"]
        if self.pairs:
            lines += ["", " score  alike  overlap   offset"]
        lines += [
            f"{pair.score:6.1f} {pair.similarity:6.2f} {pair.overlap:6.1f} s {pair.offset:+6.1f} s  "
            f"{pair.first}, {pair.second}{'  LEAK' if pair.leaks else ''}"
            for pair in self.pairs
        ]
        return "\n".join(lines)


def find_duplicates(
    manifest: Manifest,
    processes: int,
    progress_bars: ProgressBars,
    seconds: float = SECONDS,
    threshold: float = THRESHOLD,
) -> DuplicateReport:
    """Compare the audio of every two tracks of a dataset.

    Covers and live versions are different recordings and are not found; nor are excerpts of one recording that
    overlap by less than 5 s, and copies whose tempo or pitch differs by more than about 2 %.

    Args:
        manifest: recordings, or rows of an array of log-mels.
        processes: number of worker processes.
        progress_bars: opens a progress bar for each stage.
        seconds: length of the excerpt from the middle of each track that is compared.
        threshold: minimum score of a pair.

    Raises:
        ManifestError: an array cannot be read.
    """
    fingerprints: dict[LabelledTrack, Fingerprint] = {}
    failures: list[str] = []
    by_path = {track.path: track for track in manifest.tracks}
    with progress_bars("Fingerprinting", len(by_path)) as progress:
        for path, result in workers.map_in_order(partial(track_fingerprint, seconds=seconds), by_path, processes):
            if isinstance(result, GenrelensError):
                failures.append(str(result))
            else:
                fingerprints[by_path[path]] = result
            progress()
    with progress_bars("Comparing", fingerprint.count_tile_pairs(len(fingerprints))) as progress:
        matches = list(fingerprint.find_matches(list(fingerprints.values()), threshold, progress))
    tracks = [
        DuplicateTrack(name=track.name, path=track.path, label=track.label, split=track.split) for track in fingerprints
    ]
    pairs = [
        DuplicatePair(
            first=tracks[match.first],
            second=tracks[match.second],
            score=match.score,
            similarity=match.similarity,
            offset=match.lag * STEP,
            overlap=match.overlap * STEP,
        )
        for match in matches
    ]
    pairs.sort(key=lambda pair: -pair.score)
    return DuplicateReport(pairs=tuple(pairs), tracks=len(tracks), failures=tuple(failures))
