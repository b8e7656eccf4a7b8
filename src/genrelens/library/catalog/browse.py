"""What a page shows of a catalog; without numpy, so that a server stays small."""

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from genrelens.errors import TrackNotFoundError
from genrelens.library.catalog.catalog import Catalog, path_from_bytes
from genrelens.prediction import Prediction

_JUDGED = "tracks JOIN answers ON answers.track = tracks.id"
_SHOWN = f"SELECT id, path, genre, confidence, json_extract(prediction, '$.duration') AS duration FROM {_JUDGED}"


@dataclass(frozen=True)
class TrackSummary:
    """A track as strangers may see it: of its path, the name and the folders below those that all tracks share."""

    id: int
    title: str
    folder: str
    genre: str
    confidence: float
    duration: float


@dataclass(frozen=True)
class TrackSearch:
    """Tracks for which all that is given holds are shown; `text` is a part of `folder/title`, in any case."""

    text: str = ""
    genre: str | None = None
    min_confidence: float = 0.0
    offset: int = 0
    limit: int = 50


def search_tracks(catalog: Catalog, wanted: TrackSearch) -> tuple[int, list[TrackSummary]]:
    """How many tracks there are, and those from `offset` on, by path."""
    root, part = _root(catalog), wanted.text.strip().lower()  # as the page does; SQLite knows the case of ASCII alone
    catalog.connection.create_function("is_found", 1, lambda path: part in "/".join(_place(path, root)).lower())
    conditions = "NOT vanished AND confidence >= ? AND (? IS NULL OR genre = ?) AND (? = '' OR is_found(path))"
    values = (wanted.min_confidence, wanted.genre, wanted.genre, part)
    (count,) = catalog.connection.execute(f"SELECT COUNT(*) FROM {_JUDGED} WHERE {conditions}", values).fetchone()
    rows = catalog.connection.execute(
        f"{_SHOWN} WHERE {conditions} ORDER BY path LIMIT ? OFFSET ?", (*values, wanted.limit, wanted.offset)
    )
    return int(count), [_shown(row, root) for row in rows]


def load_track(catalog: Catalog, number: int) -> tuple[TrackSummary, Prediction]:
    """A track, and all that was told of it but its path.

    Raises:
        TrackNotFoundError: there is none with this number, or it was not judged.
    """
    row = _found(catalog, number)
    (content,) = catalog.connection.execute("SELECT prediction FROM answers WHERE track = ?", (number,)).fetchone()
    shown = _shown(row, _root(catalog))
    return shown, Prediction.model_validate({**json.loads(content), "path": shown.title})


def load_summaries(catalog: Catalog, numbers: Iterable[int]) -> dict[int, TrackSummary]:
    """Tracks by their numbers."""
    root = _root(catalog)
    rows = catalog.connection.execute(
        f"{_SHOWN} WHERE id IN (SELECT value FROM json_each(?))", (json.dumps([*numbers]),)
    )
    return {row["id"]: _shown(row, root) for row in rows}


def audio_file(catalog: Catalog, number: int) -> Path:
    """Where a track's file is.

    Raises:
        TrackNotFoundError: there is no such track, or no file any more.
    """
    path = path_from_bytes(_found(catalog, number)["path"])
    if not path.is_file():
        raise TrackNotFoundError(f"the file of track {number} is no longer there; `genrelens library scan` looks again")
    return path


def map_columns(catalog: Catalog) -> dict[str, Any]:
    """All tracks in columns, as a page takes tens of thousands soonest; `x` and `y` are null where there is no map."""
    rows = catalog.connection.execute(
        f"SELECT id, path, genre, confidence, x, y FROM {_JUDGED}"
        " LEFT JOIN places ON places.track = tracks.id WHERE NOT vanished ORDER BY path"
    ).fetchall()
    root = _root(catalog)
    places = [_place(row["path"], root) for row in rows]
    genres, genre = _coded([row["genre"] for row in rows])
    folders, folder = _coded([place[0] for place in places])
    return {
        "genres": genres,
        "folders": folders,
        "id": [row["id"] for row in rows],
        "title": [place[1] for place in places],
        "folder": folder,
        "genre": genre,
        "confidence": [round(row["confidence"], 3) for row in rows],
        "x": [None if row["x"] is None else round(row["x"], 5) for row in rows],
        "y": [None if row["y"] is None else round(row["y"], 5) for row in rows],
    }


def _found(catalog: Catalog, number: int) -> Any:
    row = catalog.connection.execute(f"{_SHOWN} WHERE id = ? AND NOT vanished", (number,)).fetchone()
    if row is None:
        raise TrackNotFoundError(f"there is no track {number} in this library; search for one")
    return row


def _shown(row: Any, root: str) -> TrackSummary:
    folder, title = _place(row["path"], root)
    return TrackSummary(row["id"], title, folder, row["genre"], row["confidence"], row["duration"])


def _coded(names: list[str]) -> tuple[list[str], list[int]]:
    """Names without repetition, and which of them stands where."""
    known = sorted(set(names))
    codes = {name: code for code, name in enumerate(known)}
    return known, [codes[name] for name in names]


def _root(catalog: Catalog) -> str:
    """The folder in which all tracks are, but vanished ones: the first and the last by name share what all share."""
    ends = [
        f"SELECT * FROM (SELECT path FROM tracks WHERE NOT vanished ORDER BY path {way} LIMIT 1)"
        for way in ("", "DESC")
    ]
    paths = [os.fsdecode(row["path"]) for row in catalog.connection.execute(" UNION ALL ".join(ends))]
    return os.path.commonpath([os.path.dirname(path) for path in paths]) if paths else ""  # noqa: PTH120


def _place(path: bytes, root: str) -> tuple[str, str]:
    """The folder of a track below the root, and its title, as JSON can hold them, whatever bytes they are made of.

    By os.path, as pathlib takes seconds over a large library.
    """
    below = os.fsdecode(path)[len(root) :].lstrip(os.sep)
    return os.path.split(os.path.splitext(below)[0].encode("utf-8", "replace").decode())  # noqa: PTH122
