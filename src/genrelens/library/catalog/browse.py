"""Queries for the library page; without numpy, which keeps the server process small."""

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from genrelens.errors import TrackNotFoundError
from genrelens.library.catalog.catalog import Catalog, path_from_bytes
from genrelens.prediction import Prediction
from genrelens.records import FrozenModel

_CLASSIFIED = "tracks JOIN answers ON answers.track = tracks.id"
_SELECT_SUMMARY = (
    f"SELECT id, path, genre, confidence, json_extract(prediction, '$.duration') AS duration FROM {_CLASSIFIED}"
)


# The public view of a track: it reveals no folder that all tracks share.
class LibraryTrack(FrozenModel):
    """A track: `title` is its file name, `folder` its path below the folder that all tracks share."""

    id: int
    title: str
    folder: str
    genre: str
    confidence: float  # of the genre, 0 to 1
    duration: float  # s


@dataclass(frozen=True)
class TrackSearch:
    """A page of search results; tracks must meet all conditions.

    Attributes:
        text: part of `folder/title`, ignoring case.
        genre: predicted genre; None for any.
        min_confidence: lowest confidence, 0 to 1.
        offset, limit: number of matching tracks to skip, and maximum number to return.
    """

    text: str = ""
    genre: str | None = None
    min_confidence: float = 0.0
    offset: int = 0
    limit: int = 50


def search_tracks(catalog: Catalog, search: TrackSearch) -> tuple[int, list[LibraryTrack]]:
    """Return the number of matching tracks, and one page of them, ordered by path."""
    root, part = _root_folder(catalog), search.text.strip().lower()
    # Lowered in Python, as on the page: SQLite's LIKE ignores case only for ASCII.
    catalog.connection.create_function(
        "matches_text", 1, lambda path: part in "/".join(_folder_and_title(path, root)).lower()
    )
    conditions = "NOT vanished AND confidence >= ? AND (? IS NULL OR genre = ?) AND (? = '' OR matches_text(path))"
    values = (search.min_confidence, search.genre, search.genre, part)
    (count,) = catalog.connection.execute(f"SELECT COUNT(*) FROM {_CLASSIFIED} WHERE {conditions}", values).fetchone()
    page = f"{_SELECT_SUMMARY} WHERE {conditions} ORDER BY path LIMIT ? OFFSET ?"
    rows = catalog.connection.execute(page, (*values, search.limit, search.offset))
    return int(count), [_summary(row, root) for row in rows]


def load_track(catalog: Catalog, track_id: int) -> tuple[LibraryTrack, Prediction]:
    """Return a track with its prediction, whose path is replaced by the title.

    Raises:
        TrackNotFoundError: the catalog has no such track, or it is not classified.
    """
    row = _require_row(catalog, track_id)
    (content,) = catalog.connection.execute("SELECT prediction FROM answers WHERE track = ?", (track_id,)).fetchone()
    summary = _summary(row, _root_folder(catalog))
    return summary, Prediction.model_validate({**json.loads(content), "path": summary.title})


def load_summaries(catalog: Catalog, ids: Iterable[int]) -> dict[int, LibraryTrack]:
    """Return tracks by id; ids without a classified track are left out."""
    root = _root_folder(catalog)
    query = f"{_SELECT_SUMMARY} WHERE id IN (SELECT value FROM json_each(?))"
    rows = catalog.connection.execute(query, (json.dumps([*ids]),))
    return {row["id"]: _summary(row, root) for row in rows}


def audio_file(catalog: Catalog, track_id: int) -> Path:
    """Return the path of a track's audio file.

    Raises:
        TrackNotFoundError: the catalog has no such track, or its file is missing.
    """
    path = path_from_bytes(_require_row(catalog, track_id)["path"])
    if not path.is_file():
        remedy = "update the catalog with `genrelens library scan`"
        raise TrackNotFoundError(f"the file of track {track_id} is missing; {remedy}")
    return path


def map_columns(catalog: Catalog) -> dict[str, Any]:
    """Return all tracks as columns, the fastest form for a page to load; `x` and `y` are null for unmapped tracks."""
    rows = catalog.connection.execute(
        f"SELECT id, path, genre, confidence, x, y FROM {_CLASSIFIED}"
        " LEFT JOIN places ON places.track = tracks.id WHERE NOT vanished ORDER BY path"
    ).fetchall()
    root = _root_folder(catalog)
    names = [_folder_and_title(row["path"], root) for row in rows]
    genres, genre_codes = _encode_categories([row["genre"] for row in rows])
    folders, folder_codes = _encode_categories([folder for folder, _ in names])
    return {
        "genres": genres,
        "folders": folders,
        "id": [row["id"] for row in rows],
        "title": [title for _, title in names],
        "folder": folder_codes,
        "genre": genre_codes,
        "confidence": [round(row["confidence"], 3) for row in rows],
        "x": [None if row["x"] is None else round(row["x"], 5) for row in rows],
        "y": [None if row["y"] is None else round(row["y"], 5) for row in rows],
    }


def _require_row(catalog: Catalog, track_id: int) -> Any:
    row = catalog.connection.execute(f"{_SELECT_SUMMARY} WHERE id = ? AND NOT vanished", (track_id,)).fetchone()
    if row is None:
        raise TrackNotFoundError(f"this library has no track {track_id}; search for one")
    return row


def _summary(row: Any, root: str) -> LibraryTrack:
    folder, title = _folder_and_title(row["path"], root)
    values = {key: row[key] for key in ("id", "genre", "confidence", "duration")}
    return LibraryTrack(title=title, folder=folder, **values)


def _encode_categories(names: list[str]) -> tuple[list[str], list[int]]:
    """Return the distinct names, sorted, and the index of each name among them."""
    categories = sorted(set(names))
    codes = {name: code for code, name in enumerate(categories)}
    return categories, [codes[name] for name in names]


def _root_folder(catalog: Catalog) -> str:
    """Return the folder shared by all tracks that have not vanished.

    The first and the last path in sorted order share what all share.
    """
    end = "SELECT * FROM (SELECT path FROM tracks WHERE NOT vanished ORDER BY path {} LIMIT 1)"
    ends = catalog.connection.execute(f"{end.format('')} UNION ALL {end.format('DESC')}")
    paths = [os.fsdecode(row["path"]) for row in ends]
    return os.path.commonpath([os.path.dirname(path) for path in paths]) if paths else ""  # noqa: PTH120


def _folder_and_title(path: bytes, root: str) -> tuple[str, str]:
    """Return a track's folder below the root and its title, both valid Unicode for JSON.

    With os.path, as pathlib takes seconds for a large library.
    """
    relative = os.fsdecode(path)[len(root) :].lstrip(os.sep)
    return os.path.split(os.path.splitext(relative)[0].encode("utf-8", "replace").decode())  # noqa: PTH122
