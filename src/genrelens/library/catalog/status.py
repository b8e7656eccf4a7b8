"""Statistics of a catalog."""

from genrelens.library.catalog.catalog import Catalog
from genrelens.prediction import Record

# Only predictions and failures of the current file count; older ones are outdated.
_CURRENT = "JOIN tracks ON id = track WHERE NOT vanished AND ({0}.size, {0}.mtime_ns) = (tracks.size, tracks.mtime_ns)"
_CLASSIFIED = f"answers {_CURRENT.format('answers')}"
_FAILED = f"failures {_CURRENT.format('failures')} AND track NOT IN (SELECT track FROM answers)"


class ModelUsage(Record):
    """The number of tracks classified by one model with one number of windows."""

    model: str
    version: str
    windows: str
    tracks: int


class LibraryStatus(Record):
    """Numbers of tracks in a catalog.

    Attributes:
        tracks: tracks whose file exists, the sum of the next three.
        judged: tracks with a current prediction.
        failed: tracks that could not be classified.
        pending: new and changed tracks.
        vanished: tracks whose file is missing; they keep their predictions.
        genres: classified tracks by genre, most frequent first.
        errors: failed tracks by error type.
        models: classified tracks by model.
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
    """Count the tracks of a catalog by state, genre, error and model."""
    tracks, classified, failed, vanished = (
        int(catalog.connection.execute(f"SELECT COUNT(*) FROM {rows}").fetchone()[0])
        for rows in ("tracks WHERE NOT vanished", _CLASSIFIED, _FAILED, "tracks WHERE vanished")
    )
    models = catalog.connection.execute(
        f"SELECT model, version, windows, COUNT(*) AS tracks FROM {_CLASSIFIED} GROUP BY 1, 2, 3 ORDER BY 4 DESC"
    )
    return LibraryStatus(
        tracks=tracks,
        judged=classified,
        failed=failed,
        pending=tracks - classified - failed,
        vanished=vanished,
        genres=_count_by(catalog, "genre", _CLASSIFIED),
        errors=_count_by(catalog, "type", _FAILED),
        models=tuple(ModelUsage(**row) for row in map(dict, models)),
    )


def _count_by(catalog: Catalog, column: str, rows: str) -> dict[str, int]:
    query = f"SELECT {column}, COUNT(*) FROM {rows} GROUP BY {column} ORDER BY COUNT(*) DESC, {column}"
    return dict(map(tuple, catalog.connection.execute(query)))
