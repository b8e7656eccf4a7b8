"""The journal of changed files: what was done, and what undoes it."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from genrelens.errors import CatalogError, NoTracksError, display_name
from genrelens.library.catalog.catalog import Catalog, path_from_bytes, path_to_bytes
from genrelens.library.catalog.lock import catalog_lock
from genrelens.library.catalog.tracks import FileStamp

_COLUMNS = (
    "changes.id, run, track, changes.path, partial, state, old_genres, new_genres, old_size, old_mtime_ns, "
    "new_size, new_mtime_ns, old_hash, new_hash"
)


@dataclass(frozen=True)
class Entry:
    """One change of one file.

    Attributes:
        path: of the file when it was changed.
        partial: the file beside it that takes its place.
        old, new: its stamps; there is no new one before the new file is whole.
    """

    id: int
    run: int
    track: int
    path: Path
    partial: Path
    state: str
    old_genres: tuple[str, ...]
    new_genres: tuple[str, ...]
    old: FileStamp
    new: FileStamp | None
    old_hash: str
    new_hash: str


@dataclass(frozen=True)
class Run:
    """A run that changed files.

    Attributes:
        options: it was asked for with, by their names on the command line.
        written: how many of its changes stand.
        undone: how many are undone.
    """

    id: int
    began: str
    options: dict[str, Any]
    written: int
    undone: int


@contextmanager
def kept(catalog: Catalog) -> Iterator[None]:
    """Be the only one who changes files of this catalog; what is committed meanwhile is on the disk.

    Raises:
        LibraryBusyError: another run changes them.
        CatalogError: the catalog cannot be written in the block.
    """
    with catalog_lock(catalog, "tag"):
        try:
            catalog.connection.execute("PRAGMA synchronous = FULL")  # a file must not be newer than what undoes it
            yield
        except sqlite3.Error as error:
            raise CatalogError(
                f"{display_name(catalog.path)} cannot be written ({error}); free some space, then go on"
            ) from error
        finally:
            catalog.connection.execute("PRAGMA synchronous = NORMAL")


def begin_run(catalog: Catalog, options: dict[str, Any]) -> int:
    """Make an entry for a run, and give its number."""
    began = datetime.now(UTC).isoformat(timespec="seconds")
    with catalog.transaction() as connection:
        row = connection.execute("INSERT INTO runs (began, options) VALUES (?, ?)", (began, json.dumps(options)))
    return int(row.lastrowid or 0)


def begin(
    catalog: Catalog, run: int, track: int, path: Path, partial: Path, genres: tuple[tuple[str, ...], tuple[str, ...]]
) -> int:
    """Tell that a file will be copied to `partial`; with its genres, old and new. Gives the entry's number."""
    old, new = (json.dumps(names) for names in genres)
    stamp = FileStamp.from_path(path)
    with catalog.transaction() as connection:
        row = connection.execute(
            "INSERT INTO changes (run, track, path, partial, state, old_genres, new_genres, old_size, old_mtime_ns)"
            " VALUES (?, ?, ?, ?, 'begun', ?, ?, ?, ?)",
            (run, track, path_to_bytes(path), path_to_bytes(partial), old, new, stamp.size, stamp.mtime_ns),
        )
    return int(row.lastrowid or 0)


def prepare(catalog: Catalog, entry: int, new: FileStamp, hashes: tuple[str, str], patch: bytes) -> None:
    """Tell that the new file is whole and takes the old one's place next."""
    with catalog.transaction() as connection:
        connection.execute(
            "UPDATE changes SET state = 'prepared', new_size = ?, new_mtime_ns = ?, old_hash = ?, new_hash = ?,"
            " patch = ? WHERE id = ?",
            (new.size, new.mtime_ns, *hashes, patch, entry),
        )


def forget(catalog: Catalog, entry: int) -> None:
    """Tell that a change was not made."""
    with catalog.transaction() as connection:
        connection.execute("DELETE FROM changes WHERE id = ?", (entry,))


def settle(catalog: Catalog, entry: Entry, state: str) -> None:
    """Tell that the file is now the new one ('written') or the old one ('undone'); the catalog knows it as judged.

    So it does by each name that leads to the file: links to it are tracks as well.
    """
    assert entry.new is not None
    before, after = (entry.old, entry.new) if state == "written" else (entry.new, entry.old)
    with catalog.transaction() as connection:
        connection.execute("UPDATE changes SET state = ? WHERE id = ?", (state, entry.id))
        for track in _names(catalog, entry, before):
            for table, key in (("tracks", "id"), ("answers", "track")):
                connection.execute(
                    f"UPDATE {table} SET size = ?, mtime_ns = ? WHERE {key} = ? AND size = ? AND mtime_ns = ?",
                    (after.size, after.mtime_ns, track, before.size, before.mtime_ns),
                )


