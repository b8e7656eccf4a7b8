"""Writing genres to one file so that nothing is lost, whenever the process ends.

The new file is made alongside the old one, compared with it, and recorded in the journal with its reverse patch before
it replaces the old file. Until then the old file is not touched.
"""

import hashlib
import os
from pathlib import Path

from genrelens.audio.containers import SeekTolerantFile
from genrelens.audio.decoder import AudioReader
from genrelens.errors import TagsUnwritableError, display_name
from genrelens.library.catalog.tracks import ClassifiedTrack, FileStamp
from genrelens.library.tagging import atomic_replace
from genrelens.library.tagging.journal import Entry, Journal, State
from genrelens.library.tagging.patches import apply_patch, reverse_patch
from genrelens.library.tagging.plan import PlannedChange
from genrelens.library.tags import genre_tags
from genrelens.library.tags.profiles import PROFILES, ProfileName

_RATE = 22_050  # Hz; required by the reader, but without effect on the digest of encoded packets


def safe_write(
    journal: Journal, run: int, track: ClassifiedTrack, change: PlannedChange, profile: ProfileName, *, keep_times: bool
) -> None:
    """Write a planned change to its file; for a symbolic link, to its target. The journal must be locked.

    After each error, the file is unchanged.

    Raises:
        FileChangedError: the file was changed since it was classified.
        TagsUnreadableError, TagsUnwritableError, AudioError: the genres cannot be written to this file.
        OSError: the system refuses.
    """
    path = track.path.resolve()
    atomic_replace.check_writable(path)
    atomic_replace.check_unchanged(path, track.stamp, "classified")
    partial = atomic_replace.partial_path(path)
    entry = journal.begin(run, track.id, path, partial, change.old, change.new)
    try:
        atomic_replace.create_partial(partial)
        genre_tags.write(path, partial, change.new, change.own, PROFILES[profile])
        _check_same_audio(path, partial)
        atomic_replace.copy_metadata(path, partial, track.stamp.mtime_ns if keep_times else None)
        old_hash, new_hash = atomic_replace.sha256(path), atomic_replace.sha256(partial)
        patch = reverse_patch(path, partial)
        _check_patch(path, partial, patch, old_hash)
        entry = journal.prepare(entry, FileStamp.from_path(partial), old_hash, new_hash, patch)
        atomic_replace.check_unchanged(path, track.stamp, "classified")
    except BaseException:
        partial.unlink(missing_ok=True)
        journal.discard(entry)
        raise
    _replace(journal, entry)


def _replace(journal: Journal, entry: Entry) -> None:
    """Replace the old file. If this is interrupted, the next run recovers by comparing files with the journal."""
    try:
        atomic_replace.replace(entry.partial, entry.path)
    except OSError:
        entry.partial.unlink(missing_ok=True)
        journal.discard(entry)
        raise
    journal.settle(entry, State.WRITTEN)


def _check_same_audio(old: Path, new: Path) -> None:
    if _audio_digest(old, name=old) != _audio_digest(new, name=old):
        raise TagsUnwritableError(f"the audio of {display_name(old)} would change with its tags; nothing was changed")


def _audio_digest(file: Path, *, name: Path) -> str:
    """Return the digest of the encoded audio, opened as `name`: FFmpeg uses the extension to detect the format."""
    with SeekTolerantFile.open_path(file, os.fspath(name)) as opened, AudioReader(opened, _RATE) as reader:
        return reader.digest()


def _check_patch(old: Path, new: Path, patch: bytes, old_hash: str) -> None:
    restored = hashlib.sha256()
    for chunk in apply_patch(new, patch):
        restored.update(chunk)
    if restored.hexdigest() != old_hash:
        raise TagsUnwritableError(f"the change to {display_name(old)} could not be undone; nothing was changed")
