"""Files put back as they were before a run wrote into them, byte for byte."""

from collections.abc import Iterator
from pathlib import Path

from genrelens.errors import FileChangedError, GenrelensError, NoTracksError, display_name
from genrelens.library.catalog.catalog import Catalog
from genrelens.library.catalog.tracks import FileStamp
from genrelens.library.tagging import atomic_replace, journal
from genrelens.library.tagging.journal import Entry
from genrelens.library.tagging.patches import patched
from genrelens.library.tagging.recovery import recover
from genrelens.prediction import PathText, Record


class Undone(Record):
    """What became of one file: put back from `old` to `new` genres, or left as it is and why."""

    path: PathText
    old: tuple[str, ...]
    new: tuple[str, ...]
    failure: PathText | None = None


def undo(catalog: Catalog, run: int | None = None) -> Iterator[Undone]:
    """Put the files of a run back, the last first; of the last run that stands, if none is given.

    A file that was changed since is left as it is, and told of. A file that was moved, and found again by a scan, is
    put back where it is now.

    Raises:
        LibraryBusyError: another run changes files of this catalog.
        NoTracksError: there is no such run, or nothing of it stands.
    """
    with journal.kept(catalog):
        recover(catalog)
        if run is None:
            run = journal.last_run(catalog)
        numbers = journal.written(catalog, run)
        if not numbers:
            raise NoTracksError(f"nothing that run {run} wrote stands; `genrelens library undo --list` tells the runs")
        for number in numbers:
            yield _undone(catalog, journal.entry(catalog, number))


def _undone(catalog: Catalog, entry: Entry) -> Undone:
    path = journal.path_now(catalog, entry)
    result = Undone(path=str(path), old=entry.new_genres, new=entry.old_genres)
    try:
        _put_back(catalog, entry, path)
    except GenrelensError as error:
        return result.model_copy(update={"failure": str(error)})
    except OSError as error:
        reason = error.strerror or error
        return result.model_copy(update={"failure": f"{display_name(path)} cannot be put back ({reason}); it is as it was"})
    return result


def _put_back(catalog: Catalog, entry: Entry, path: Path) -> None:
    atomic_replace.refuse_read_only(path)
    stamp = FileStamp.from_path(path)
    found = atomic_replace.sha256(path)
    if found == entry.old_hash:  # already, from a backup perhaps
        journal.settle(catalog, entry, "undone")
        return
    if found != entry.new_hash:
        if later := journal.later_run(catalog, entry):
            raise FileChangedError(f"{display_name(path)} was written by run {later} since; undo that one first")
        raise FileChangedError(f"{display_name(path)} was changed since its tags were written; it is left as it is")
    partial = atomic_replace.partial_of(path)
    journal.undoing(catalog, entry, path, partial)
    try:
        atomic_replace.begin(partial)
        with partial.open("wb") as file:
            patched(path, journal.patch(catalog, entry), file)
        if atomic_replace.sha256(partial) != entry.old_hash:
            raise FileChangedError(f"what is kept of {display_name(path)} is damaged; it is left as it is")
        atomic_replace.take_over(path, partial, entry.old.mtime_ns)
        atomic_replace.refuse_changed(path, stamp, "looked at")
        atomic_replace.swap(partial, path)
    except (GenrelensError, OSError):
        partial.unlink(missing_ok=True)
        journal.still_written(catalog, entry)
        raise
    journal.settle(catalog, entry, "undone")
