"""Jobs of the plugin: the albums and tracks of a beets query or import that are classified and written together."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from beets.library import Album, Item


@dataclass(frozen=True)
class Job:
    """Tracks that are classified together.

    Attributes:
        tracks: the tracks to classify.
        writable: the tracks whose genres may be written.
        album: the album whose genres may be written too, if any.
        use_album_genres: whether each track gets the genres of the album, if its tracks agree.
    """

    tracks: Sequence[Item]
    writable: Sequence[Item]
    album: Album | None
    use_album_genres: bool


def album_job(album: Album, tracks: Sequence[Item], source: str) -> Job:
    """Return the job for an album with all of its tracks; the tracks of a compilation keep their own genres."""
    return Job(tracks, tracks, album, use_album_genres=source == "album" and not album.comp)


def track_jobs(tracks: Iterable[Item], source: str) -> list[Job]:
    """Return the jobs for single tracks: one per track or, if `source` is "album", one per album of the tracks."""
    if source == "track":
        return [Job([track], [track], None, use_album_genres=False) for track in tracks]
    by_album: dict[tuple[int | None, int | None], list[Item]] = {}
    for track in tracks:
        by_album.setdefault((track.album_id, None if track.album_id else track.id), []).append(track)
    return [_job_of_album_tracks(writable) for writable in by_album.values()]


def existing_genres(model: Album | Item) -> list[str]:
    """Return the genres of an album or a track, without those that a track inherits from its album."""
    genres = model.get("genres", with_album=False) if isinstance(model, Item) else model.get("genres")
    return list(genres or [])


def can_change(job: Job, force: bool) -> bool:
    """Return whether a job may write anything: a track or the album has no genres, or `force` allows changes."""
    album_is_empty = job.album is not None and not existing_genres(job.album)
    return force or album_is_empty or not all(map(existing_genres, job.writable))


def _job_of_album_tracks(writable: list[Item]) -> Job:
    album = writable[0].get_album()
    if album is None or album.comp:
        return Job(writable, writable, None, use_album_genres=False)
    return Job(list(album.items()), writable, None, use_album_genres=True)
