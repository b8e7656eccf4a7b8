"""`/v1/library`: browse a music library, find similar tracks and stream audio; and the page for it.

All routes are read-only and identify tracks by number, so that only files in the catalog can be accessed.
"""

import mimetypes
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from fastapi import FastAPI, Query, Response
from fastapi import Path as PathParameter
from fastapi.responses import FileResponse, JSONResponse

from genrelens.errors import CatalogError, NoTracksError, TrackNotFoundError, display_name
from genrelens.library.catalog import browse
from genrelens.library.catalog.browse import TrackSearch
from genrelens.library.catalog.catalog import Catalog, ReadOnlyCatalog
from genrelens.web.core.auth import keyed_route
from genrelens.web.core.openapi import json_example
from genrelens.web.core.settings import Settings
from genrelens.web.routes import responses
from genrelens.web.routes.responses import LibraryDetails, LibraryMap, LibraryTracks, SimilarTracks
from genrelens.web.services import Services

if TYPE_CHECKING:
    from genrelens.library.catalog.tracks import ClassifiedTrack
    from genrelens.library.similarity.embeddings import EmbeddingModel
    from genrelens.library.similarity.neighbours import NeighbourIndex

_MAX_INDEX_AGE = 300.0  # s until an index is reloaded if the catalog changed; a running scan changes it constantly
_AUDIO = {"content": {"audio/*": {"schema": {"type": "string", "format": "binary"}}}}
_PAGE = Path(__file__).parents[1] / "static" / "library.html"

Number = Annotated[int, PathParameter(ge=1, lt=1 << 63, description="Number of a track in the catalog.")]


def add_library(app: FastAPI, services: Services, catalog: Path) -> None:
    """Add the routes and the page to an app. Each request runs in a thread, with its own connection to the catalog.

    Raises:
        CatalogError: the catalog does not exist or cannot be opened.
    """
    if not catalog.is_file():
        raise CatalogError(f"{display_name(catalog)} does not exist; create it with `genrelens library scan`")
    with Catalog(catalog):  # migrates the schema; requests open it read-only
        pass

    @app.get("/library", include_in_schema=False)
    async def library_page() -> FileResponse:
        return FileResponse(_PAGE)

    _add_browsing(app, services.settings, catalog)
    _add_tracks(app, services.settings, catalog)


def _add_browsing(app: FastAPI, settings: Settings, path: Path) -> None:
    @app.get(
        "/v1/library/map",
        summary="Show the map of all tracks",
        response_model=LibraryMap,
        **keyed_route(settings, json_example(responses.EXAMPLE_MAP), CatalogError),
    )
    def library_map() -> Response:
        """Return all tracks as columns, the most compact form. `genrelens library map` computes the coordinates."""
        with ReadOnlyCatalog(path) as catalog:
            return JSONResponse(browse.map_columns(catalog))

    @app.get(
        "/v1/library/tracks",
        summary="Search the library",
        **keyed_route(settings, json_example(responses.EXAMPLE_TRACKS), CatalogError),
    )
    def search_library(
        text: Annotated[str, Query(max_length=200, description="Substring of `folder/title`, case-insensitive.")] = "",
        genre: Annotated[str | None, Query(max_length=200, description="Predicted genre.")] = None,
        min_confidence: Annotated[float, Query(ge=0, le=1, description="Minimum confidence.")] = 0.0,
        offset: Annotated[int, Query(ge=0, lt=1 << 31, description="Number of tracks to skip.")] = 0,
        limit: Annotated[int, Query(ge=1, le=500, description="Maximum number of tracks to return.")] = 50,
    ) -> LibraryTracks:
        """Return matching tracks, sorted by path."""
        with ReadOnlyCatalog(path) as catalog:
            count, tracks = browse.search_tracks(catalog, TrackSearch(text, genre, min_confidence, offset, limit))
        return LibraryTracks(count=count, tracks=tuple(tracks))


def _add_tracks(app: FastAPI, settings: Settings, path: Path) -> None:
    similarity = _SimilaritySearch(path)
    errors = (TrackNotFoundError, CatalogError)

    @app.get(
        "/v1/library/tracks/{number}",
        summary="Show a track",
        **keyed_route(settings, json_example(responses.EXAMPLE_TRACK_DETAILS), *errors),
    )
    def library_track(number: Number) -> LibraryDetails:
        """Return a track with its complete prediction."""
        with ReadOnlyCatalog(path) as catalog:
            track, prediction = browse.load_track(catalog, number)
        return LibraryDetails(track=track, prediction=prediction)

    @app.get(
        "/v1/library/tracks/{number}/similar",
        summary="Find similar tracks",
        **keyed_route(settings, json_example(responses.EXAMPLE_SIMILAR), *errors, NoTracksError),
    )
    def similar_tracks(
        number: Number,
        count: Annotated[int, Query(ge=1, le=100, description="Maximum number of tracks to return.")] = 10,
    ) -> SimilarTracks:
        """Return the tracks with the nearest embeddings."""
        return SimilarTracks(tracks=similarity.find(number, count))

    @app.get(
        "/v1/library/tracks/{number}/audio",
        summary="Stream a track",
        response_class=FileResponse,
        **keyed_route(settings, _AUDIO, *errors),
    )
    def track_audio(number: Number) -> FileResponse:
        """Return the file unchanged, or a part of it for a Range request."""
        with ReadOnlyCatalog(path) as catalog:
            file = browse.audio_file(catalog, number)
        return FileResponse(file, media_type=mimetypes.guess_type(file.name)[0] or "application/octet-stream")


@dataclass(frozen=True)
class _CachedIndex:
    """A nearest-neighbour index, with the model and the catalog revision that it was loaded for."""

    model: "EmbeddingModel"
    revision: str
    loaded: float  # s, monotonic
    index: "NeighbourIndex"

    def serves(self, model: "EmbeddingModel", revision: str) -> bool:
        fresh = self.revision == revision or time.monotonic() - self.loaded < _MAX_INDEX_AGE
        return self.model == model and fresh


class _SimilaritySearch:
    """Finds similar tracks; loads numpy and the embeddings on first use, and reloads embeddings that changed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._cached: _CachedIndex | None = None

    def find(self, number: int, count: int) -> tuple[responses.SimilarTrack, ...]:
        """Return up to `count` tracks similar to the track with the given number."""
        from genrelens.library.catalog.tracks import TrackQuery, load_tracks
        from genrelens.library.similarity.neighbours import find_similar

        with ReadOnlyCatalog(self._path) as catalog:
            browse.load_track(catalog, number)
            [track] = load_tracks(catalog, [number], embeddings=True)
            similar = find_similar(catalog, track, count, TrackQuery(), self._index(catalog, track))
            summaries = browse.load_summaries(catalog, [other.track.id for other in similar])
        return tuple(
            responses.SimilarTrack(**dict(summaries[other.track.id]), similarity=other.similarity) for other in similar
        )

    def _index(self, catalog: Catalog, track: "ClassifiedTrack") -> "NeighbourIndex":
        from genrelens.library.catalog.tracks import matching_ids
        from genrelens.library.similarity.embeddings import catalog_revision
        from genrelens.library.similarity.neighbours import open_index, require_embedding_model

        model, revision = require_embedding_model(track), catalog_revision(catalog)
        with self._lock:
            if self._cached is None or not self._cached.serves(model, revision):
                self._cached = None  # free its memory before loading the next
                index = open_index(catalog, model, matching_ids(catalog), build=False)
                self._cached = _CachedIndex(model, revision, time.monotonic(), index)
            return self._cached.index
