"""`/v1/library`: a catalog that can be looked into and listened to, and the page for it.

Tracks are asked for by number, so that only files in the catalog can be had; and nothing is ever changed.
"""

import mimetypes
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from fastapi import FastAPI, Query, Response
from fastapi import Path as InPath
from fastapi.responses import FileResponse, JSONResponse

from genrelens.errors import CatalogError, NoTracksError, TrackNotFoundError, UnauthorisedError, display_name
from genrelens.library.catalog import browse
from genrelens.library.catalog.browse import TrackSearch
from genrelens.library.catalog.catalog import Catalog, ReadOnlyCatalog
from genrelens.web.core.auth import key_dependencies
from genrelens.web.core.openapi import json_example, problem_responses
from genrelens.web.services import Services
from genrelens.web.routes.library_responses import (
    EXAMPLE_DETAILS,
    EXAMPLE_MAP,
    EXAMPLE_SIMILAR,
    EXAMPLE_TRACKS,
    LibraryDetails,
    LibraryMap,
    LibraryTrack,
    LibraryTracks,
    SimilarTrack,
    SimilarTracks,
)

if TYPE_CHECKING:
    from genrelens.library.catalog.tracks import ClassifiedTrack
    from genrelens.library.similarity.embeddings import EmbeddingModel
    from genrelens.library.similarity.neighbours import NeighbourIndex

_FRESH = 300.0  # s for which neighbours are as they were, though a run adds answers all the time
_PAGE = Path(__file__).parents[1] / "static" / "library.html"

Number = Annotated[int, InPath(ge=1, lt=1 << 63, description="Of a track in the catalog.")]


def add_library(app: FastAPI, services: Services, catalog: Path) -> None:
    """Have an app show a library. Each request is answered in a thread, which opens the catalog for itself.

    Raises:
        CatalogError: there is no such catalog, or it cannot be used.
    """
    if not catalog.is_file():
        raise CatalogError(f"{display_name(catalog)} does not exist; make it with `genrelens library scan`")
    with Catalog(catalog):  # it is brought up to date, as it is only read from here on
        pass

    @app.get("/library", include_in_schema=False)
    async def library_page() -> FileResponse:
        return FileResponse(_PAGE)

    _add_browsing(app, services, catalog)
    _add_tracks(app, services, catalog)


def _add_browsing(app: FastAPI, services: Services, path: Path) -> None:
    @app.get(
        "/v1/library/map",
        summary="All tracks, and where they lie on the map",
        dependencies=key_dependencies(services.settings),
        response_model=LibraryMap,
        responses={200: json_example(EXAMPLE_MAP), **problem_responses(UnauthorisedError, CatalogError)},
    )
    def library_map() -> Response:
        """In columns, which is the least to send of very many tracks. `genrelens library map` makes the map."""
        with ReadOnlyCatalog(path) as catalog:
            return JSONResponse(browse.map_columns(catalog))

    @app.get(
        "/v1/library/tracks",
        summary="TrackSearch the library",
        dependencies=key_dependencies(services.settings),
        responses={200: json_example(EXAMPLE_TRACKS), **problem_responses(UnauthorisedError, CatalogError)},
    )
    def search_library(
        text: Annotated[
            str, Query(max_length=200, description="A part of `folder/title`, in upper or lower case.")
        ] = "",
        genre: Annotated[str | None, Query(max_length=200, description="What tracks are told to be.")] = None,
        min_confidence: Annotated[float, Query(ge=0, le=1, description="With how much confidence at least.")] = 0.0,
        offset: Annotated[int, Query(ge=0, lt=1 << 31, description="How many to pass over.")] = 0,
        limit: Annotated[int, Query(ge=1, le=500, description="The most to tell.")] = 50,
    ) -> LibraryTracks:
        """By the place of their files."""
        with ReadOnlyCatalog(path) as catalog:
            count, found = browse.search_tracks(catalog, TrackSearch(text, genre, min_confidence, offset, limit))
        return LibraryTracks(count=count, tracks=tuple(LibraryTrack(**asdict(one)) for one in found))


