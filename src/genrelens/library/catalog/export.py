"""Export of predictions to CSV, JSON lines and Parquet files."""

import csv
import io
import os
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal

from genrelens.files import atomic_write
from genrelens.library.catalog.tracks import ClassifiedTrack
from genrelens.model.labels import LABEL_SEPARATOR
from genrelens.prediction import Prediction

if TYPE_CHECKING:
    import pyarrow

ExportFormat = Literal["csv", "jsonl", "parquet"]

_CSV_COLUMNS = ("path", "genre", "genres", "confidence", "music", "duration", "model", "version", "warnings")
_ROW_GROUP = 5000  # rows per Parquet row group


def export_tracks(tracks: Iterable[ClassifiedTrack], file: Path, export_format: ExportFormat) -> int:
    """Write tracks to a file, atomically and in bounded memory, and return the number of tracks written.

    Raises:
        OSError: the file cannot be written.
        ModuleNotFoundError: the format is Parquet, and pyarrow is not installed.
    """
    writers = {"csv": _write_csv, "jsonl": _write_json_lines, "parquet": _write_parquet}
    with atomic_write(file) as output:
        return writers[export_format](tracks, output)


def _write_json_lines(tracks: Iterable[ClassifiedTrack], output: IO[bytes]) -> int:
    count = 0
    for track in tracks:
        output.write(track.prediction.to_json().encode() + b"\n")
        count += 1
    return count


def _write_csv(tracks: Iterable[ClassifiedTrack], output: IO[bytes]) -> int:
    text_stream = io.TextIOWrapper(output, "utf-8", "surrogateescape", newline="")  # non-UTF-8 names keep their bytes
    writer = csv.writer(text_stream, lineterminator="\n")
    writer.writerow(_CSV_COLUMNS)
    count = 0
    for track in tracks:
        writer.writerow(_csv_row(track.prediction))
        count += 1
    text_stream.detach()
    return count


def _csv_row(prediction: Prediction) -> list[str]:
    return [
        prediction.path,
        prediction.genre,
        LABEL_SEPARATOR.join(prediction.genres),
        f"{prediction.confidence:.4f}",
        "" if prediction.music is None else f"{prediction.music:.4f}",
        f"{prediction.duration:.3f}",
        prediction.model,
        prediction.version,
        "; ".join(prediction.warnings),
    ]


def _write_parquet(tracks: Iterable[ClassifiedTrack], output: IO[bytes]) -> int:
    """Write tracks with scores and embeddings."""
    import pyarrow
    from pyarrow.parquet import ParquetWriter

    schema = _parquet_schema()
    count = 0
    rows = map(_parquet_row, tracks)
    with ParquetWriter(output, schema) as writer:
        while group := list(islice(rows, _ROW_GROUP)):
            writer.write_table(pyarrow.Table.from_pylist(group, schema))
            count += len(group)
    return count


def _parquet_schema() -> "pyarrow.Schema":
    import pyarrow

    score = pyarrow.struct([("label", pyarrow.string()), ("score", pyarrow.float32())])
    return pyarrow.schema(
        [
            ("id", pyarrow.int64()),
            ("path", pyarrow.string()),  # bytes that are not UTF-8 are written as \xNN
            ("genre", pyarrow.string()),
            ("genres", pyarrow.list_(pyarrow.string())),
            ("confidence", pyarrow.float32()),
            ("music", pyarrow.float32()),
            ("scores", pyarrow.list_(score)),
            ("duration", pyarrow.float64()),
            ("model", pyarrow.string()),
            ("version", pyarrow.string()),
            ("warnings", pyarrow.list_(pyarrow.string())),
            ("embedding", pyarrow.list_(pyarrow.float32())),
        ]
    )


def _parquet_row(track: ClassifiedTrack) -> dict[str, Any]:
    fields = {"genre", "genres", "confidence", "music", "scores", "duration", "model", "version", "warnings"}
    return {
        "id": track.id,
        "path": os.fsencode(track.path).decode("utf-8", "backslashreplace"),
        "embedding": track.embedding,
        **track.prediction.model_dump(include=fields),
    }
