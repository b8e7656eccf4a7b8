"""A library by albums: which tracks belong together, and what they say together."""

import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from genrelens.library.albums.consensus import Consensus, consensus, is_outlier
from genrelens.library.catalog.catalog import Catalog
from genrelens.library.catalog.tracks import ClassifiedTrack, TrackQuery, iter_tracks
from genrelens.library.tags.track_info import AlbumTags, is_compilation, read_album_tags

Grouping = Literal["track", "album"]

# A folder of one disc within the album's (CD1, Disc 2 - Live), and one beside that of the next disc (Album (CD 2)).
_DISC = re.compile(r"(?:cd|disc|disk)[ _.-]*\d{1,2}\b.*", re.IGNORECASE)
_WITH_DISC = re.compile(r"(.+?)[ _-]+[\[(]?(?:cd|disc|disk)[ _.-]*\d{1,2}[\])]?", re.IGNORECASE)


@dataclass(frozen=True)
class Album:
    """Tracks that belong together.

    Attributes:
        folder: that they are in, or that the folders of the discs are in or named after.
        name: by the tags, or the folder's.
        artist: by the tags, if they have it.
        tracks: by path, without segments.
        various: whether it is a compilation; those have no consensus, as each artist has a genre of his own.
        consensus: what all tracks say together, if they agree.
        outliers: tracks that are told something else, with a margin.
    """

    folder: Path
    name: str
    artist: str
    tracks: tuple[ClassifiedTrack, ...]
    is_compilation: bool
    consensus: Consensus | None
    outliers: tuple[ClassifiedTrack, ...]


def iter_tracks_by(by: Grouping, catalog: Catalog, query: TrackQuery) -> Iterator[ClassifiedTrack]:
    """The tracks that a query means, each with its own answer or with its album's; by album, that one counts.

    An album is then judged by all of its tracks below the query's path.
    """
    if by == "track":
        yield from iter_tracks(catalog, query)
        return
    for track in apply_album_genres(iter_tracks(catalog, TrackQuery(path=query.path))):
        told = track.prediction
        if told.confidence >= query.min_confidence and query.genre in (None, *told.genres):
            yield track


def iter_albums(tracks: Iterable[ClassifiedTrack], tags: Callable[[Path], AlbumTags] = read_album_tags) -> Iterator[Album]:
    """Put tracks together to albums.

    The tracks of a folder, and of the discs of one album, are split by their tags (album, and album artist) if all
    of them have these; else the folder is the album. Tracks of an album that is spread over other folders are not
    brought together: that would need all of the library in memory. As it is, only folders that are not read to
    their end are held.

    Args:
        tracks: in the order of their paths, compared as bytes.
        tags: of a file.
    """
    held: dict[Path, _Folder] = {}
    for one in tracks:
        path = os.fspath(one.path)
        for left in [home for home, folder in held.items() if not path.startswith(folder.prefix)]:
            yield from _split(left, held.pop(left).tracks, tags)
        home, prefix = _home(one.path.parent)
        lean = replace(one, prediction=one.prediction.model_copy(update={"segments": ()}))
        held.setdefault(home, _Folder(prefix, [])).tracks.append(lean)
    for home, folder in held.items():
        yield from _split(home, folder.tracks, tags)


def apply_album_genres(tracks: Iterable[ClassifiedTrack], tags: Callable[[Path], AlbumTags] = read_album_tags) -> Iterator[ClassifiedTrack]:
    """The same tracks, each with the answer of its album where there is one, and its own where there is not.

    An unknown track of an album that agrees gets the album's answer as well: an intro is part of its record.
    """
    for album in iter_albums(tracks, tags):
        for track in album.tracks:
            yield track if album.consensus is None else _answered(track, album.consensus)


@dataclass(frozen=True)
class _Folder:
    """Tracks of one home; more may come for as long as paths begin with `prefix`."""

    prefix: str
    tracks: list[ClassifiedTrack]


def _home(folder: Path) -> tuple[Path, str]:
    """Where the album of a folder is, and how all paths begin that can belong to it."""
    if _DISC.fullmatch(folder.name):
        return folder.parent, os.fspath(folder.parent) + os.sep
    if part := _WITH_DISC.fullmatch(folder.name):
        home = folder.with_name(part[1])
        return home, os.fspath(home)
    return folder, os.path.join(folder, "")  # noqa: PTH118 (pathlib drops the last separator)


def _split(home: Path, tracks: list[ClassifiedTrack], tags: Callable[[Path], AlbumTags]) -> Iterator[Album]:
    read = [tags(track.path) for track in tracks]
    by_tags = all(one.album for one in read)
    by_artist = all(one.album_artist for one in read)
    parts: dict[tuple[str, str], list[int]] = {}
    for place, one in enumerate(read):
        name = _without_disc(one.album).casefold() if by_tags else ""
        parts.setdefault((name, one.album_artist.casefold() if by_tags and by_artist else ""), []).append(place)
    for places in parts.values():
        yield _album(home, [tracks[place] for place in places], [read[place] for place in places], by_tags)


def _album(home: Path, tracks: list[ClassifiedTrack], read: list[AlbumTags], by_tags: bool) -> Album:
    various = is_compilation(read)
    agreed = None if various else consensus([track.prediction for track in tracks])
    return Album(
        folder=home,
        name=_without_disc(read[0].album) if by_tags else home.name,
        artist=read[0].album_artist,
        tracks=tuple(tracks),
        is_compilation=various,
        consensus=agreed,
        outliers=tuple(track for track in tracks if agreed and is_outlier(track.prediction, agreed)),
    )


def _without_disc(name: str) -> str:
    """The name of an album whose tags or folders tell its discs apart."""
    part = _WITH_DISC.fullmatch(name)
    return part[1] if part else name


def _answered(track: ClassifiedTrack, agreed: Consensus) -> ClassifiedTrack:
    answer = {
        "genre": agreed.genres[0],
        "genres": agreed.genres,
        "confidence": agreed.confidence,
        "scores": agreed.scores,
    }
    return replace(track, prediction=track.prediction.model_copy(update=answer))
