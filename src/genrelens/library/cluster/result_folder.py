"""Results of a run as Parquet files in a local or remote folder, from which an interrupted run can be resumed."""

import os
import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from genrelens.audio.windows import WindowCount
from genrelens.errors import RemoteFileError, display_name
from genrelens.library.catalog.tracks import FileStamp
from genrelens.library.classify.results import TrackResult
from genrelens.library.cluster.urls import is_url, resolve_file_system, write_atomically
from genrelens.model.card import Card
from genrelens.prediction import Failure, Prediction

SCHEMA = pa.schema(
    {
        "path": pa.binary(),  # or URL; file names are bytes, which need not be UTF-8
        "size": pa.int64(),  # of the file that was processed; null if its stamp could not be read
        "mtime_ns": pa.int64(),
        "model": pa.string(),
        "version": pa.string(),
        "windows": pa.string(),  # number of windows, or 'all'
        "genre": pa.string(),  # null if the file could not be used
        "confidence": pa.float64(),
        "prediction": pa.string(),  # JSON; null if the file could not be used
        "failure": pa.string(),  # JSON; null if there is a prediction
        "embedding": pa.list_(pa.float16()),  # mean over the windows; null if the model has no embeddings
    }
)

_FILE_ROWS = 1000  # results per file; the last one may have fewer
_MAX_DELAY = 60.0  # seconds after which results are written even if they are few


@dataclass(frozen=True)
class RunSettings:
    """The settings that determine a result: model, version and number of windows."""

    model: str
    version: str
    windows: str


def run_settings(card: Card, windows: WindowCount) -> RunSettings:
    """Return the settings of a run with this model and number of windows."""
    return RunSettings(card.name, card.version, str(windows))


def to_table(results: Sequence[TrackResult], settings: RunSettings) -> pa.Table:
    """Convert results to a table with `SCHEMA`."""
    return pa.Table.from_pylist([_to_row(result, settings) for result in results], SCHEMA)


def from_table(table: pa.Table) -> list[TrackResult]:
    """Convert a table from `to_table` back to results; embeddings have lost precision."""
    rows = table.drop_columns("embedding").to_pylist()
    return [_from_row(row, embedding) for row, embedding in zip(rows, table["embedding"], strict=True)]


class ResultFolder(AbstractContextManager["ResultFolder"]):
    """A folder of Parquet files to which results are added; a context manager that writes the last of them.

    Each file is written atomically, so an interrupted run can be resumed after the last file. The location is a path,
    or a URL that fsspec can write.

    Raises:
        RemoteFileError: the folder cannot be opened.
    """

    def __init__(self, location: str) -> None:
        self.location = location
        self._system, self._folder = resolve_file_system(location)
        self._buffer: list[pa.Table] = []
        self._last_write = time.monotonic()

    def __exit__(self, *_: object) -> None:
        self.write()

    def add(self, table: pa.Table) -> None:
        """Add results, which are buffered and written in larger files."""
        self._buffer.append(table)
        rows = sum(len(buffered) for buffered in self._buffer)
        if rows >= _FILE_ROWS or time.monotonic() - self._last_write > _MAX_DELAY:
            self.write()

    def write(self) -> None:
        """Write the buffered results.

        Raises:
            RemoteFileError: the folder cannot be written.
        """
        tables, self._buffer, self._last_write = self._buffer, [], time.monotonic()
        if not tables:
            return
        content = BytesIO()
        pq.write_table(pa.concat_tables(tables), content, compression="zstd")
        name = f"{self._folder}/outcomes-{time.time_ns()}-{secrets.token_hex(4)}.parquet"
        try:
            self._system.makedirs(self._folder, exist_ok=True)
            write_atomically(self._system, name, content.getvalue())
        except Exception as error:  # each file system raises its own errors
            folder = display_name(self.location)
            raise RemoteFileError(f"{folder} cannot be written ({error}); pass another --to") from error

    def tables(self, settings: RunSettings, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
        """Yield the results of runs with these settings, file by file; all columns by default.

        Raises:
            RemoteFileError: a file cannot be read.
        """
        filters = [(name, "=", value) for name, value in asdict(settings).items()]
        for name in sorted(self._system.glob(f"{self._folder}/*.parquet")):
            try:
                with self._system.open(name, "rb") as file:
                    yield pq.read_table(file, columns=columns, filters=filters, schema=SCHEMA)
            except Exception as error:
                raise RemoteFileError(f"{display_name(name)} cannot be read ({error}); remove it") from error

    def paths(self, settings: RunSettings, *, include_failed: bool = True) -> set[str]:
        """Return the paths and URLs that have a prediction or, if `include_failed`, a failure."""
        rows = (row for table in self.tables(settings, ["path", "genre"]) for row in table.to_pylist())
        return {os.fsdecode(row["path"]) for row in rows if include_failed or row["genre"] is not None}


def _to_row(result: TrackResult, settings: RunSettings) -> dict[str, Any]:
    prediction = result.result if isinstance(result.result, Prediction) else None
    failure = result.result if isinstance(result.result, Failure) else None
    return {
        "path": os.fsencode(result.path),
        **(result.stamp._asdict() if result.stamp else {}),
        **asdict(settings),
        "genre": prediction and prediction.genre,
        "confidence": prediction and prediction.confidence,
        "prediction": prediction and prediction.to_json(),
        "failure": failure and failure.to_json(),
        "embedding": None if result.embedding is None else result.embedding.astype(np.float16),
    }


def _from_row(row: dict[str, Any], embedding: pa.ListScalar) -> TrackResult:
    path = os.fsdecode(row["path"])
    return TrackResult(
        path if is_url(path) else Path(path),
        None if row["size"] is None else FileStamp(row["size"], row["mtime_ns"]),
        Failure.from_json(row["failure"]) if row["prediction"] is None else Prediction.from_json(row["prediction"]),
        None if embedding.values is None else embedding.values.to_numpy().astype(np.float32),
    )
