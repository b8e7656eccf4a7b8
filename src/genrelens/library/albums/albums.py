"""Albums: groups of tracks by folder and tags, each with its consensus."""

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
TagReader = Callable[[Path], AlbumTags]

# A disc's folder inside the album's folder (CD1, Disc 2 - Live), or one next to the other discs' (Album (CD 2)).
_DISC = re.compile(r"(?:cd|disc|disk)[ _.-]*\d{1,2}\b.*", re.IGNORECASE)
_WITH_DISC = re.compile(r"(.+?)[ _-]+[\[(]?(?:cd|disc|disk)[ _.-]*\d{1,2}[\])]?", re.IGNORECASE)


@dataclass(frozen=True)
class Album:
    """Tracks that belong together.

    Attributes:
        folder: folder of the tracks; for several discs, the folder that contains them or that they are named after.
        name: name from the tags, or else of the folder.
        artist: album artist from the tags; empty if missing.
        tracks: tracks ordered by path, without segments.
        is_compilation: whether it is a compilation; those have no consensus, as their artists' genres differ.
        consensus: common prediction of the tracks, if they agree.
        outliers: tracks whose genre differs from the consensus by a clear margin.
    """

    folder: Path
    name: str
    artist: str
    tracks: tuple[ClassifiedTrack, ...]
    is_compilation: bool
    consensus: Consensus | None
    outliers: tuple[ClassifiedTrack, ...]


def iter_tracks_by(grouping: Grouping, catalog: Catalog, query: TrackQuery) -> Iterator[ClassifiedTrack]:
    """Yield the tracks that match a query, each with its own prediction or with its album's.

    Grouped by album, the query's genre and confidence apply to the album's prediction, which is computed from all
    tracks below the query's path.
    """
    if grouping == "track":
        yield from iter_tracks(catalog, query)
        return
    for track in apply_album_genres(iter_tracks(catalog, TrackQuery(path=query.path))):
        prediction = track.prediction
        if prediction.confidence >= query.min_confidence and query.genre in (None, *prediction.genres):
            yield track


def iter_albums(tracks: Iterable[ClassifiedTrack], read_tags: TagReader = read_album_tags) -> Iterator[Album]:
    """Group tracks, ordered by path as bytes, into albums.

    The tracks of a folder, and of an album's discs, are separated by their tags (album and album artist) if all of
    them have these; otherwise the folder is the album. Tracks of an album that is spread over other folders are not
    merged: that would need the whole library in memory. As it is, only unfinished folders are held.
    """
    open_folders: dict[Path, _AlbumFolder] = {}
    for track in tracks:
        path = os.fspath(track.path)
        for finished in [home for home, folder in open_folders.items() if not path.startswith(folder.prefix)]:
            yield from _split_by_tags(finished, open_folders.pop(finished).tracks, read_tags)
        home, prefix = _album_folder(track.path.parent)
        compact = replace(track, prediction=track.prediction.model_copy(update={"segments": ()}))
        open_folders.setdefault(home, _AlbumFolder(prefix, [])).tracks.append(compact)
    for home, folder in open_folders.items():
        yield from _split_by_tags(home, folder.tracks, read_tags)


def apply_album_genres(
    tracks: Iterable[ClassifiedTrack], read_tags: TagReader = read_album_tags
) -> Iterator[ClassifiedTrack]:
    """Yield the same tracks with the prediction of their album, if it has a consensus, or else their own.

    An unknown track of such an album gets the album's prediction too: an intro is part of its record.
    """
    for album in iter_albums(tracks, read_tags):
        for track in album.tracks:
            yield track if album.consensus is None else _with_consensus(track, album.consensus)


@dataclass(frozen=True)
class _AlbumFolder:
    """Tracks of an album's folder, complete once a path does not start with `prefix`."""

    prefix: str
    tracks: list[ClassifiedTrack]


def _album_folder(folder: Path) -> tuple[Path, str]:
    """Return the folder that represents an album, and the prefix of all paths that can belong to the album."""
    if _DISC.fullmatch(folder.name):
        return folder.parent, os.fspath(folder.parent) + os.sep
    if match := _WITH_DISC.fullmatch(folder.name):
        home = folder.with_name(match[1])
        return home, os.fspath(home)
    return folder, os.path.join(folder, "")  # noqa: PTH118 (pathlib drops the last separator)


def _split_by_tags(home: Path, tracks: list[ClassifiedTrack], read_tags: TagReader) -> Iterator[Album]:
    tags = [read_tags(track.path) for track in tracks]
    all_named = all(tag.album for tag in tags)
    all_credited = all_named and all(tag.album_artist for tag in tags)
    groups: dict[tuple[str, str], list[int]] = {}
    for index, tag in enumerate(tags):
        name = _without_disc(tag.album).casefold() if all_named else ""
        groups.setdefault((name, tag.album_artist.casefold() if all_credited else ""), []).append(index)
    for indices in groups.values():
        yield _build_album(home, [tracks[index] for index in indices], [tags[index] for index in indices], all_named)


def _build_album(home: Path, tracks: list[ClassifiedTrack], tags: list[AlbumTags], named_by_tags: bool) -> Album:
    compilation = is_compilation(tags)
    agreed = None if compilation else consensus([track.prediction for track in tracks])
    return Album(
        folder=home,
        name=_without_disc(tags[0].album) if named_by_tags else home.name,
        artist=tags[0].album_artist,
        tracks=tuple(tracks),
        is_compilation=compilation,
        consensus=agreed,
        outliers=tuple(track for track in tracks if agreed and is_outlier(track.prediction, agreed)),
    )


def _without_disc(name: str) -> str:
    """Return an album name without a disc number."""
    match = _WITH_DISC.fullmatch(name)
    return match[1] if match else name


def _with_consensus(track: ClassifiedTrack, album: Consensus) -> ClassifiedTrack:
    update = {"genre": album.genres[0], "genres": album.genres, "confidence": album.confidence, "scores": album.scores}
    return replace(track, prediction=track.prediction.model_copy(update=update))
