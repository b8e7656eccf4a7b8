"""The journal of tagging runs: which files were changed, and how to undo each change."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

from genrelens.errors import CatalogError, NoTracksError, display_name
from genrelens.library.catalog.catalog import Catalog, catalog_lock, path_from_bytes, path_to_bytes
from genrelens.library.catalog.tracks import FileStamp

_COLUMNS = (
    "changes.id, run, track, changes.path, partial, state, old_genres, new_genres, old_size, old_mtime_ns, "
    "new_size, new_mtime_ns, old_hash, new_hash"
)


class State(StrEnum):
    """The state of a change, as stored in the catalog.

    A change goes from `BEGUN` over `PREPARED` to `WRITTEN`, and when undone over `UNDOING` to `UNDONE`. An entry in
    another state than `WRITTEN` or `UNDONE` belongs to an interrupted run, and `recover` settles it.
    """

    BEGUN = "begun"  # the new file is being made; the old one is in place
    PREPARED = "prepared"  # the new file is complete, and its patch stored; either file may be in place
    WRITTEN = "written"  # the new file is in place
    UNDOING = "undoing"  # the old file is being restored; either file may be in place
    UNDONE = "undone"  # the old file is in place


_UNSETTLED = f"('{State.BEGUN}', '{State.PREPARED}', '{State.UNDOING}')"


@dataclass(frozen=True)
class Entry:
    """One change to one file.

    Attributes:
        id, run, track: IDs of the entry, the run, and the track in the catalog.
        path: path of the file when it was changed.
        partial: path of the file that replaces it.
        state: how far the change got.
        old_genres, new_genres: genres before and after the change.
        old_stamp, new_stamp: stamps of both files; the new one is None until the new file is complete.
        old_hash, new_hash: SHA-256 (hex) of both files; empty until the new file is complete.
    """

    id: int
    run: int
    track: int
    path: Path
    partial: Path
    state: State
    old_genres: tuple[str, ...]
    new_genres: tuple[str, ...]
    old_stamp: FileStamp
    new_stamp: FileStamp | None
    old_hash: str
    new_hash: str


@dataclass(frozen=True)
class TaggingRun:
    """A run that changed files.

    Attributes:
        began: when it began, ISO 8601 in UTC.
        options: its command line options by name.
        written, undone: numbers of its changes that are in place, and that were undone.
    """

    id: int
    began: str
    options: dict[str, Any]
    written: int
    undone: int


class Journal:
    """The journal in a catalog. Reading needs no lock; every method that changes it does."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._connection = catalog.connection

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock under which files of the catalog may be changed.

        Within the block, every committed transaction is on disk: a file must never be newer than what undoes it.

        Raises:
            LibraryBusyError: another process changes files of this catalog.
            CatalogError: the catalog cannot be written in the block.
        """
        with catalog_lock(self._catalog, "tag"):
            try:
                self._connection.execute("PRAGMA synchronous = FULL")
                yield
            except sqlite3.Error as error:
                name = display_name(self._catalog.path)
                raise CatalogError(f"{name} cannot be written ({error}); free some space, and run again") from error
            finally:
                self._connection.execute("PRAGMA synchronous = NORMAL")

    def begin_run(self, options: dict[str, Any]) -> int:
        """Add a run, and return its ID."""
        began = datetime.now(UTC).isoformat(timespec="seconds")
        return self._write("INSERT INTO runs (began, options) VALUES (?, ?)", began, json.dumps(options))

    def begin(
        self, run: int, track: int, path: Path, partial: Path, old: tuple[str, ...], new: tuple[str, ...]
    ) -> Entry:
        """Add an entry for a file whose copy with new genres is about to be written to `partial`."""
        stamp = FileStamp.from_path(path)
        entry_id = self._write(
            "INSERT INTO changes (run, track, path, partial, state, old_genres, new_genres, old_size, old_mtime_ns)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            *(run, track, path_to_bytes(path), path_to_bytes(partial), State.BEGUN),
            *(json.dumps(old), json.dumps(new), *stamp),
        )
        return self.entry(entry_id)

    def prepare(self, entry: Entry, new_stamp: FileStamp, old_hash: str, new_hash: str, patch: bytes) -> Entry:
        """Record that the new file is complete and replaces the old one next, and return the updated entry.

        The hashes are SHA-256 (hex); `patch` restores the old file from the new one.
        """
        self._write(
            "UPDATE changes SET state = ?, new_size = ?, new_mtime_ns = ?, old_hash = ?, new_hash = ?, patch = ?"
            " WHERE id = ?",
            *(State.PREPARED, *new_stamp, old_hash, new_hash, patch, entry.id),
        )
        return self.entry(entry.id)

    def discard(self, entry: Entry) -> None:
        """Delete the entry of a change that was not made."""
        self._write("DELETE FROM changes WHERE id = ?", entry.id)

    def settle(self, entry: Entry, state: Literal[State.WRITTEN, State.UNDONE]) -> None:
        """Record that the new file (`WRITTEN`) or the old file (`UNDONE`) is in place.

        The stamps of the track and its prediction are updated, as the audio is the same, and so are the stamps of other
        tracks that are links to the file.
        """
        assert entry.new_stamp is not None
        before, after = entry.old_stamp, entry.new_stamp
        if state is State.UNDONE:
            before, after = after, before
        with self._catalog.transaction() as connection:
            connection.execute("UPDATE changes SET state = ? WHERE id = ?", (state, entry.id))
            for track in self._tracks_of_file(entry, before):
                for table, key in (("tracks", "id"), ("answers", "track")):
                    connection.execute(
                        f"UPDATE {table} SET size = ?, mtime_ns = ? WHERE {key} = ? AND size = ? AND mtime_ns = ?",
                        (*after, track, *before),
                    )

    def begin_undo(self, entry: Entry, path: Path, partial: Path) -> None:
        """Record that the old file is being restored in `partial`, to replace the file that is now at `path`."""
        query = "UPDATE changes SET state = ?, path = ?, partial = ? WHERE id = ?"
        self._write(query, State.UNDOING, path_to_bytes(path), path_to_bytes(partial), entry.id)

    def cancel_undo(self, entry: Entry) -> None:
        """Record that the new file is still in place after all."""
        self._write("UPDATE changes SET state = ? WHERE id = ?", State.WRITTEN, entry.id)

    def entry(self, entry_id: int) -> Entry:
        """Return an entry by its ID."""
        query = f"SELECT {_COLUMNS} FROM changes WHERE id = ?"
        return _parse_entry(self._connection.execute(query, (entry_id,)).fetchone())

    def unsettled_entries(self) -> list[Entry]:
        """Return the changes that were interrupted."""
        query = f"SELECT {_COLUMNS} FROM changes WHERE state IN {_UNSETTLED} ORDER BY id"
        return [_parse_entry(row) for row in self._connection.execute(query)]

    def written_ids(self, run: int) -> list[int]:
        """Return the IDs of the changes of a run that are in place, the latest first."""
        query = "SELECT id FROM changes WHERE run = ? AND state = ? ORDER BY id DESC"
        return [entry_id for (entry_id,) in self._connection.execute(query, (run, State.WRITTEN))]

    def patch(self, entry: Entry) -> bytes:
        """Return the reverse patch from the new file to the old one."""
        query = "SELECT patch FROM changes WHERE id = ?"
        (content,) = self._connection.execute(query, (entry.id,)).fetchone()
        return bytes(content)

    def current_path(self, entry: Entry) -> Path:
        """Return the present path of the file by the catalog: a scan may have found that it moved."""
        query = "SELECT path FROM tracks WHERE id = ?"
        row = self._connection.execute(query, (entry.track,)).fetchone()
        return path_from_bytes(row["path"]).resolve() if row else entry.path

    def runs(self) -> list[TaggingRun]:
        """Return the runs that wrote tags, the latest first."""
        rows = self._connection.execute(
            "SELECT runs.id, began, options, sum(state = ?) AS written, sum(state = ?) AS undone FROM runs"
            " LEFT JOIN changes ON run = runs.id GROUP BY runs.id ORDER BY runs.id DESC",
            (State.WRITTEN, State.UNDONE),
        )
        return [
            TaggingRun(row["id"], row["began"], json.loads(row["options"]), row["written"] or 0, row["undone"] or 0)
            for row in rows
        ]

    def last_run(self, before: int | None = None) -> int:
        """Return the ID of the latest run with changes in place, among the runs before another if given.

        Raises:
            NoTracksError: no run has changes in place.
        """
        for run in self.runs():
            if run.written and (before is None or run.id < before):
                return run.id
        raise NoTracksError("no tags were written that could be undone; `genrelens library undo --list` lists the runs")

    def later_run(self, entry: Entry) -> int | None:
        """Return the ID of the latest run that changed the same file after this change and was not undone."""
        (run,) = self._connection.execute(
            "SELECT MAX(run) FROM changes WHERE id > ? AND state = ? AND (track = ? OR path = ?)",
            (entry.id, State.WRITTEN, entry.track, path_to_bytes(entry.path)),
        ).fetchone()
        return None if run is None else int(run)

    def _write(self, query: str, *values: object) -> int:
        """Execute one statement in a transaction, and return the ID of the row that it inserted, if any."""
        with self._catalog.transaction() as connection:
            return connection.execute(query, values).lastrowid or 0

    def _tracks_of_file(self, entry: Entry, stamp: FileStamp) -> set[int]:
        """Return the changed track, and the tracks with this stamp that are links to its file."""
        file = self.current_path(entry)
        query = "SELECT id, path FROM tracks WHERE (size, mtime_ns) = (?, ?)"
        rows = self._connection.execute(query, stamp)
        return {entry.track, *(row["id"] for row in rows if path_from_bytes(row["path"]).resolve() == file)}


def _parse_entry(row: sqlite3.Row) -> Entry:
    return Entry(
        id=row["id"],
        run=row["run"],
        track=row["track"],
        path=path_from_bytes(row["path"]),
        partial=path_from_bytes(row["partial"]),
        state=State(row["state"]),
        old_genres=tuple(json.loads(row["old_genres"])),
        new_genres=tuple(json.loads(row["new_genres"])),
        old_stamp=FileStamp(row["old_size"], row["old_mtime_ns"]),
        new_stamp=None if row["new_size"] is None else FileStamp(row["new_size"], row["new_mtime_ns"]),
        old_hash=row["old_hash"] or "",
        new_hash=row["new_hash"] or "",
    )
