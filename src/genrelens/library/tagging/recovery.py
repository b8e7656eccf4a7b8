"""What a run left undecided when it was ended: told by comparing files with the journal."""

import contextlib
from pathlib import Path

from genrelens.library.catalog.catalog import Catalog
from genrelens.library.tagging import atomic_replace, journal
from genrelens.library.tagging.journal import Entry


def recover(catalog: Catalog) -> None:
    """Settle each change that was under way, and remove the files that were not finished. Call it locked."""
    for entry in journal.unsettled(catalog):
        places = {entry.path, journal.path_now(catalog, entry)}  # it may have been moved since
        if not any(place.parent.exists() for place in places):  # on a disk that is not there now
            continue
        for place in places:
            with contextlib.suppress(OSError):
                place.with_name(entry.partial.name).unlink(missing_ok=True)
        _settle(catalog, entry, {_hash(place) for place in places})


def _settle(catalog: Catalog, entry: Entry, found: set[str | None]) -> None:
    """What undoes a change is forgotten only where the old file is there, and not where no file can be read."""
    if entry.state == "undoing" and entry.old_hash not in found:
        journal.still_written(catalog, entry)
    elif entry.state == "undoing":
        journal.settle(catalog, entry, "undone")
    elif entry.state == "prepared" and (entry.new_hash in found or entry.old_hash not in found):
        journal.settle(catalog, entry, "written")
    else:
        journal.forget(catalog, entry.id)


def _hash(path: Path) -> str | None:
    try:
        return atomic_replace.sha256(path)
    except OSError:
        return None
