"""What is to be listened to and written: the albums and tracks that a beets query matches, or an import brings."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from beets.library import Album, Item


@dataclass(frozen=True)
class Job:
    """Tracks that are judged together.

    Attributes:
        heard: the tracks to listen to.
        chosen: those of them whose genres may be written.
        album: whose genres may be written too.
        united: whether each track gets the genres of all, where they agree.
    """

    heard: Sequence[Item]
    chosen: Sequence[Item]
    album: Album | None
    united: bool


def of_album(album: Album, items: Sequence[Item], source: str) -> Job:
    """An album with all of its tracks; the tracks of a compilation have genres of their own."""
    return Job(items, items, album, source == "album" and not album.comp)


def of_items(items: Iterable[Item], source: str) -> list[Job]:
    """Tracks, each for itself; or as its album says, which is listened to as a whole."""
    if source == "track":
        return [Job([item], [item], None, united=False) for item in items]
    together: dict[tuple[int | None, int | None], list[Item]] = {}
    for item in items:
        together.setdefault((item.album_id, None if item.album_id else item.id), []).append(item)
    return [_of_one_album(chosen) for chosen in together.values()]


def existing(model: Album | Item) -> list[str]:
    """The genres that a track has of its own, or an album."""
    own = model.get("genres", with_album=False) if isinstance(model, Item) else model.get("genres")
    return list(own or [])


def is_open(job: Job, force: bool) -> bool:
    """Whether something may be written: there is a track or an album without genres, or genres may be changed."""
    return force or not all(map(existing, job.chosen)) or (job.album is not None and not existing(job.album))


def _of_one_album(chosen: list[Item]) -> Job:
    album = chosen[0].get_album()
    if album is None or album.comp:
        return Job(chosen, chosen, None, united=False)
    return Job(list(album.items()), chosen, None, united=True)
