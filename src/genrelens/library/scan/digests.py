"""Tracks told by their encoded audio: moved ones are known again whatever was done to their names and tags."""

import os
from collections.abc import Iterator
from pathlib import Path

from genrelens.audio.decoder import AudioReader
from genrelens.errors import GenrelensError
from genrelens.library.catalog.catalog import Catalog, path_from_bytes
from genrelens.library.scan.scan import is_missing, path_range
from genrelens.prediction import Failure

_BATCH = 50  # files read before what they gave is written
_RATE = 22_050  # Hz, of no consequence: nothing is decoded

_UNDIGESTED = "FROM tracks WHERE path >= ? AND path < ? AND NOT vanished AND digest IS NULL"
_FIND_MOVED = """
    INSERT INTO joined
    SELECT MIN(old.id), MIN(new.id), new.path, new.size, new.mtime_ns
    FROM tracks AS new JOIN tracks AS old USING (digest)
    WHERE digest IS NOT NULL AND NOT new.vanished AND old.id != new.id AND is_gone(old.path)
    AND new.id NOT IN (SELECT track FROM answers) AND new.id NOT IN (SELECT track FROM failures)
    GROUP BY digest HAVING COUNT(*) = 1
"""
_KEEP_TOLD = """
    UPDATE {told} SET size = joined.size, mtime_ns = joined.mtime_ns
    FROM joined JOIN tracks ON tracks.id = old
    WHERE {told}.track = old AND ({told}.size, {told}.mtime_ns) = (tracks.size, tracks.mtime_ns)
"""
_MOVE = """
    UPDATE tracks SET path = joined.path, size = joined.size, mtime_ns = joined.mtime_ns, vanished = 0
    FROM joined WHERE tracks.id = old
"""


def count_undigested(catalog: Catalog, folder: Path) -> int:
    """How many files in a folder `digest_tracks` would read."""
    where = path_range(os.path.abspath(folder))  # noqa: PTH100
    return int(catalog.connection.execute(f"SELECT COUNT(*) {_UNDIGESTED}", where).fetchone()[0])


def digest_tracks(catalog: Catalog, folder: Path) -> Iterator[Failure | None]:
    """Keep the digest of each track in a folder that has none; yields for each what was wrong with it, if anything.

    Each file is read whole, so call it where one can wait. It goes on where it was interrupted.

    Raises:
        CatalogError: the catalog cannot be written.
    """
    prefix, beyond = path_range(os.path.abspath(folder))  # noqa: PTH100
    query = f"SELECT id, path {_UNDIGESTED} AND path > ? ORDER BY path LIMIT ?"
    last = prefix
    while rows := catalog.connection.execute(query, (prefix, beyond, last, _BATCH)).fetchall():
        read = [(_digest(path_from_bytes(path)), number) for number, path in rows]
        with catalog.transaction() as connection:
            kept = [(digest, number) for digest, number in read if isinstance(digest, str)]
            connection.executemany("UPDATE tracks SET digest = ? WHERE id = ?", kept)
        yield from (None if isinstance(digest, str) else digest for digest, _ in read)
        last = rows[-1]["path"]


def relink_moved(catalog: Catalog) -> int:
    """Let tracks that are gone go on as new ones with the same digest, and count them.

    What was told of the one holds for the other: the audio is the same. Where several are gone or new that sound the
    same, nothing is joined.

    Raises:
        CatalogError: the catalog cannot be written.
    """
    connection = catalog.connection
    connection.create_function("is_gone", 1, is_missing)
    connection.execute("DROP TABLE IF EXISTS temp.joined")
    connection.execute("CREATE TEMP TABLE joined (old INTEGER, new INTEGER, path BLOB, size INTEGER, mtime_ns INTEGER)")
    connection.execute(_FIND_MOVED)
    with catalog.transaction():
        for told in ("answers", "failures"):
            connection.execute(_KEEP_TOLD.format(told=told))
        connection.execute("DELETE FROM tracks WHERE id IN (SELECT new FROM joined)")
        return connection.execute(_MOVE).rowcount


def _digest(path: Path) -> str | Failure:
    try:
        with AudioReader(path, _RATE) as track:
            return track.digest()
    except GenrelensError as error:
        return Failure.from_error(os.fspath(path), error)
