"""The audio files below a folder, as they are come upon, with size and time of change."""

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from genrelens.audio.containers import is_called_audio
from genrelens.errors import AudioNotFoundError, AudioUnreadableError, shown
from genrelens.library.catalog.tracks import Stamp


@dataclass(frozen=True)
class Unread:
    """A folder or file that cannot be looked into, and the system's reason."""

    path: str
    reason: str

    def __str__(self) -> str:
        return f"{shown(self.path)} cannot be read ({self.reason}); what is known of it stays as it was"


def walk(folder: str, refuse: Callable[[Unread], None]) -> Iterator[tuple[str, Stamp]]:
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
                    elif is_called_audio(entry.name) and (stamp := _stamp(entry, refuse)):
                        yield entry.path, stamp
        except FileNotFoundError:
            continue  # it was taken away meanwhile
        except OSError as error:
            refuse(Unread(place, error.strerror or str(error)))


def _check(folder: str) -> None:
    try:
        os.scandir(folder).close()
    except FileNotFoundError as error:
        raise AudioNotFoundError(
            f"{shown(folder)} does not exist; check the path, or whether its disk is there"
        ) from error
    except NotADirectoryError as error:
        raise AudioUnreadableError(f"{shown(folder)} is not a folder; give the one that it is in") from error
    except OSError as error:
        raise AudioUnreadableError(
            f"{shown(folder)} cannot be read ({error.strerror}); check its permissions"
        ) from error


def _stamp(entry: os.DirEntry[str], refuse: Callable[[Unread], None]) -> Stamp | None:
    try:
        status = entry.stat()
    except FileNotFoundError:  # a link to nothing
        return None
    except OSError as error:
        refuse(Unread(entry.path, error.strerror or str(error)))
        return None
    return Stamp.told_by(status) if stat.S_ISREG(status.st_mode) else None
