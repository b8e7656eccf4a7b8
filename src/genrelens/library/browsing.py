"""What a page shows of a catalog; without numpy, so that a server stays small."""

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from genrelens.errors import TrackNotFoundError
from genrelens.library.catalog import Catalog, decoded
from genrelens.prediction import Prediction

_JUDGED = "tracks JOIN answers ON answers.track = tracks.id"
_SHOWN = f"SELECT id, path, genre, confidence, json_extract(prediction, '$.duration') AS duration FROM {_JUDGED}"


@dataclass(frozen=True)
class Shown:
    """A track as strangers may see it: of its path, the name and the folders below those that all tracks share."""

    id: int
    title: str
    folder: str
    genre: str
    confidence: float
    duration: float


@dataclass(frozen=True)
class Search:
    """Which tracks to show: those for which all that is given holds; `text` is a part of name or folder."""

    text: str = ""
    genre: str | None = None
    min_confidence: float = 0.0
    offset: int = 0
    limit: int = 50


def search(catalog: Catalog, wanted: Search) -> tuple[int, list[Shown]]:
    """How many tracks there are, and those from `offset` on, by path."""
    root = _root(catalog)
    below = f"lower(CAST(substr(path, {len(os.fsencode(root)) + 1}) AS TEXT))"
    conditions = f"NOT vanished AND confidence >= ? AND (? IS NULL OR genre = ?) AND instr({below}, lower(?)) > 0"
    values = (wanted.min_confidence, wanted.genre, wanted.genre, wanted.text)
    (count,) = catalog.connection.execute(f"SELECT COUNT(*) FROM {_JUDGED} WHERE {conditions}", values).fetchone()
    rows = catalog.connection.execute(
        f"{_SHOWN} WHERE {conditions} ORDER BY path LIMIT ? OFFSET ?", (*values, wanted.limit, wanted.offset)
    )
    return int(count), [_shown(row, root) for row in rows]


def details(catalog: Catalog, number: int) -> tuple[Shown, Prediction]:
    """A track, and all that was told of it but its path.

    Raises:
        TrackNotFoundError: there is none with this number, or it was not judged.
    """
    row = _found(catalog, number)
    (content,) = catalog.connection.execute("SELECT prediction FROM answers WHERE track = ?", (number,)).fetchone()
    shown = _shown(row, _root(catalog))
    return shown, Prediction.model_validate({**json.loads(content), "path": shown.title})


def with_numbers(catalog: Catalog, numbers: Iterable[int]) -> dict[int, Shown]:
    """Tracks by their numbers."""
    root = _root(catalog)
    rows = catalog.connection.execute(
        f"{_SHOWN} WHERE id IN (SELECT value FROM json_each(?))", (json.dumps([*numbers]),)
    )
    return {row["id"]: _shown(row, root) for row in rows}


def file_of(catalog: Catalog, number: int) -> Path:
    """Where a track's file is.

    Raises:
        TrackNotFoundError: there is no such track, or no file any more.
    """
    path = decoded(_found(catalog, number)["path"])
    if not path.is_file():
        raise TrackNotFoundError(f"the file of track {number} is no longer there; `genrelens library scan` looks again")
    return path


def columns(catalog: Catalog) -> dict[str, Any]:
    """All tracks in columns, as a page takes tens of thousands soonest; `x` and `y` are null where there is no map."""
    rows = catalog.connection.execute(
        f"SELECT id, path, genre, confidence, x, y FROM {_JUDGED}"
        " LEFT JOIN places ON places.track = tracks.id WHERE NOT vanished ORDER BY path"
    ).fetchall()
    genres = sorted({row["genre"] for row in rows})
    codes = {genre: code for code, genre in enumerate(genres)}
    return {
        "genres": genres,
        "id": [row["id"] for row in rows],
        "title": [_title(os.fsdecode(row["path"])) for row in rows],
        "genre": [codes[row["genre"]] for row in rows],
        "confidence": [round(row["confidence"], 3) for row in rows],
        "x": [None if row["x"] is None else round(row["x"], 5) for row in rows],
        "y": [None if row["y"] is None else round(row["y"], 5) for row in rows],
    }


def _found(catalog: Catalog, number: int) -> Any:
    row = catalog.connection.execute(f"{_SHOWN} WHERE id = ? AND NOT vanished", (number,)).fetchone()
    if row is None:
        raise TrackNotFoundError(f"there is no track {number} in this library; search for one")
    return row


def _shown(row: Any, root: str) -> Shown:
    path = decoded(row["path"])
    folder = os.path.relpath(path.parent, root) if path.parent != Path(root) else ""
    return Shown(row["id"], _title(path), _text(folder), row["genre"], row["confidence"], row["duration"])


def _root(catalog: Catalog) -> str:
    """The folder in which all tracks are: the first and the last by name share what all share."""
    first, last = catalog.connection.execute("SELECT MIN(path), MAX(path) FROM tracks").fetchone()
    if first is None:
        return ""
    return os.path.commonpath([str(decoded(path).parent) for path in (first, last)])


def _title(path: str | Path) -> str:
    """The name of a file without its suffix; by os.path, as pathlib takes seconds over a large library."""
    return _text(os.path.splitext(os.path.basename(path))[0])  # noqa: PTH119, PTH122


def _text(name: str) -> str:
    """A name that JSON can hold, whatever bytes it is made of."""
    return name.encode("utf-8", "replace").decode()
