"""Answers as a table for other programs: CSV, JSON lines or Parquet."""

import csv
import io
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Literal

from genrelens.files import atomic_write
from genrelens.library.catalog.tracks import ClassifiedTrack
from genrelens.model.labels import LABEL_SEPARATOR

ExportFormat = Literal["csv", "jsonl", "parquet"]

_COLUMNS = ("path", "genre", "genres", "confidence", "music", "duration", "model", "version", "warnings")


def export_tracks(tracks: Iterable[ClassifiedTrack], file: Path, form: ExportFormat) -> int:
    """Write tracks, one at a time, and count them; the file is whole or not there.

    Raises:
        OSError: it cannot be written.
        ModuleNotFoundError: Parquet is asked for, and pyarrow is not installed.
    """
    with atomic_write(file) as output:
        if form == "parquet":
            from genrelens.library.catalog.parquet import write_parquet

            return write_parquet(tracks, output)
        return _write_csv(tracks, output) if form == "csv" else _write_lines(tracks, output)


def _write_lines(tracks: Iterable[ClassifiedTrack], output: IO[bytes]) -> int:
    count = 0
    for count, track in enumerate(tracks, 1):  # noqa: B007 (the last is what is asked for)
        output.write(track.prediction.to_json().encode() + b"\n")
    return count


def _write_csv(tracks: Iterable[ClassifiedTrack], output: IO[bytes]) -> int:
    # Names that are not UTF-8 are written as the bytes that they are.
    text = io.TextIOWrapper(output, "utf-8", "surrogateescape", newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    count = 0
    for count, track in enumerate(tracks, 1):  # noqa: B007
        writer.writerow(_cells(track))
    text.detach()
    return count


def _cells(track: ClassifiedTrack) -> list[str]:
    told = track.prediction
    music = "" if told.music is None else f"{told.music:.4f}"
    numbers = [f"{told.confidence:.4f}", music, f"{told.duration:.3f}"]
    return [told.path, told.genre, LABEL_SEPARATOR.join(told.genres), *numbers, told.model, told.version, "; ".join(told.warnings)]