def _add_tracks(app: FastAPI, services: Services, path: Path) -> None:
    neighbours = _Neighbours(path)
    usual = problem_responses(UnauthorisedError, TrackNotFoundError, CatalogError)

    @app.get(
        "/v1/library/tracks/{number}",
        summary="Show a track",
        dependencies=key_dependencies(services.settings),
        responses={200: json_example(EXAMPLE_DETAILS), **usual},
    )
    def library_track(number: Number) -> LibraryDetails:
        """All that was told of it."""
        with ReadOnlyCatalog(path) as catalog:
            track, prediction = browse.load_track(catalog, number)
        return LibraryDetails(track=LibraryTrack(**asdict(track)), prediction=prediction)

    @app.get(
        "/v1/library/tracks/{number}/similar",
        summary="Find similar tracks",
        dependencies=key_dependencies(services.settings),
        responses={
            200: json_example(EXAMPLE_SIMILAR),
            **problem_responses(UnauthorisedError, TrackNotFoundError, NoTracksError, CatalogError),
        },
    )
    def similar_tracks(number: Number, count: Annotated[int, Query(ge=1, le=100)] = 10) -> SimilarTracks:
        """Those whose embeddings lie nearest to its own."""
        return SimilarTracks(tracks=neighbours.of(number, count))

    @app.get(
        "/v1/library/tracks/{number}/audio",
        summary="Listen to a track",
        dependencies=key_dependencies(services.settings),
        response_class=FileResponse,
        responses={200: {"content": {"audio/*": {"schema": {"type": "string", "format": "binary"}}}}, **usual},
    )
    def track_audio(number: Number) -> FileResponse:
        """Its file as it is; a part of it for a request with a Range."""
        with ReadOnlyCatalog(path) as catalog:
            file = browse.audio_file(catalog, number)
        return FileResponse(file, media_type=mimetypes.guess_type(file.name)[0] or "application/octet-stream")


@dataclass(frozen=True)
class _Kept:
    """Who knows neighbours, of which model, as the catalog was at what revision, and when that was."""

    maker: "EmbeddingModel"
    stamp: str
    since: float
    knower: "NeighbourIndex"

    def serves(self, maker: "EmbeddingModel", stamp: str) -> bool:
        return self.maker == maker and (self.stamp == stamp or time.monotonic() - self.since < _FRESH)


class _Neighbours:
    """Finds similar tracks; numpy and the embeddings are loaded at the first question, and again if they change."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._kept: _Kept | None = None

    def of(self, number: int, count: int) -> tuple[SimilarTrack, ...]:
        """Those of a track."""
        from genrelens.library.catalog.tracks import TrackQuery as Wanted
        from genrelens.library.catalog.tracks import load_tracks
        from genrelens.library.similarity.similar import find_similar

        with ReadOnlyCatalog(self._path) as catalog:
            browse.load_track(catalog, number)
            [track] = load_tracks(catalog, [number], embeddings=True)
            found = find_similar(catalog, track, count, Wanted(), self._knower(catalog, track))
            tracks = browse.load_summaries(catalog, [one.track.id for one in found])
        return tuple(SimilarTrack(**asdict(tracks[one.track.id]), similarity=one.similarity) for one in found)

    def _knower(self, catalog: Catalog, track: "ClassifiedTrack") -> "NeighbourIndex":
        from genrelens.library.catalog.tracks import matching_ids
        from genrelens.library.similarity.embeddings import catalog_revision
        from genrelens.library.similarity.neighbours import open_index
        from genrelens.library.similarity.similar import require_embedding_model

        maker, stamp = require_embedding_model(track), catalog_revision(catalog)
        with self._lock:
            if self._kept is None or not self._kept.serves(maker, stamp):
                self._kept = None  # before the next is loaded, not after
                self._kept = _Kept(
                    maker, stamp, time.monotonic(), open_index(catalog, maker, matching_ids(catalog), build=False)
                )
            return self._kept.knower
