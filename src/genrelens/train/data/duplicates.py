"""Which tracks of a data set share a recording, also if one is cut, filtered or encoded otherwise."""

from functools import partial

from pydantic import BaseModel, ConfigDict

from genrelens import workers
from genrelens.errors import GenrelensError
from genrelens.prediction import PathText
from genrelens.train.data import fingerprint
from genrelens.train.data.fingerprint import STEP, Fingerprint, track_fingerprint
from genrelens.train.data.manifest import LabelledTrack, Manifest, Split
from genrelens.train.data.dataset import Bar

THRESHOLD = 14.0  # see docs/data.md: on GTZAN, tracks of different artists reach 11.2, repetitions begin at 16.6
SECONDS = 30.0


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class DuplicateTrack(_Part):
    """One track of a pair."""

    name: str
    path: PathText
    label: str
    split: Split | None

    def __str__(self) -> str:
        return f"{self.name} ({self.label}{f', {self.split}' if self.split else ''})"


class DuplicatePair(_Part):
    """Two tracks that share sound.

    Attributes:
        first, second: the tracks, in the order of the data set.
        score, similarity: see `fingerprint.Match`.
        offset: seconds into what is heard of the first at which what is heard of the second begins; below 0, the
            first begins within the second.
        overlap: seconds that coincide.
    """

    first: DuplicateTrack
    second: DuplicateTrack
    score: float
    similarity: float
    offset: float
    overlap: float

    @property
    def leaks(self) -> bool:
        """Whether the two stand on different sides of the split."""
        return None not in (self.first.split, self.second.split) and self.first.split != self.second.split


class DuplicateReport(_Part):
    """The pairs, the most alike first; how many tracks were compared; and why others could not be."""

    pairs: tuple[DuplicatePair, ...]
    tracks: int
    failures: tuple[str, ...]

    def text(self) -> str:
        """For reading: how many there are, then a row for each pair; those on two sides are marked."""
        leaking = sum(pair.leaks for pair in self.pairs)
        lines = [f"{self.tracks} tracks, {len(self.pairs)} pairs that share sound, {leaking} on two sides of the split"]
        if self.pairs:
            lines += ["", " score  alike  overlap   offset"]
        lines += [
            f"{pair.score:6.1f} {pair.similarity:6.2f} {pair.overlap:6.1f} s {pair.offset:+6.1f} s  "
            f"{pair.first}, {pair.second}{'  LEAK' if pair.leaks else ''}"
            for pair in self.pairs
        ]
        return "\n".join(lines)


def find_duplicates(
    manifest: Manifest, processes: int, bar: Bar, seconds: float = SECONDS, threshold: float = THRESHOLD
) -> DuplicateReport:
    """Compare the sound of each track with that of every other one.

    Covers and live versions are other recordings and stay unfound, as do excerpts of one recording that share no
    5 s, and copies whose tempo or pitch differs by more than a percent or two.

    Args:
        manifest: recordings, or rows of an array of log-mels.
        processes: to decode with.
        bar: draws progress.
        seconds: of each track that are looked at, from its middle.
        threshold: the least score of a pair.

    Raises:
        ManifestError: an array cannot be read.
    """
    prints: dict[LabelledTrack, Fingerprint] = {}
    failures: list[str] = []
    by_path = {item.path: item for item in manifest.tracks}
    with bar("Listening", len(by_path)) as advance:
        for path, outcome in workers.map_in_order(partial(track_fingerprint, seconds=seconds), by_path, processes):
            if isinstance(outcome, GenrelensError):
                failures.append(str(outcome))
            else:
                prints[by_path[path]] = outcome
            advance()
    with bar("Comparing", fingerprint.count_tile_pairs(len(prints))) as advance:
        found = list(fingerprint.find_matches(list(prints.values()), threshold, advance))
    twins = [DuplicateTrack(name=item.name, path=item.path, label=item.label, split=item.split) for item in prints]
    pairs = [
        DuplicatePair(
            first=twins[match.first],
            second=twins[match.second],
            score=match.score,
            similarity=match.similarity,
            offset=match.lag * STEP,
            overlap=match.overlap * STEP,
        )
        for match in found
    ]
    return DuplicateReport(
        pairs=tuple(sorted(pairs, key=lambda pair: -pair.score)), tracks=len(prints), failures=tuple(failures)
    )
