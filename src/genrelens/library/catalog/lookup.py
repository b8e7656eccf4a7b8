"""Lookup of tracks by what a user types, with errors that name the remedy."""

import os

from genrelens.errors import NoTracksError, TrackNotFoundError, display_name
from genrelens.library.catalog.catalog import Catalog, path_from_bytes, path_to_bytes
from genrelens.library.catalog.tracks import (
    ClassifiedTrack,
    FileStamp,
    TrackQuery,
    load_tracks,
    matching_ids,
    parse_prediction,
)
from genrelens.prediction import ErrorInfo, PathText, Prediction, Record

_MAX_LISTED_GENRES = 12  # in an error message


class TrackDetails(Record):
    """Everything that the catalog stores about a track.

    Attributes:
        path: absolute path.
        size, mtime_ns: size in bytes and modification time in ns at the last scan.
        digest: digest of the encoded audio, if it was computed.
        vanished: whether the last scan did not find the file.
        outdated: whether the file has changed since it was classified.
        answer: the track's prediction, or None if it has none.
        error: why the track could not be classified, or None.
    """

    id: int
    path: PathText
    size: int
    mtime_ns: int
    digest: str | None
    vanished: bool
    outdated: bool
    answer: Prediction | None
    error: ErrorInfo | None


def find_track_id(catalog: Catalog, text: str) -> int:
    """Return the id of the track given by its id or path; a file named 12 is given as ./12.

    Raises:
        TrackNotFoundError: the catalog has no such track.
    """
    is_id = text.isdecimal() and text.isascii()
    column, value = ("id", text) if is_id else ("path", path_to_bytes(os.path.abspath(text)))  # noqa: PTH100
    row = catalog.connection.execute(f"SELECT id FROM tracks WHERE {column} = ?", (value,)).fetchone()
    if row is None:
        name = display_name(text)
        raise TrackNotFoundError(f"the catalog has no track {name}; `genrelens library search` lists its tracks")
    return int(row["id"])


def load_details(catalog: Catalog, track_id: int) -> TrackDetails:
    """Return everything that the catalog stores about a track."""
    track, answer, failure = (
        catalog.connection.execute(f"SELECT * FROM {table} WHERE {key} = ?", (track_id,)).fetchone()
        for table, key in (("tracks", "id"), ("answers", "track"), ("failures", "track"))
    )
    path = path_from_bytes(track["path"])
    stamp = FileStamp(track["size"], track["mtime_ns"])
    return TrackDetails(
        id=track_id,
        path=os.fspath(path),
        size=stamp.size,
        mtime_ns=stamp.mtime_ns,
        digest=track["digest"],
        vanished=bool(track["vanished"]),
        outdated=any(row is not None and FileStamp(row["size"], row["mtime_ns"]) != stamp for row in (answer, failure)),
        answer=None if answer is None else parse_prediction(path, answer["prediction"]),
        error=None if failure is None else ErrorInfo(type=failure["type"], message=failure["message"]),
    )


def find_track(catalog: Catalog, text: str) -> ClassifiedTrack:
    """Return the track given by its id or path, with prediction and embedding.

    Raises:
        TrackNotFoundError: the catalog has no such track.
        NoTracksError: the track is pending, or could not be classified.
    """
    track_id, name = find_track_id(catalog, text), display_name(text)
    if tracks := load_tracks(catalog, [track_id], embeddings=True):
        return tracks[0]
    if error := load_details(catalog, track_id).error:
        remedy = "try again with `genrelens library run --retry`"
        raise NoTracksError(f"{name} could not be classified ({error.message}); {remedy}")
    raise NoTracksError(f"{name} is not classified yet; run `genrelens library run`")


def require_matching_ids(catalog: Catalog, query: TrackQuery) -> list[int]:
    """Return the ids of the tracks that match a query.

    Raises:
        NoTracksError: no track matches; the message lists the available genres if the query names one.
    """
    if ids := matching_ids(catalog, query):
        return ids
    if query.genre is None:
        raise NoTracksError("no track in the catalog matches; relax the conditions")
    rows = catalog.connection.execute(
        "SELECT genre FROM answers JOIN tracks ON tracks.id = track WHERE NOT vanished"
        f" GROUP BY genre ORDER BY COUNT(*) DESC, genre LIMIT {_MAX_LISTED_GENRES}"
    )
    genres = ", ".join(row["genre"] for row in rows)
    raise NoTracksError(f"no track in the catalog matches; its most frequent genres are {genres or 'none yet'}")
