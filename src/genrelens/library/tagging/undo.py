"""Undo of a tagging run, which restores files byte for byte, and recovery of an interrupted run."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from genrelens.errors import FileChangedError, GenrelensError, NoTracksError, display_name
from genrelens.library.catalog.catalog import Catalog
from genrelens.library.catalog.tracks import FileStamp
from genrelens.library.tagging import atomic_replace
from genrelens.library.tagging.journal import Entry, Journal, State
from genrelens.library.tagging.patches import apply_patch
from genrelens.prediction import PathText, Record


class UndoResult(Record):
    """The genres of one file before and after the undo, or the reason why it was left unchanged."""

    path: PathText
    old: tuple[str, ...]
    new: tuple[str, ...]
    failure: PathText | None = None


def undo(catalog: Catalog, run: int | None = None) -> Iterator[UndoResult]:
    """Restore the files of a run, the latest change first, and yield the result for each.

    A file that was changed since is reported and left unchanged. A file that was moved, and found by a scan, is
    restored at its present path. By default, `run` is the latest one with changes in place.

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
        failure = f"{display_name(path)} cannot be restored ({error.strerror or error}); it is unchanged"
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
            file.writelines(apply_patch(path, journal.patch(entry)))
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


def recover(journal: Journal) -> None:
    """Settle each interrupted change, and delete incomplete files. The journal must be locked."""
    for entry in journal.unsettled_entries():
        places = {entry.path, journal.current_path(entry)}  # the file may have been moved since
        if not any(place.parent.exists() for place in places):  # on a disk that is not mounted now
            continue
        for place in places:
            with contextlib.suppress(OSError):
                place.with_name(entry.partial.name).unlink(missing_ok=True)
        _settle(journal, entry, {_try_sha256(place) for place in places})


def _settle(journal: Journal, entry: Entry, hashes: set[str | None]) -> None:
    """Settle a change by the hashes of the files found.

    A patch is discarded only if the old file is in place, never because no file can be read.
    """
    if entry.state is State.UNDOING and entry.old_hash not in hashes:
        journal.cancel_undo(entry)
    elif entry.state is State.UNDOING:
        journal.settle(entry, State.UNDONE)
    elif entry.state is State.PREPARED and (entry.new_hash in hashes or entry.old_hash not in hashes):
        journal.settle(entry, State.WRITTEN)
    else:
        journal.discard(entry)


def _try_sha256(path: Path) -> str | None:
    try:
        return atomic_replace.sha256(path)
    except OSError:
        return None
