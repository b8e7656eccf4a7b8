"""Recovery of an interrupted run: each unsettled change is resolved by comparing the file with the journal."""

import contextlib
from pathlib import Path

from genrelens.library.tagging import atomic_replace
from genrelens.library.tagging.journal import Entry, Journal, State


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
