"""Where a library stands, in numbers."""

from genrelens.library.catalog.catalog import Catalog
from genrelens.prediction import Record

# Answers and reasons of files as they are; those of files that have changed since are of no more use than none.
_THERE = "JOIN tracks ON id = track WHERE NOT vanished AND ({0}.size, {0}.mtime_ns) = (tracks.size, tracks.mtime_ns)"
_JUDGED = f"answers {_THERE.format('answers')}"
_FAILED = f"failures {_THERE.format('failures')} AND track NOT IN (SELECT track FROM answers)"


class ModelUsage(Record):
    """By which model, and with how many windows, a number of tracks was judged."""

    model: str
    version: str
    windows: str
    tracks: int


class LibraryStatus(Record):
    """Where a library stands, in tracks.

    Attributes:
        tracks: that are there; each is judged, failed or pending.
        judged: that have an answer.
        failed: of which nothing can be told.
        pending: that are new or have changed since, whichever model is asked.
        vanished: that are gone; what was told of them is kept.
        genres: what those with an answer are told to be, the most frequent first.
        errors: the types of those failed.
        models: who gave the answers.
    """

    tracks: int
    judged: int
    failed: int
    pending: int
    vanished: int
    genres: dict[str, int]
    errors: dict[str, int]
    models: tuple[ModelUsage, ...]


def library_status(catalog: Catalog) -> LibraryStatus:
    """Count a library."""
    tracks, judged, failed, vanished = (
        int(catalog.connection.execute(f"SELECT COUNT(*) FROM {rows}").fetchone()[0])
        for rows in ("tracks WHERE NOT vanished", _JUDGED, _FAILED, "tracks WHERE vanished")
    )
    models = catalog.connection.execute(
        f"SELECT model, version, windows, COUNT(*) AS tracks FROM {_JUDGED} GROUP BY 1, 2, 3 ORDER BY 4 DESC"
    )
    return LibraryStatus(
        tracks=tracks,
        judged=judged,
        failed=failed,
        pending=tracks - judged - failed,
        vanished=vanished,
        genres=_counted(catalog, "genre", _JUDGED),
        errors=_counted(catalog, "type", _FAILED),
        models=tuple(ModelUsage(**row) for row in map(dict, models)),
    )


def _counted(catalog: Catalog, column: str, rows: str) -> dict[str, int]:
    query = f"SELECT {column}, COUNT(*) FROM {rows} GROUP BY {column} ORDER BY COUNT(*) DESC, {column}"
    return dict(map(tuple, catalog.connection.execute(query)))
