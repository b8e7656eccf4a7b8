"""Digests of the encoded audio, which identify moved tracks even after they were renamed and retagged."""

import os
from collections.abc import Iterator
from pathlib import Path

from genrelens.audio.decoder import AudioReader
from genrelens.errors import GenrelensError
from genrelens.library.catalog.catalog import Catalog, path_from_bytes
from genrelens.library.scan.scan import is_missing, path_range
from genrelens.prediction import Failure

_BATCH_FILES = 50  # files read before their digests are written
_RATE = 22_050  # Hz; irrelevant, as nothing is decoded

_WITHOUT_DIGEST = "FROM tracks WHERE path >= ? AND path < ? AND NOT vanished AND digest IS NULL"
_FIND_MOVED = """
    INSERT INTO joined
    SELECT MIN(old.id), MIN(new.id), new.path, new.size, new.mtime_ns
    FROM tracks AS new JOIN tracks AS old USING (digest)
    WHERE digest IS NOT NULL AND NOT new.vanished AND old.id != new.id AND is_missing(old.path)
    AND new.id NOT IN (SELECT track FROM answers) AND new.id NOT IN (SELECT track FROM failures)
    GROUP BY digest HAVING COUNT(*) = 1
"""
_KEEP_CURRENT = """
    UPDATE {table} SET size = joined.size, mtime_ns = joined.mtime_ns
    FROM joined JOIN tracks ON tracks.id = old
    WHERE {table}.track = old AND ({table}.size, {table}.mtime_ns) = (tracks.size, tracks.mtime_ns)
"""
_MOVE = """
    UPDATE tracks SET path = joined.path, size = joined.size, mtime_ns = joined.mtime_ns, vanished = 0
    FROM joined WHERE tracks.id = old
"""


def count_undigested(catalog: Catalog, folder: Path) -> int:
    """Return the number of files in a folder that `digest_tracks` would read."""
    paths = path_range(os.path.abspath(folder))  # noqa: PTH100
    return int(catalog.connection.execute(f"SELECT COUNT(*) {_WITHOUT_DIGEST}", paths).fetchone()[0])


def digest_tracks(catalog: Catalog, folder: Path) -> Iterator[Failure | None]:
    """Compute and store the missing digests of the tracks in a folder, and yield a failure or None for each.

    Each file is read in full, which takes a while; an interrupted run continues where it stopped.

    Raises:
        CatalogError: the catalog cannot be written.
    """
    first, beyond = path_range(os.path.abspath(folder))  # noqa: PTH100
    query = f"SELECT id, path {_WITHOUT_DIGEST} AND path > ? ORDER BY path LIMIT ?"
    last = first
    while rows := catalog.connection.execute(query, (first, beyond, last, _BATCH_FILES)).fetchall():
        digests = [(_digest(path_from_bytes(path)), track_id) for track_id, path in rows]
        with catalog.transaction() as connection:
            valid = [(digest, track_id) for digest, track_id in digests if isinstance(digest, str)]
            connection.executemany("UPDATE tracks SET digest = ? WHERE id = ?", valid)
        yield from (None if isinstance(digest, str) else digest for digest, _ in digests)
        last = rows[-1]["path"]


def relink_moved(catalog: Catalog) -> int:
    """Replace each missing track by the new track with the same digest, and return the number of replacements.

    The track keeps its prediction or failure, as the audio is the same. Digests shared by several missing or new
    tracks are ambiguous and left alone.

    Raises:
        CatalogError: the catalog cannot be written.
    """
    connection = catalog.connection
    connection.create_function("is_missing", 1, is_missing)
    connection.execute("DROP TABLE IF EXISTS temp.joined")
    connection.execute("CREATE TEMP TABLE joined (old INTEGER, new INTEGER, path BLOB, size INTEGER, mtime_ns INTEGER)")
    connection.execute(_FIND_MOVED)
    with catalog.transaction():
        for table in ("answers", "failures"):
            connection.execute(_KEEP_CURRENT.format(table=table))
        connection.execute("DELETE FROM tracks WHERE id IN (SELECT new FROM joined)")
        return connection.execute(_MOVE).rowcount


def _digest(path: Path) -> str | Failure:
    try:
        with AudioReader(path, _RATE) as track:
            return track.digest()
    except GenrelensError as error:
        return Failure.from_error(os.fspath(path), error)
