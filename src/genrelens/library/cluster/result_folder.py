"""Outcomes as Parquet: a folder, on this machine or at an address, that a run fills and can be taken up from."""

import os
import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path
from types import TracebackType
from typing import Any, Self

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
        "path": pa.binary(),  # or an address; names on disk are bytes, which need not be UTF-8
        "size": pa.int64(),  # of the file that was judged; null if it could not be looked at
        "mtime_ns": pa.int64(),
        "model": pa.string(),
        "version": pa.string(),
        "windows": pa.string(),  # how many were heard, or 'all'
        "genre": pa.string(),  # null if the file could not be used
        "confidence": pa.float64(),
        "prediction": pa.string(),  # as JSON; or else
        "failure": pa.string(),  # as JSON
        "embedding": pa.list_(pa.float16()),  # the mean over the windows; if the model gives one
    }
)

_ROWS = 1000  # of a file, but for the last one
_PATIENCE = 60.0  # s after which what has come is written, however little it is


@dataclass(frozen=True)
class RunSettings:
    """What outcomes answer: which model was asked, and how many windows it heard."""

    model: str
    version: str
    windows: str


def run_settings(card: Card, windows: WindowCount) -> RunSettings:
    """What outcomes of this model answer that heard so many windows of each track."""
    return RunSettings(card.name, card.version, str(windows))


def to_table(outcomes: Sequence[TrackResult], of: RunSettings) -> pa.Table:
    """Outcomes as a table of `SCHEMA`."""
    return pa.Table.from_pylist([_row(outcome, of) for outcome in outcomes], SCHEMA)


def from_table(table: pa.Table) -> list[TrackResult]:
    """The outcomes that `to_table` made this of."""
    rows = table.drop_columns("embedding").to_pylist()
    return [_outcome(row, embedding) for row, embedding in zip(rows, table["embedding"], strict=True)]


class ResultFolder(AbstractContextManager["ResultFolder"]):
    """A folder of Parquet files, to which outcomes are added. Use it in a `with`, at whose end all are written.

    Each file is whole or not there, so that a run that was ended goes on after the last of them.

    Args:
        place: a path, or an address that fsspec can write.

    Raises:
        AddressError: it cannot be opened.
    """

    def __init__(self, place: str) -> None:
        self.place = place
        self._system, self._folder = resolve_file_system(place)
        self._waiting: list[pa.Table] = []
        self._since = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.write()

    def add(self, table: pa.Table) -> None:
        """Add outcomes, which are written some hundreds at a time."""
        self._waiting.append(table)
        rows = sum(len(waiting) for waiting in self._waiting)
        if rows >= _ROWS or time.monotonic() - self._since > _PATIENCE:
            self.write()

    def write(self) -> None:
        """Write what was added.

        Raises:
            AddressError: it cannot be written.
        """
        waiting, self._waiting, self._since = self._waiting, [], time.monotonic()
        if not waiting:
            return
        content = BytesIO()
        pq.write_table(pa.concat_tables(waiting), content, compression="zstd")
        name = f"{self._folder}/outcomes-{time.time_ns()}-{secrets.token_hex(4)}.parquet"
        try:
            self._system.makedirs(self._folder, exist_ok=True)
            write_atomically(self._system, name, content.getvalue())
        except Exception as error:  # each file system raises errors of its own
            raise RemoteFileError(f"{display_name(self.place)} cannot be written ({error}); give another --to") from error

    def tables(self, of: RunSettings, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
        """What answers this, or some columns of it, file by file.

        Raises:
            AddressError: a file cannot be read.
        """
        wanted = [(name, "=", getattr(of, name)) for name in ("model", "version", "windows")]
        for name in sorted(self._system.glob(f"{self._folder}/*.parquet")):
            try:
                with self._system.open(name, "rb") as file:
                    yield pq.read_table(file, columns=columns, filters=wanted, schema=SCHEMA)
            except Exception as error:
                raise RemoteFileError(f"{display_name(name)} cannot be read ({error}); remove it") from error

    def paths(self, of: RunSettings, *, failed: bool = True) -> set[str]:
        """The paths and addresses of which there is an answer, or, if `failed`, the reason why there is none."""
        rows = (row for table in self.tables(of, ["path", "genre"]) for row in table.to_pylist())
        return {os.fsdecode(row["path"]) for row in rows if failed or row["genre"] is not None}


def _row(outcome: TrackResult, of: RunSettings) -> dict[str, Any]:
    told = outcome.result if isinstance(outcome.result, Prediction) else None
    failed = outcome.result if isinstance(outcome.result, Failure) else None
    return {
        "path": os.fsencode(outcome.path),
        **(asdict(outcome.stamp) if outcome.stamp else {}),
        **asdict(of),
        "genre": told and told.genre,
        "confidence": told and told.confidence,
        "prediction": told and told.to_json(),
        "failure": failed and failed.to_json(),
        "embedding": None if outcome.embedding is None else outcome.embedding.astype(np.float16),
    }


def _outcome(row: dict[str, Any], embedding: pa.ListScalar) -> TrackResult:
    path = os.fsdecode(row["path"])
    return TrackResult(
        path if is_url(path) else Path(path),
        None if row["size"] is None else FileStamp(row["size"], row["mtime_ns"]),
        Failure.from_json(row["failure"]) if row["prediction"] is None else Prediction.from_json(row["prediction"]),
        None if embedding.values is None else embedding.values.to_numpy().astype(np.float32),
    )
