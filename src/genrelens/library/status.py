"""Where a library stands, in numbers."""

from genrelens.library.catalog import Catalog
from genrelens.prediction import Record

_STATES = """
    SELECT
        COUNT(*) FILTER (WHERE vanished) AS vanished,
        COUNT(*) FILTER (WHERE NOT vanished AND (answers.size, answers.mtime_ns) = (tracks.size, tracks.mtime_ns))
            AS judged,
        COUNT(*) FILTER (WHERE NOT vanished AND (failures.size, failures.mtime_ns) = (tracks.size, tracks.mtime_ns))
            AS failed,
        COUNT(*) AS tracks
    FROM tracks LEFT JOIN answers ON answers.track = tracks.id LEFT JOIN failures ON failures.track = tracks.id
"""
_PRESENT = "JOIN tracks ON tracks.id = track WHERE NOT vanished"


class Asked(Record):
    """By which model, and with how many windows, a number of tracks was judged."""

    model: str
    version: str
    windows: str
    tracks: int


class Status(Record):
    """Where a library stands, in tracks.

    Attributes:
        tracks: that are there; each is judged, failed or pending.
        judged: that have an answer.
        failed: of which nothing can be told.
        pending: that are new or have changed since.
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
    models: tuple[Asked, ...]


def status(catalog: Catalog) -> Status:
    """Count a library."""
    states = catalog.connection.execute(_STATES).fetchone()
    there = states["tracks"] - states["vanished"]
    models = catalog.connection.execute(
        f"SELECT model, version, windows, COUNT(*) AS tracks FROM answers {_PRESENT} GROUP BY 1, 2, 3 ORDER BY 4 DESC"
    )
    return Status(
        tracks=there,
        judged=states["judged"],
        failed=states["failed"],
        pending=there - states["judged"] - states["failed"],
        vanished=states["vanished"],
        genres=_counted(catalog, "answers", "genre"),
        errors=_counted(catalog, "failures", "type"),
        models=tuple(Asked(**row) for row in map(dict, models)),
    )


def _counted(catalog: Catalog, table: str, column: str) -> dict[str, int]:
    query = f"SELECT {column}, COUNT(*) FROM {table} {_PRESENT} GROUP BY {column} ORDER BY COUNT(*) DESC, {column}"
    return dict(map(tuple, catalog.connection.execute(query)))
