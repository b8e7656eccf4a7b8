"""Restoring files byte for byte as they were before a run changed them."""

from collections.abc import Iterator
from pathlib import Path

from genrelens.errors import FileChangedError, GenrelensError, NoTracksError, display_name
from genrelens.library.catalog.catalog import Catalog
from genrelens.library.catalog.tracks import FileStamp
from genrelens.library.tagging import atomic_replace
from genrelens.library.tagging.journal import Entry, Journal, State
from genrelens.library.tagging.patches import apply_patch
from genrelens.library.tagging.recovery import recover
from genrelens.prediction import PathText, Record


class UndoResult(Record):
    """The result for one file.

    Attributes:
        path: path of the file.
        old, new: genres before and after the undo.
        failure: why the file was left unchanged; None if it was restored.
    """

    path: PathText
    old: tuple[str, ...]
    new: tuple[str, ...]
    failure: PathText | None = None


def undo(catalog: Catalog, run: int | None = None) -> Iterator[UndoResult]:
    """Restore the files of a run, the latest change first, and yield the result for each.

    A file that was changed since is reported and left unchanged. A file that was moved, and found by a scan, is
    restored at its present path.

    Args:
        catalog: catalog with the journal.
        run: ID of the run; the latest one with changes in place if None.

    Raises:
        LibraryBusyError: another run changes files of this catalog.
        NoTracksError: the run does not exist, or none of its changes is in place.
    """
    journal = Journal(catalog)
    with journal.locked():
        recover(journal)
        if run is None:
            run = journal.last_run()
        entry_ids = journal.written_ids(run)
        if not entry_ids:
            raise NoTracksError(f"run {run} has nothing to undo; `genrelens library undo --list` lists the runs")
        for entry_id in entry_ids:
            yield _undo_entry(journal, journal.entry(entry_id))


def _undo_entry(journal: Journal, entry: Entry) -> UndoResult:
    path = journal.current_path(entry)
    result = UndoResult(path=str(path), old=entry.new_genres, new=entry.old_genres)
    try:
        _restore(journal, entry, path)
    except GenrelensError as error:
        return result.model_copy(update={"failure": str(error)})
    except OSError as error:
        reason = error.strerror or error
        failure = f"{display_name(path)} cannot be restored ({reason}); it is unchanged"
        return result.model_copy(update={"failure": failure})
    return result


def _restore(journal: Journal, entry: Entry, path: Path) -> None:
    atomic_replace.check_writable(path)
    stamp = FileStamp.from_path(path)
    file_hash = atomic_replace.sha256(path)
    if file_hash == entry.old_hash:  # restored already, perhaps from a backup
        journal.settle(entry, State.UNDONE)
        return
    if file_hash != entry.new_hash:
        if later := journal.later_run(entry):
            raise FileChangedError(f"{display_name(path)} was changed by run {later} since; undo that run first")
        raise FileChangedError(f"{display_name(path)} was changed since its tags were written; it is left unchanged")
    partial = atomic_replace.partial_path(path)
    journal.begin_undo(entry, path, partial)
    try:
        atomic_replace.create_partial(partial)
        with partial.open("wb") as file:
            apply_patch(path, journal.patch(entry), file)
        if atomic_replace.sha256(partial) != entry.old_hash:
            raise FileChangedError(f"the patch that restores {display_name(path)} is damaged; it is left unchanged")
        atomic_replace.copy_metadata(path, partial, entry.old_stamp.mtime_ns)
        atomic_replace.check_unchanged(path, stamp, "compared with the journal")
        atomic_replace.replace(partial, path)
    except (GenrelensError, OSError):
        partial.unlink(missing_ok=True)
        journal.cancel_undo(entry)
        raise
    journal.settle(entry, State.UNDONE)
