"""What would spoil a training, found before it: broken, silent, clipped, short or repeated audio, and leaks."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from genrelens import workers
from genrelens.audio.decoder import AudioReader
from genrelens.audio.windows import SILENCE_PEAK
from genrelens.errors import GenrelensError, TooShortError, UndecodableAudioError, display_name
from genrelens.train.data.log_mels import is_array_row
from genrelens.train.data.manifest import LabelledTrack, Manifest
from genrelens.train.data.splits import find_leaks

SHORT = 5.0  # s below which a track is too short to learn from
CLIPPED = 1e-3  # share of samples at full scale from which on a track is clipped
_FULL_SCALE = 0.999
_RATE = 44_100  # Hz; what most music is stored with, so that nothing is resampled
_UNEVEN = 3.0  # the largest genre against the smallest


@dataclass(frozen=True)
class AudioStatistics:
    """What decoding a file told: its length (s), a hash of its samples, peak, clipped share, warnings."""

    duration: float
    samples_hash: str
    peak: float
    clipped: float
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Finding:
    """A fault: its kind, the track or tracks, and what exactly."""

    kind: str
    where: str
    what: str


@dataclass(frozen=True)
class CheckReport:
    """All findings, how many tracks there are, and how many each genre has."""

    findings: tuple[Finding, ...]
    tracks: int
    genres: dict[str, int]

    def text(self) -> str:
        """For reading: the balance of genres, then the findings by kind."""
        width = max(map(len, self.genres))
        lines = [f"{self.tracks} tracks in {len(self.genres)} genres"]
        lines += [f"  {genre:<{width}} {count:>6}" for genre, count in self.genres.items()]
        for kind, count in Counter(finding.kind for finding in self.findings).items():
            lines += ["", f"{kind}: {count}"]
            lines += [f"  {found.where}: {found.what}" for found in self.findings if found.kind == kind]
        return "\n".join(lines if self.findings else [*lines, "", "nothing found"])


def check_dataset(manifest: Manifest, processes: int, progress: Callable[[], None] = lambda: None) -> CheckReport:
    """Decode every track and look for faults; rows of arrays are looked at for leaks only.

    Args:
        manifest: the data set, its tracks on their sides if it has any.
        processes: to decode with.
        progress: called after each track.
    """
    findings: list[Finding] = []
    recordings: dict[str, str] = {}
    audio = {item.path: item for item in manifest.tracks if not is_array_row(item.path)}
    for path, outcome in workers.map_in_order(measure_audio, audio, processes):
        if isinstance(outcome, GenrelensError):
            kind = "too short" if isinstance(outcome, TooShortError) else "undecodable"
            findings.append(Finding(kind, display_name(path), str(outcome)))
        else:
            recordings[path] = outcome.samples_hash
            findings += _faults(path, outcome)
        progress()
    findings += _repeated(recordings)
    findings += [Finding("leak", leak.kind, str(leak)) for leak in find_leaks(manifest.tracks, recordings)]
    genres = _balance(manifest.tracks)
    if max(genres.values()) > _UNEVEN * min(genres.values()):
        most, least = max(genres, key=genres.__getitem__), min(genres, key=genres.__getitem__)
        findings.append(Finding("class balance", most, f"{genres[most]} tracks, but {genres[least]} of {least}"))
    return CheckReport(
        tuple(sorted(findings, key=lambda found: (found.kind, found.where))), len(manifest.tracks), genres
    )


def measure_audio(path: str) -> AudioStatistics:
    """Decode one file."""
    digest = hashlib.sha256()
    peak, loud, count = 0.0, 0, 0
    with AudioReader(path, _RATE) as track:
        for block in track.blocks():
            digest.update(np.round(np.clip(block, -1, 1) * 32767).astype("<i2").tobytes())
            magnitude = np.abs(block)
            peak = max(peak, float(magnitude.max(initial=0.0)))
            loud += int((magnitude >= _FULL_SCALE).sum())
            count += len(block)
        if count == 0:
            raise UndecodableAudioError.empty(track.name)
        return AudioStatistics(count / _RATE, digest.hexdigest(), peak, loud / count, tuple(track.warnings))


def _faults(path: str, heard: AudioStatistics) -> list[Finding]:
    where = display_name(path)
    faults = [Finding("damaged", where, warning) for warning in heard.warnings]
    if heard.peak < SILENCE_PEAK:
        faults.append(Finding("silent", where, "nothing but digital silence"))
    if heard.clipped >= CLIPPED:
        faults.append(Finding("clipped", where, f"{100 * heard.clipped:.1f} % of the samples are at full scale"))
    if heard.duration < SHORT:
        faults.append(Finding("too short", where, f"{heard.duration:.1f} s"))
    return faults


def _repeated(recordings: dict[str, str]) -> list[Finding]:
    copies: dict[str, list[str]] = defaultdict(list)
    for path, samples_hash in recordings.items():
        copies[samples_hash].append(path)
    return [
        Finding("duplicate audio", display_name(first), f"the same as {', '.join(map(display_name, others))}")
        for first, *others in copies.values()
        if others
    ]


def _balance(items: tuple[LabelledTrack, ...]) -> dict[str, int]:
    return dict(sorted(Counter(label for item in items for label in item.labels).items()))
