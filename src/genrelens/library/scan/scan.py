"""Updates of the catalog from a folder: new, changed, moved and vanished files."""

import os
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from genrelens.library.catalog.catalog import Catalog, path_to_bytes
from genrelens.library.scan.walk import UnreadablePath, walk_audio_files

_BATCH_ROWS = 1000  # rows written at a time

# Found files are collected in a temporary table, which SQLite keeps on disk: memory use does not grow with the library.
_TABLES = """
    DROP TABLE IF EXISTS temp.found;
    DROP TABLE IF EXISTS temp.unreadable;
    DROP TABLE IF EXISTS temp.moved;
    CREATE TEMP TABLE found (path BLOB PRIMARY KEY, size INTEGER, mtime_ns INTEGER) WITHOUT ROWID;
    CREATE TEMP TABLE unreadable (path BLOB, first BLOB, beyond BLOB);
    CREATE TEMP TABLE moved (track INTEGER PRIMARY KEY, path BLOB);
"""
_FIND_MOVED = """
    INSERT INTO moved
    SELECT MIN(tracks.id), MIN(fresh.path)
    FROM (SELECT * FROM found WHERE path NOT IN (SELECT path FROM tracks)) AS fresh
    JOIN tracks USING (size, mtime_ns)
    WHERE base_name(tracks.path) = base_name(fresh.path) AND is_missing(tracks.path)
    GROUP BY size, mtime_ns, base_name(fresh.path) HAVING COUNT(*) = 1
"""
_MOVE = "UPDATE OR IGNORE tracks SET path = moved.path, vanished = 0 FROM moved WHERE tracks.id = moved.track"
_CHANGE = """
    UPDATE tracks SET size = found.size, mtime_ns = found.mtime_ns, digest = NULL
    FROM found WHERE tracks.path = found.path AND (tracks.size, tracks.mtime_ns) != (found.size, found.mtime_ns)
"""
_RETURN = "UPDATE tracks SET vanished = 0 WHERE vanished AND path IN (SELECT path FROM found)"
_VANISH = """
    UPDATE tracks SET vanished = 1
    WHERE path >= ? AND path < ? AND NOT vanished AND path NOT IN (SELECT path FROM found)
    AND NOT EXISTS (
        SELECT 1 FROM unreadable
        WHERE tracks.path = unreadable.path OR (tracks.path >= unreadable.first AND tracks.path < unreadable.beyond)
    )
"""
_ADD = """
    INSERT INTO tracks (path, size, mtime_ns)
    SELECT path, size, mtime_ns FROM found WHERE path NOT IN (SELECT path FROM tracks) ORDER BY path
"""


@dataclass(frozen=True)
class ScanResult:
    """Numbers of files by what a scan found.

    Attributes:
        found: audio files in the folder.
        new: files that were not in the catalog.
        changed: files with another size or modification time than before.
        moved: files found at a new path; they keep their predictions.
        returned: files that had vanished and are present again.
        vanished: files that were present before and are missing now.
        unreadable: folders and files that cannot be read; tracks in them do not count as vanished.
    """

    found: int
    new: int
    changed: int
    moved: int
    returned: int
    vanished: int
    unreadable: tuple[UnreadablePath, ...]


def scan_folder(catalog: Catalog, folder: Path) -> ScanResult:
    """Bring the catalog up to date with a folder, without opening a file.

    A new path is a moved track if exactly one track with its name, size and modification time is missing from its old
    path, and no other new path has the same three; `genrelens.library.scan.digests` finds the others. A vanished track
    keeps its prediction, in case it returns.

    Raises:
        AudioNotFoundError, AudioUnreadableError: the folder is missing or cannot be read.
        CatalogError: the catalog cannot be written.
    """
    root = os.path.abspath(folder)  # noqa: PTH100 (resolve() would follow links)
    unreadable: list[UnreadablePath] = []
    connection = catalog.connection
    connection.create_function("base_name", 1, os.path.basename, deterministic=True)
    connection.create_function("is_missing", 1, is_missing)
    connection.executescript(_TABLES)
    files = walk_audio_files(root, unreadable.append)
    found = _collect(connection, ((path_to_bytes(path), stamp.size, stamp.mtime_ns) for path, stamp in files))
    connection.executemany(
        "INSERT INTO unreadable VALUES (?, ?, ?)",
        [(path_to_bytes(entry.path), *path_range(entry.path)) for entry in unreadable],
    )
    connection.execute(_FIND_MOVED)  # outside the transaction, which a slow disk would prolong
    with catalog.transaction():
        moved = connection.execute(_MOVE).rowcount
        changed = connection.execute(_CHANGE).rowcount
        returned = connection.execute(_RETURN).rowcount
        vanished = connection.execute(_VANISH, path_range(root)).rowcount
        new = connection.execute(_ADD).rowcount
    return ScanResult(found, new, changed, moved, returned, vanished, tuple(unreadable))


def path_range(folder: str) -> tuple[bytes, bytes]:
    """Return the half-open range that contains exactly the paths below a folder, compared as bytes."""
    first = path_to_bytes(os.path.join(folder, ""))  # noqa: PTH118 (adds the slash)
    return first, first[:-1] + bytes([first[-1] + 1])


def is_missing(path: bytes) -> bool:
    """Return whether a file is known to be missing; False if its folder cannot be read."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False


def _collect(connection: sqlite3.Connection, files: Iterator[tuple[bytes, int, int]]) -> int:
    """Write all files to the table `found` and return their number."""
    count = 0
    connection.execute("BEGIN")  # writes only temporary tables, so it blocks no other process
    while rows := list(islice(files, _BATCH_ROWS)):
        connection.executemany("INSERT INTO found VALUES (?, ?, ?)", rows)
        count += len(rows)
    connection.execute("COMMIT")
    return count
