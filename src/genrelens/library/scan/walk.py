"""The audio files below a folder, as they are come upon, with size and time of change."""

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from genrelens.audio.containers import has_audio_extension
from genrelens.errors import AudioNotFoundError, AudioUnreadableError, display_name
from genrelens.library.catalog.tracks import FileStamp


@dataclass(frozen=True)
class UnreadablePath:
    """A folder or file that cannot be looked into, and the system's reason."""

    path: str
    reason: str

    def __str__(self) -> str:
        return f"{display_name(self.path)} cannot be read ({self.reason}); what is known of it stays as it was"


def walk_audio_files(folder: str, refuse: Callable[[UnreadablePath], None]) -> Iterator[tuple[str, FileStamp]]:
    """Yield each audio file below a folder, in no order; links to folders are not followed.

    One entry is held at a time, and what the system tells of an entry anyway is not asked for again.

    Args:
        folder: absolute.
        refuse: told of what cannot be looked into, and is then left out.

    Raises:
        AudioNotFoundError, AudioUnreadableError: it is the folder itself.
    """
    _check(folder)
    waiting = [folder]
    while waiting:
        place = waiting.pop()
        try:
            with os.scandir(place) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    elif has_audio_extension(entry.name) and (stamp := _stamp(entry, refuse)):
                        yield entry.path, stamp
        except FileNotFoundError:
            continue  # it was taken away meanwhile
        except OSError as error:
            refuse(UnreadablePath(place, error.strerror or str(error)))


def _check(folder: str) -> None:
    try:
        os.scandir(folder).close()
    except FileNotFoundError as error:
        raise AudioNotFoundError(
            f"{display_name(folder)} does not exist; check the path, or whether its disk is there"
        ) from error
    except NotADirectoryError as error:
        raise AudioUnreadableError(f"{display_name(folder)} is not a folder; give the one that it is in") from error
    except OSError as error:
        raise AudioUnreadableError(
            f"{display_name(folder)} cannot be read ({error.strerror}); check its permissions"
        ) from error


def _stamp(entry: os.DirEntry[str], refuse: Callable[[UnreadablePath], None]) -> FileStamp | None:
    try:
        status = entry.stat()
    except FileNotFoundError:  # a link to nothing
        return None
    except OSError as error:
        refuse(UnreadablePath(entry.path, error.strerror or str(error)))
        return None
    return FileStamp.from_stat(status) if stat.S_ISREG(status.st_mode) else None