def _names(catalog: Catalog, entry: Entry, stamp: FileStamp) -> set[int]:
    """The track that was changed, and those that are links to its file and were as it was."""
    file = path_now(catalog, entry)
    alike = catalog.connection.execute(
        "SELECT id, path FROM tracks WHERE (size, mtime_ns) = (?, ?)", (stamp.size, stamp.mtime_ns)
    )
    return {entry.track, *(row["id"] for row in alike if path_from_bytes(row["path"]).resolve() == file)}


def undoing(catalog: Catalog, entry: Entry, path: Path, partial: Path) -> None:
    """Tell that the file is being put back: where it is now, and where its old bytes are gathered."""
    with catalog.transaction() as connection:
        connection.execute(
            "UPDATE changes SET state = 'undoing', path = ?, partial = ? WHERE id = ?",
            (path_to_bytes(path), path_to_bytes(partial), entry.id),
        )


def still_written(catalog: Catalog, entry: Entry) -> None:
    """Tell that the file was not put back."""
    with catalog.transaction() as connection:
        connection.execute("UPDATE changes SET state = 'written' WHERE id = ?", (entry.id,))


def entry(catalog: Catalog, number: int) -> Entry:
    """One entry."""
    return _entry(catalog.connection.execute(f"SELECT {_COLUMNS} FROM changes WHERE id = ?", (number,)).fetchone())


def unsettled(catalog: Catalog) -> list[Entry]:
    """What was under way when a run was ended."""
    rows = catalog.connection.execute(
        f"SELECT {_COLUMNS} FROM changes WHERE state IN ('begun', 'prepared', 'undoing') ORDER BY id"
    )
    return [_entry(row) for row in rows]


def written(catalog: Catalog, run: int) -> list[int]:
    """The numbers of a run's changes that stand, the last first."""
    rows = catalog.connection.execute(
        "SELECT id FROM changes WHERE run = ? AND state = 'written' ORDER BY id DESC", (run,)
    )
    return [number for (number,) in rows]


def patch(catalog: Catalog, entry: Entry) -> bytes:
    """What makes the old file of the new one."""
    (content,) = catalog.connection.execute("SELECT patch FROM changes WHERE id = ?", (entry.id,)).fetchone()
    return bytes(content)


def path_now(catalog: Catalog, entry: Entry) -> Path:
    """Where the file is now, as far as the catalog knows: it may have been moved."""
    row = catalog.connection.execute("SELECT path FROM tracks WHERE id = ?", (entry.track,)).fetchone()
    return path_from_bytes(row[0]).resolve() if row else entry.path


def runs(catalog: Catalog) -> list[Run]:
    """The runs that wrote tags, the last first."""
    rows = catalog.connection.execute(
        "SELECT runs.id, began, options, sum(state = 'written') AS stand, sum(state = 'undone') AS undone FROM runs"
        " LEFT JOIN changes ON run = runs.id GROUP BY runs.id ORDER BY runs.id DESC"
    )
    return [
        Run(row["id"], row["began"], json.loads(row["options"]), row["stand"] or 0, row["undone"] or 0) for row in rows
    ]


def last_run(catalog: Catalog, before: int | None = None) -> int:
    """The last run of which something stands; of those before another run, if that is given.

    Raises:
        NoTracksError: there is none.
    """
    for run in runs(catalog):
        if run.written and (before is None or run.id < before):
            return run.id
    raise NoTracksError("no tags were written that could be undone; `genrelens library undo --list` tells the runs")


def later_run(catalog: Catalog, entry: Entry) -> int | None:
    """The last run that wrote the same file after this change, and whose change stands."""
    row = catalog.connection.execute(
        "SELECT MAX(run) FROM changes WHERE id > ? AND state = 'written' AND (track = ? OR path = ?)",
        (entry.id, entry.track, path_to_bytes(entry.path)),
    ).fetchone()
    return None if row[0] is None else int(row[0])


def _entry(row: sqlite3.Row) -> Entry:
    whole = row["new_size"] is not None
    return Entry(
        *(row["id"], row["run"], row["track"], path_from_bytes(row["path"]), path_from_bytes(row["partial"]), row["state"]),
        *(tuple(json.loads(row["old_genres"])), tuple(json.loads(row["new_genres"]))),
        FileStamp(row["old_size"], row["old_mtime_ns"]),
        FileStamp(row["new_size"], row["new_mtime_ns"]) if whole else None,
        *(row["old_hash"] or "", row["new_hash"] or ""),
    )
