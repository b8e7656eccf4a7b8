"""From what someone types to a track of the catalog, and all that is known of it."""

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

_MOST_NAMED = 12  # genres in a sentence


class TrackDetails(Record):
    """All that the catalog knows of a track.

    Attributes:
        id: in the catalog.
        size: in bytes, when it was last scanned.
        mtime_ns: when it had last been changed then.
        digest: of the encoded audio, if it was asked for.
        vanished: whether the last scan did not find it.
        outdated: whether the file has changed since it was judged.
        answer: what was told of it.
        error: why nothing could be told.
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
    """The number of the track with this number or at this path; a file called 12 is ./12.

    Raises:
        TrackNotFoundError: the catalog has no such track.
    """
    name, value = ("id", text) if text.isdecimal() and text.isascii() else ("path", path_to_bytes(os.path.abspath(text)))  # noqa: PTH100
    row = catalog.connection.execute(f"SELECT id FROM tracks WHERE {name} = ?", (value,)).fetchone()
    if row is None:
        raise TrackNotFoundError(
            f"the catalog has no track {display_name(text)}; `genrelens library search` lists what it has"
        )
    return int(row["id"])


def load_details(catalog: Catalog, number: int) -> TrackDetails:
    """All that is known of a track of the catalog."""
    track, told, failed = (
        catalog.connection.execute(f"SELECT * FROM {table} WHERE {key} = ?", (number,)).fetchone()
        for table, key in (("tracks", "id"), ("answers", "track"), ("failures", "track"))
    )
    path = path_from_bytes(track["path"])
    now = FileStamp(track["size"], track["mtime_ns"])
    return TrackDetails(
        id=number,
        path=os.fspath(path),
        size=now.size,
        mtime_ns=now.mtime_ns,
        digest=track["digest"],
        vanished=bool(track["vanished"]),
        outdated=any(row is not None and FileStamp(row["size"], row["mtime_ns"]) != now for row in (told, failed)),
        answer=None if told is None else parse_prediction(path, told["prediction"]),
        error=None if failed is None else ErrorInfo(type=failed["type"], message=failed["message"]),
    )


def find_track(catalog: Catalog, text: str) -> ClassifiedTrack:
    """The track that `find_track_id` finds, with its answer and embedding.

    Raises:
        TrackNotFoundError: the catalog has no such track.
        NoTracksError: it was not judged yet, or cannot be.
    """
    number = find_track_id(catalog, text)
    if found := load_tracks(catalog, [number], embeddings=True):
        return found[0]
    if error := load_details(catalog, number).error:
        told = f"{display_name(text)} could not be judged ({error.message})"
        raise NoTracksError(f"{told}; `genrelens library run --retry` tries again")
    raise NoTracksError(f"{display_name(text)} was not judged yet; `genrelens library run` does that")


def require_matching_ids(catalog: Catalog, query: TrackQuery) -> list[int]:
    """The numbers of the tracks that a query asks for.

    Raises:
        NoTracksError: there are none; where a genre was asked for, it tells which there are.
    """
    if found := matching_ids(catalog, query):
        return found
    told = "no track in the catalog is what was asked for"
    if query.genre is None:
        raise NoTracksError(f"{told}; ask for less")
    rows = catalog.connection.execute(
        "SELECT genre FROM answers JOIN tracks ON tracks.id = track WHERE NOT vanished"
        f" GROUP BY genre ORDER BY COUNT(*) DESC, genre LIMIT {_MOST_NAMED}"
    )
    genres = ", ".join(row["genre"] for row in rows)
    raise NoTracksError(f"{told}; its most frequent genres are {genres or 'none yet'}")
