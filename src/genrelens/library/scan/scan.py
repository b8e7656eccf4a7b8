"""What has come into a folder, changed there, moved or vanished since it was last looked into."""

import os
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from genrelens.library.catalog.catalog import Catalog, path_to_bytes
from genrelens.library.scan.walk import UnreadablePath, walk_audio_files

_ROWS = 1000  # written at a time

# Found files wait in a table of their own, which SQLite keeps on disk: no library is too large for the memory.
_TABLES = """
    DROP TABLE IF EXISTS temp.found;
    DROP TABLE IF EXISTS temp.unread;
    DROP TABLE IF EXISTS temp.moved;
    CREATE TEMP TABLE found (path BLOB PRIMARY KEY, size INTEGER, mtime_ns INTEGER) WITHOUT ROWID;
    CREATE TEMP TABLE unread (path BLOB, prefix BLOB, beyond BLOB);
    CREATE TEMP TABLE moved (track INTEGER PRIMARY KEY, path BLOB);
"""
_FIND_MOVED = """
    INSERT INTO moved
    SELECT MIN(tracks.id), MIN(fresh.path)
    FROM (SELECT * FROM found WHERE path NOT IN (SELECT path FROM tracks)) AS fresh
    JOIN tracks USING (size, mtime_ns)
    WHERE name_of(tracks.path) = name_of(fresh.path) AND is_gone(tracks.path)
    GROUP BY size, mtime_ns, name_of(fresh.path) HAVING COUNT(*) = 1
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
        SELECT 1 FROM unread
        WHERE tracks.path = unread.path OR (tracks.path >= unread.prefix AND tracks.path < unread.beyond)
    )
"""
_ADD = """
    INSERT INTO tracks (path, size, mtime_ns)
    SELECT path, size, mtime_ns FROM found WHERE path NOT IN (SELECT path FROM tracks) ORDER BY path
"""


@dataclass(frozen=True)
class ScanResult:
    """What a scan found, in files.

    Attributes:
        found: that are there.
        new: that were not known.
        changed: whose size or time of change is another than it was.
        moved: that were known at another place, and keep what is known of them.
        returned: that had vanished, and are there again.
        vanished: that were there before.
        unread: folders and files that cannot be looked into. Tracks in them are not held for vanished.
    """

    found: int
    new: int
    changed: int
    moved: int
    returned: int
    vanished: int
    unreadable: tuple[UnreadablePath, ...]


def scan_folder(catalog: Catalog, folder: Path) -> ScanResult:
    """Bring the catalog up to date with a folder; no file is opened.

    A new path is a moved track if exactly one track with its name, size and time of change is gone from where it
    was, and no other new path has these, too; see `genrelens.library.scan.digests` for the others. What vanished keeps
    its answer, in case it returns.

    Raises:
        AudioNotFoundError, AudioUnreadableError: the folder cannot be looked into.
        CatalogError: the catalog cannot be written.
    """
    root = os.path.abspath(folder)  # noqa: PTH100 (links stay as they were given)
    unread: list[UnreadablePath] = []
    connection = catalog.connection
    connection.create_function("name_of", 1, os.path.basename, deterministic=True)
    connection.create_function("is_gone", 1, is_missing)
    connection.executescript(_TABLES)
    files = ((path_to_bytes(path), stamp.size, stamp.mtime_ns) for path, stamp in walk_audio_files(root, unread.append))
    found = _gather(connection, files)
    connection.executemany("INSERT INTO unread VALUES (?, ?, ?)", [(path_to_bytes(u.path), *path_range(u.path)) for u in unread])
    connection.execute(_FIND_MOVED)  # not in the transaction, which a slow disk would make long
    with catalog.transaction():
        moved = connection.execute(_MOVE).rowcount
        changed = connection.execute(_CHANGE).rowcount
        returned = connection.execute(_RETURN).rowcount
        vanished = connection.execute(_VANISH, path_range(root)).rowcount
        new = connection.execute(_ADD).rowcount
    return ScanResult(found, new, changed, moved, returned, vanished, tuple(unread))


def path_range(folder: str) -> tuple[bytes, bytes]:
    """The range that the paths in a folder lie in: the first is possible, the last is not."""
    prefix = path_to_bytes(os.path.join(folder, ""))  # noqa: PTH118 (which adds the slash)
    return prefix, prefix[:-1] + bytes([prefix[-1] + 1])


def is_missing(path: bytes) -> bool:
    """Whether there certainly is no such file; in a folder that cannot be read there may be."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False


def _gather(connection: sqlite3.Connection, files: Iterator[tuple[bytes, int, int]]) -> int:
    """Write all files into the table `found`, and count them."""
    count = 0
    connection.execute("BEGIN")  # of the table on the side alone: nobody waits for it
    while rows := list(islice(files, _ROWS)):
        connection.executemany("INSERT INTO found VALUES (?, ?, ?)", rows)
        count += len(rows)
    connection.execute("COMMIT")
    return count
