"""Recursive search for audio files, with size and modification time."""

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from genrelens.audio.containers import has_audio_extension
from genrelens.errors import AudioNotFoundError, AudioUnreadableError, display_name
from genrelens.library.catalog.tracks import FileStamp


@dataclass(frozen=True)
class UnreadablePath:
    """A folder or file that cannot be read, and the system's reason."""

    path: str
    reason: str

    def __str__(self) -> str:
        return f"{display_name(self.path)} cannot be read ({self.reason}); its entries in the catalog are unchanged"


def walk_audio_files(folder: str, on_unreadable: Callable[[UnreadablePath], None]) -> Iterator[tuple[str, FileStamp]]:
    """Yield each audio file below a folder, in no particular order; links to folders are not followed.

    One entry is held at a time, and file types come from the directory listing rather than from further system calls.

    Args:
        folder: absolute path of the folder.
        on_unreadable: called with each folder or file that cannot be read and is skipped.

    Raises:
        AudioNotFoundError: the folder itself is missing.
        AudioUnreadableError: the folder itself cannot be read, or is not a folder.
    """
    _check_folder(folder)
    pending = [folder]
    while pending:
        current = pending.pop()
        try:
            with os.scandir(current) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(entry.path)
                    elif has_audio_extension(entry.name) and (stamp := _stamp(entry, on_unreadable)):
                        yield entry.path, stamp
        except FileNotFoundError:
            continue  # removed in the meantime
        except OSError as error:
            on_unreadable(UnreadablePath(current, error.strerror or str(error)))


def _check_folder(folder: str) -> None:
    try:
        os.scandir(folder).close()
    except FileNotFoundError as error:
        raise AudioNotFoundError(
            f"{display_name(folder)} does not exist; check the path, or whether its disk is mounted"
        ) from error
    except NotADirectoryError as error:
        raise AudioUnreadableError(f"{display_name(folder)} is not a folder; give its parent folder") from error
    except OSError as error:
        raise AudioUnreadableError(
            f"{display_name(folder)} cannot be read ({error.strerror}); check its permissions"
        ) from error


def _stamp(entry: os.DirEntry[str], on_unreadable: Callable[[UnreadablePath], None]) -> FileStamp | None:
    """Return the stamp of a regular file, or None for anything else."""
    try:
        status = entry.stat()
    except FileNotFoundError:  # a broken link
        return None
    except OSError as error:
        on_unreadable(UnreadablePath(entry.path, error.strerror or str(error)))
        return None
    return FileStamp.from_stat(status) if stat.S_ISREG(status.st_mode) else None
