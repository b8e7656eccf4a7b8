"""Dataset check: finds unreadable, silent, clipped, short and duplicate audio, leaks, and class imbalance."""

import hashlib
from collections import Counter, defaultdict
from dataclasses import dataclass

import numpy as np

from genrelens import workers
from genrelens.audio.decoder import AudioReader
from genrelens.audio.windows import SILENCE_PEAK
from genrelens.errors import GenrelensError, TooShortError, UndecodableAudioError, display_name
from genrelens.progress import Progress, no_progress
from genrelens.train.data.log_mels import is_array_row
from genrelens.train.data.manifest import Manifest
from genrelens.train.data.splits import find_leaks

SHORT_SECONDS = 5.0  # s; a shorter track is not useful for training
CLIPPED_FRACTION = 1e-3  # fraction of samples at full scale above which a track counts as clipped
_FULL_SCALE = 0.999
_RATE = 44_100  # Hz; the rate of most music, so that it is not resampled
_MAX_IMBALANCE = 3.0  # ratio of the largest genre to the smallest


@dataclass(frozen=True)
class Finding:
    """A defect of a dataset: its kind, the track, group or genre that it affects, and a description."""

    kind: str
    subject: str
    description: str


@dataclass(frozen=True)
class CheckReport:
    """All findings, the number of tracks, and the number of tracks of each genre."""

    findings: tuple[Finding, ...]
    tracks: int
    genres: dict[str, int]

    def text(self) -> str:
        """Return the report as text: the number of tracks per genre, then the findings by kind."""
        width = max(map(len, self.genres))
        lines = [f"{self.tracks} tracks in {len(self.genres)} genres"]
        lines += [f"  {genre:<{width}} {count:>6}" for genre, count in self.genres.items()]
        for kind, count in Counter(finding.kind for finding in self.findings).items():
            lines += ["", f"{kind}: {count}"]
            lines += [f"  {each.subject}: {each.description}" for each in self.findings if each.kind == kind]
        return "\n".join(lines if self.findings else [*lines, "", "nothing found"])


def check_dataset(manifest: Manifest, processes: int, progress: Progress = no_progress) -> CheckReport:
    """Decode every track and report defects; rows of arrays are only checked for leaks between splits."""
    findings: list[Finding] = []
    samples_hashes: dict[str, str] = {}
    audio = dict.fromkeys(track.path for track in manifest.tracks if not is_array_row(track.path))  # each file once
    for path, result in workers.map_in_order(_inspect_audio, audio, processes):
        if isinstance(result, GenrelensError):
            kind = "too short" if isinstance(result, TooShortError) else "undecodable"
            findings.append(Finding(kind, display_name(path), str(result)))
        else:
            samples_hashes[path], defects = result
            findings += defects
        progress()
    findings += _duplicate_findings(samples_hashes)
    findings += [Finding("leak", leak.kind, str(leak)) for leak in find_leaks(manifest.tracks, samples_hashes)]
    genres = dict(sorted(Counter(label for track in manifest.tracks for label in track.labels).items()))
    findings += _balance_findings(genres)
    findings.sort(key=lambda finding: (finding.kind, finding.subject))
    return CheckReport(tuple(findings), len(manifest.tracks), genres)


def _inspect_audio(path: str) -> tuple[str, list[Finding]]:
    """Decode a file, and return the hash of its samples and its defects.

    Raises:
        AudioError: the file cannot be decoded, or contains no samples.
    """
    digest = hashlib.sha256()
    peak, clipped, total = 0.0, 0, 0
    with AudioReader(path, _RATE) as reader:
        for block in reader.blocks():
            digest.update(np.round(np.clip(block, -1, 1) * 32767).astype("<i2").tobytes())
            magnitude = np.abs(block)
            peak = max(peak, float(magnitude.max(initial=0.0)))
            clipped += int((magnitude >= _FULL_SCALE).sum())
            total += len(block)
        if total == 0:
            raise UndecodableAudioError.empty(reader.name)
        name = display_name(path)
        findings = [Finding("damaged", name, warning) for warning in reader.warnings]
    if peak < SILENCE_PEAK:
        findings.append(Finding("silent", name, "only digital silence"))
    if clipped / total >= CLIPPED_FRACTION:
        findings.append(Finding("clipped", name, f"{100 * clipped / total:.1f} % of the samples are at full scale"))
    if total < SHORT_SECONDS * _RATE:
        findings.append(Finding("too short", name, f"{total / _RATE:.1f} s"))
    return digest.hexdigest(), findings


def _duplicate_findings(samples_hashes: dict[str, str]) -> list[Finding]:
    copies: dict[str, list[str]] = defaultdict(list)
    for path, samples_hash in samples_hashes.items():
        copies[samples_hash].append(path)
    return [
        Finding("duplicate audio", display_name(first), f"identical to {', '.join(map(display_name, others))}")
        for first, *others in copies.values()
        if others
    ]


def _balance_findings(genres: dict[str, int]) -> list[Finding]:
    largest, smallest = max(genres, key=genres.__getitem__), min(genres, key=genres.__getitem__)
    if genres[largest] <= _MAX_IMBALANCE * genres[smallest]:
        return []
    return [Finding("class balance", largest, f"{genres[largest]} tracks, but {genres[smallest]} of {smallest}")]
