"""Updates of the catalog from a folder: new, changed, moved and vanished files."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from genrelens.audio.containers import has_audio_extension
from genrelens.errors import AudioNotFoundError, AudioUnreadableError, display_name
from genrelens.library.catalog.catalog import Catalog, path_to_bytes

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
class UnreadablePath:
    """A folder or file that cannot be read, and the system's reason."""

    path: str
    reason: str

    def __str__(self) -> str:
        return f"{display_name(self.path)} cannot be read ({self.reason}); its entries in the catalog are unchanged"


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
    connection.execute("BEGIN")  # writes only a temporary table, so it blocks no other process
    files = _walk_audio_files(root, unreadable)
    found = connection.executemany("INSERT INTO found VALUES (?, ?, ?)", files).rowcount
    connection.execute("COMMIT")
    ranges = ((path_to_bytes(entry.path), *path_range(entry.path)) for entry in unreadable)
    connection.executemany("INSERT INTO unreadable VALUES (?, ?, ?)", ranges)
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
    except OSError as error:
        return isinstance(error, FileNotFoundError | NotADirectoryError)
    return False


def _walk_audio_files(folder: str, unreadable: list[UnreadablePath]) -> Iterator[tuple[bytes, int, int]]:
    """Yield path, size and modification time of each audio file below a folder, in no particular order.

    One entry is held at a time, and file types come from the directory listing rather than from further system calls.
    Links to folders are not followed. What cannot be read is added to `unreadable`.
    """
    _check_folder(folder)
    pending = [folder]
    while pending:
        current = pending.pop()
        try:
            with os.scandir(current) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(entry.path)
                    elif has_audio_extension(entry.name) and (status := _stat_file(entry, unreadable)):
                        yield path_to_bytes(entry.path), status.st_size, status.st_mtime_ns
        except FileNotFoundError:
            continue  # removed in the meantime
        except OSError as error:
            unreadable.append(UnreadablePath(current, error.strerror or str(error)))


def _check_folder(folder: str) -> None:
    name = display_name(folder)
    try:
        os.scandir(folder).close()
    except FileNotFoundError as error:
        raise AudioNotFoundError(f"{name} does not exist; check the path, or whether its disk is mounted") from error
    except NotADirectoryError as error:
        raise AudioUnreadableError(f"{name} is not a folder; give its parent folder") from error
    except OSError as error:
        raise AudioUnreadableError(f"{name} cannot be read ({error.strerror}); check its permissions") from error


def _stat_file(entry: os.DirEntry[str], unreadable: list[UnreadablePath]) -> os.stat_result | None:
    """Return the status of a regular file, or None for anything else."""
    try:
        status = entry.stat()
    except FileNotFoundError:  # a broken link
        return None
    except OSError as error:
        unreadable.append(UnreadablePath(entry.path, error.strerror or str(error)))
        return None
    return status if stat.S_ISREG(status.st_mode) else None
