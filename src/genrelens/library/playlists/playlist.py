"""Playlists: selection of tracks by similarity or at random, and their order."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np

from genrelens.errors import NoTracksError
from genrelens.library.catalog.catalog import Catalog
from genrelens.library.catalog.lookup import require_matching_ids
from genrelens.library.catalog.tracks import ClassifiedTrack, TrackQuery, load_tracks
from genrelens.library.playlists.ordering import separate_artists, smooth_order
from genrelens.library.similarity.embeddings import iter_embeddings, main_embedding_model, normalise
from genrelens.library.similarity.neighbours import open_index, rank_by_similarity, require_embedding_model
from genrelens.library.tags.track_info import TrackName, read_track_name

_MAX_MISFITS = 200  # successive tracks longer than the remaining time, after which a playlist counts as full
_MAX_ORDERED = 1000  # tracks ordered at a time, as all distances between them are needed
_BATCH_TRACKS = 64  # tracks loaded at a time


@dataclass(frozen=True)
class PlaylistRequest:
    """The options of a playlist.

    Attributes:
        query: selection of the tracks that it may contain.
        minutes: maximum duration.
        similar_to: track that it should sound like, loaded with its embedding; None to draw tracks at random.
        smooth: whether neighbours should be similar.
        seed: seed of the random draw; None for a different draw each time.
    """

    query: TrackQuery
    minutes: float
    similar_to: ClassifiedTrack | None = None
    smooth: bool = False
    seed: int | None = None


@dataclass(frozen=True)
class PlaylistItem:
    """A track of a playlist, with the title and artist to display."""

    track: ClassifiedTrack
    name: TrackName

    @property
    def seconds(self) -> float:
        """Duration in seconds."""
        return self.track.prediction.duration


def make_playlist(catalog: Catalog, request: PlaylistRequest) -> list[PlaylistItem]:
    """Select and order the tracks of a playlist.

    Tracks are taken in order of similarity, or as drawn, while they fit into the minutes; a track that does not fit is
    skipped for the next that does, so the playlist is never too long. `similar_to` comes first if it matches the
    query. The number of tracks by one artist is limited so that no artist appears twice in a row, unless there are no
    others.

    Raises:
        NoTracksError: no track matches, or all are too long.
    """
    allowed = require_matching_ids(catalog, request.query)
    items = _select(_iter_candidates(catalog, request, allowed), 60 * request.minutes)
    if not items:
        raise NoTracksError("every matching track is too long for the playlist; allow more minutes")
    artists = [item.name.artist for item in items]
    order = _smooth(items, artists) if request.smooth else separate_artists(list(range(len(items))), artists)
    return [items[index] for index in order]


def _iter_candidates(catalog: Catalog, request: PlaylistRequest, allowed: list[int]) -> Iterator[PlaylistItem]:
    """Yield candidates, best first; their tags are read only as they are needed."""
    if request.similar_to:
        ids = _rank_similar(catalog, request.similar_to, set(allowed))
    else:
        ids = iter(_shuffle(catalog, request, allowed))
    while batch := list(islice(ids, _BATCH_TRACKS)):
        for track in load_tracks(catalog, batch, embeddings=request.smooth):
            yield PlaylistItem(track, read_track_name(track.path))


def _rank_similar(catalog: Catalog, track: ClassifiedTrack, allowed: set[int]) -> Iterator[int]:
    """Yield the allowed ids by similarity to a track, starting with the track itself if it is allowed."""
    if track.id in allowed:
        yield track.id
    remaining = allowed - {track.id}
    index = open_index(catalog, require_embedding_model(track), allowed | {track.id})
    for track_id, _ in rank_by_similarity(track, index):
        if track_id in remaining:
            remaining.remove(track_id)
            yield track_id
        if not remaining:
            return


def _shuffle(catalog: Catalog, request: PlaylistRequest, allowed: list[int]) -> list[int]:
    """Return the ids in the seed's random order; for a smooth playlist, only those with comparable embeddings."""
    if request.smooth:
        batches = iter_embeddings(catalog, main_embedding_model(catalog))
        comparable = {int(track_id) for ids, _ in batches for track_id in ids}
        allowed = [track_id for track_id in allowed if track_id in comparable]
    return [int(track_id) for track_id in np.random.default_rng(request.seed).permutation(allowed)]


def _select(candidates: Iterable[PlaylistItem], seconds: float) -> list[PlaylistItem]:
    """Select candidates for a duration; tracks of a frequent artist are postponed until others separate them."""
    selection = _Selection(seconds)
    postponed: list[PlaylistItem] = []
    misfits = 0
    for item in candidates:
        if not selection.fits(item):
            misfits += 1
            if misfits == _MAX_MISFITS:
                break
        elif selection.can_separate(item):
            misfits = 0
            selection.add(item)
            while ready := next((p for p in postponed if selection.fits(p) and selection.can_separate(p)), None):
                postponed.remove(ready)
                selection.add(ready)
        else:
            postponed.append(item)
    else:  # all candidates are used up: better the same artist than a shorter playlist
        for item in postponed:
            if selection.fits(item):
                selection.add(item)
    return selection.items


class _Selection:
    """The tracks selected so far, with the remaining time and the number of tracks by each artist."""

    def __init__(self, seconds: float) -> None:
        self.items: list[PlaylistItem] = []
        self._remaining_seconds = seconds
        self._counts = Counter[str | None]()

    def add(self, item: PlaylistItem) -> None:
        self.items.append(item)
        self._remaining_seconds -= item.seconds
        self._counts[item.name.artist] += 1

    def fits(self, item: PlaylistItem) -> bool:
        return item.seconds <= self._remaining_seconds

    def can_separate(self, item: PlaylistItem) -> bool:
        """Return whether the tracks, of which the first stays first, can still be ordered with artists separated."""
        artist = item.name.artist
        if artist is None:
            return True
        positions = len(self.items) + 1
        if self.items and self.items[0].name.artist != artist:
            positions -= 1
        return self._counts[artist] + 1 <= (positions + 1) // 2


def _smooth(items: list[PlaylistItem], artists: list[str | None]) -> list[int]:
    """Return a smooth order of all items; a long playlist is ordered in sections, each continuing from the last."""
    rows = normalise(np.stack([np.asarray(item.track.embedding) for item in items]))
    path = [0]
    for start in range(1, len(items), _MAX_ORDERED):
        section = [path[-1], *range(start, min(start + _MAX_ORDERED, len(items)))]
        order = smooth_order(1 - rows[section] @ rows[section].T, [artists[index] for index in section])
        path += [section[index] for index in order[1:]]
    return separate_artists(path, artists)  # a section may have too few other artists to separate one
