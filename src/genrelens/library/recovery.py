"""What a run left undecided when it was ended: told by comparing files with the journal."""

import contextlib
from pathlib import Path

from genrelens.library import journal, swap
from genrelens.library.catalog import Catalog
from genrelens.library.journal import Entry


def recover(catalog: Catalog) -> None:
    """Settle each change that was under way, and remove the files that were not finished. Call it locked."""
    for entry in journal.unsettled(catalog):
        if not entry.path.parent.exists():  # on a disk that is not there now
            continue
        with contextlib.suppress(OSError):
            entry.partial.unlink(missing_ok=True)
        _settle(catalog, entry)


def _settle(catalog: Catalog, entry: Entry) -> None:
    """The file is the old one or the new one, or somebody changed it since; then what undoes it is of no use."""
    found = _hash(entry.path)
    if entry.state == "undoing":
        if found == entry.old_hash:
            journal.settle(catalog, entry, "undone")
        else:
            journal.still_written(catalog, entry)
    elif entry.state == "prepared" and found == entry.new_hash:
        journal.settle(catalog, entry, "written")
    else:
        journal.forget(catalog, entry.id)


def _hash(path: Path) -> str | None:
    try:
        return swap.sha256(path)
    except OSError:
        return None
