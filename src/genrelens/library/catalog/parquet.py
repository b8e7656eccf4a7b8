"""ClassifiedTrack tracks as a Parquet file, with scores and embeddings."""

import os
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import IO, Any

import pyarrow
from pyarrow.parquet import ParquetWriter

from genrelens.library.catalog.tracks import ClassifiedTrack

_GROUP = 5000  # tracks held at a time

_SCORE = pyarrow.struct([("label", pyarrow.string()), ("score", pyarrow.float32())])
_SCHEMA = pyarrow.schema(
    [
        ("id", pyarrow.int64()),
        ("path", pyarrow.string()),  # of a name that is not UTF-8, the bytes as \xNN
        ("genre", pyarrow.string()),
        ("genres", pyarrow.list_(pyarrow.string())),
        ("confidence", pyarrow.float32()),
        ("music", pyarrow.float32()),
        ("scores", pyarrow.list_(_SCORE)),
        ("duration", pyarrow.float64()),
        ("model", pyarrow.string()),
        ("version", pyarrow.string()),
        ("warnings", pyarrow.list_(pyarrow.string())),
        ("embedding", pyarrow.list_(pyarrow.float32())),
    ]
)


def write_parquet(tracks: Iterable[ClassifiedTrack], output: IO[bytes]) -> int:
    """Write tracks in bounded memory, and count them."""
    count = 0
    with ParquetWriter(output, _SCHEMA) as writer:
        for rows in _groups(map(_row, tracks)):
            writer.write_table(pyarrow.Table.from_pylist(rows, _SCHEMA))
            count += len(rows)
    return count


def _groups(rows: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    while group := list(islice(rows, _GROUP)):
        yield group


def _row(track: ClassifiedTrack) -> dict[str, Any]:
    told = track.prediction
    wanted = {"genre", "genres", "confidence", "music", "scores", "duration", "model", "version", "warnings"}
    return {
        "id": track.id,
        "path": os.fsencode(track.path).decode("utf-8", "backslashreplace"),
        "embedding": track.embedding,
        **told.model_dump(include=wanted),
    }
