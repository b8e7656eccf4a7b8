"""One file's genres written so that nothing is lost, whenever the process ends.

The new file is made beside the old one, compared with it, and journalled with what undoes it, before it takes the old
one's place. Until then the old file is not touched.
"""

import hashlib
import os
from pathlib import Path

from genrelens.audio.containers import SeekTolerantFile
from genrelens.audio.decoder import AudioReader
from genrelens.errors import TagsUnwritableError, display_name
from genrelens.library.catalog.catalog import Catalog
from genrelens.library.catalog.tracks import ClassifiedTrack, FileStamp
from genrelens.library.tagging import atomic_replace, journal
from genrelens.library.tagging.patches import patched, reverse_patch
from genrelens.library.tagging.plan import Change
from genrelens.library.tags import genre_tags
from genrelens.library.tags.profiles import PROFILES, ProfileName

_RATE = 22_050  # Hz; packets are compared, so that it does not matter


def rewrite(
    catalog: Catalog, run: int, track: ClassifiedTrack, change: Change, profile: ProfileName, *, keep_times: bool
) -> None:
    """Write a planned change into its file; of a symbolic link, into the file that it leads to.

    Raises:
        FileChangedError: the file is not as it was when it was judged.
        TagsUnreadableError, TagsUnwritableError, AudioError: it cannot be written as asked.
        OSError: the system refuses; for each error, the file is as it was.
    """
    path = track.path.resolve()
    atomic_replace.refuse_read_only(path)
    atomic_replace.refuse_changed(path, track.stamp, "judged")
    partial = atomic_replace.partial_of(path)
    number = journal.begin(catalog, run, track.id, path, partial, (change.old, change.new))
    try:
        atomic_replace.begin(partial)
        genre_tags.write(path, partial, change.new, change.own, PROFILES[profile])
        _refuse_other_audio(path, partial)
        atomic_replace.take_over(path, partial, track.stamp.mtime_ns if keep_times else None)
        hashes = atomic_replace.sha256(path), atomic_replace.sha256(partial)
        patch = reverse_patch(path, partial)
        _refuse_lossy(path, partial, patch, hashes[0])
        journal.prepare(catalog, number, FileStamp.from_path(partial), hashes, patch)
        atomic_replace.refuse_changed(path, track.stamp, "judged")
    except BaseException:
        partial.unlink(missing_ok=True)
        journal.forget(catalog, number)
        raise
    _replace(catalog, number, partial, path)


def _replace(catalog: Catalog, number: int, partial: Path, path: Path) -> None:
    """Let the new file take its place. What interrupts this is settled by comparing files when the next run begins."""
    try:
        atomic_replace.swap(partial, path)
    except OSError:
        partial.unlink(missing_ok=True)
        journal.forget(catalog, number)
        raise
    journal.settle(catalog, journal.entry(catalog, number), "written")


def _refuse_other_audio(old: Path, new: Path) -> None:
    if _digest(old, old) != _digest(new, old):
        raise TagsUnwritableError(f"the audio of {display_name(old)} would change with its tags; nothing was changed")


def _digest(file: Path, name: Path) -> str:
    """Of the encoded audio; under one name, as FFmpeg looks at its end when it tells a format."""
    with SeekTolerantFile.open_path(file, os.fspath(name)) as opened, AudioReader(opened, _RATE) as track:
        return track.digest()


def _refuse_lossy(old: Path, new: Path, patch: bytes, old_hash: str) -> None:
    sink = _Hash()
    patched(new, patch, sink)
    if sink.digest.hexdigest() != old_hash:
        raise TagsUnwritableError(f"the change of {display_name(old)} could not be undone; nothing was changed")


class _Hash:
    """A file that only its hash is wanted of."""

    def __init__(self) -> None:
        self.digest = hashlib.sha256()

    def write(self, content: bytes, /) -> None:
        self.digest.update(content)
