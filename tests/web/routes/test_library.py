from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings

from genrelens.errors import CatalogError
from genrelens.library.catalog.catalog import Catalog
from genrelens.library.similarity import neighbours
from genrelens.library.similarity.embeddings import EmbeddingMatrix, EmbeddingModel, load_embeddings
from genrelens.web.app import make_app
from genrelens.web.core.settings import Settings
from genrelens.web.routes import library as library_routes
from genrelens.web.routes.responses import (
    EXAMPLE_MAP,
    EXAMPLE_SIMILAR,
    EXAMPLE_TRACK_DETAILS,
    EXAMPLE_TRACKS,
    LibraryDetails,
    LibraryMap,
    LibraryTracks,
    SimilarTracks,
)
from tests.support.catalog import GENRES, fill_catalog, insert_track, make_mapped_catalog, simple_prediction
from tests.support.server import Server, serve_process


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory, model_file: Path, song: Path) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("library")
    catalog = make_mapped_catalog(folder, song)
    options = ("--model", str(model_file), "--library", "--catalog", str(catalog))
    with serve_process(folder / "spool", *options) as running:
        yield running


def test_the_map_lists_all_tracks_as_columns(library: Server) -> None:
    content = LibraryMap.model_validate(library.get("/v1/library/map").json())
    assert content.genres == ("jazz", "rock")
    assert len(content.id) == len(content.title) == len(content.x) == 19
    assert 5 not in content.id
    assert [content.genres[code] for code in content.genre] == [GENRES[number - 1] for number in content.id]
    assert all(x is not None and 0 <= x <= 1 for x in content.x)


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("", 19),
        ("genre=rock", 10),
        ("min_confidence=0.9", 0),
        ("text=13", 1),
        ("text=MUSIC", 0),
        ("text=mp3", 0),
        ("limit=3", 19),
    ],
)
def test_a_search_returns_paths_below_the_common_folder(library: Server, query: str, count: int) -> None:
    response = library.get(f"/v1/library/tracks?{query}")
    page = LibraryTracks.model_validate(response.json())
    assert page.count == count
    assert len(page.tracks) == min(count, 3 if "limit" in query else 50)
    assert "secret" not in response.text


def test_a_track_and_similar_tracks(library: Server) -> None:
    details = library.get("/v1/library/tracks/1")
    content = LibraryDetails.model_validate(details.json())
    assert (content.track.title, content.track.genre, content.prediction.path) == ("0", "jazz", "0")
    similar = library.get("/v1/library/tracks/1/similar?count=4")
    tracks = SimilarTracks.model_validate(similar.json()).tracks
    assert [track.genre for track in tracks] == ["jazz"] * 4
    assert not {1, 5} & {track.id for track in tracks}
    assert "secret" not in details.text + similar.text


def test_embeddings_are_not_reloaded_for_each_track_that_a_scan_adds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[EmbeddingModel] = []

    def load(catalog: Catalog, model: EmbeddingModel, ids: Collection[int]) -> EmbeddingMatrix:
        loaded.append(model)
        return load_embeddings(catalog, model, ids)

    monkeypatch.setattr(neighbours, "load_embeddings", load)
    with Catalog(tmp_path / "library.db") as catalog:
        rows = fill_catalog(catalog, tmp_path, GENRES)
        search = library_routes._SimilaritySearch(catalog.path)
        for number in range(3):
            assert search.find(1, 1)
            insert_track(catalog, simple_prediction(tmp_path / f"new {number}.mp3"), rows[0])
        assert len(loaded) == 1
        monkeypatch.setattr(library_routes, "_MAX_INDEX_AGE", 0.0)
        assert search.find(1, 1)[0].id > len(GENRES)
        assert len(loaded) == 2
        assert search.find(1, 1)
        assert len(loaded) == 2  # the catalog has not changed


def test_audio_is_sent_whole_or_in_part(library: Server, song: Path) -> None:
    content = song.read_bytes()
    whole = library.get("/v1/library/tracks/2/audio")
    assert (whole.status_code, whole.content, whole.headers["content-type"]) == (200, content, "audio/mpeg")
    part = library.get("/v1/library/tracks/2/audio", headers={"Range": "bytes=100-199"})
    assert (part.status_code, part.content) == (206, content[100:200])
    assert part.headers["content-range"] == f"bytes 100-199/{len(content)}"
    beyond = library.get("/v1/library/tracks/2/audio", headers={"Range": f"bytes={len(content)}-"})
    assert beyond.status_code == 416


@pytest.mark.parametrize("resource", ["", "/similar", "/audio"])
@pytest.mark.parametrize("number", ["5", "99", "0", "-1", "9223372036854775808", "..%2f..%2fetc%2fpasswd", "1.5"])
def test_only_tracks_in_the_catalog_are_accessible(library: Server, number: str, resource: str) -> None:
    response = library.get(f"/v1/library/tracks/{number}{resource}")
    assert response.status_code in (404, 422)
    assert response.headers["content-type"] == "application/problem+json"


def test_a_deleted_file_is_reported_without_its_path(library: Server) -> None:
    response = library.get("/v1/library/tracks/20/audio")
    assert response.status_code == 404
    assert "is missing" in response.json()["detail"]
    assert "secret" not in response.text


def test_the_library_requires_a_key_and_an_accepted_host(tmp_path: Path, model_file: Path, song: Path) -> None:
    catalog = make_mapped_catalog(tmp_path, song)
    options = ("--model", str(model_file), "--library", "--catalog", str(catalog), "--api-key", "open")
    with serve_process(tmp_path / "spool", *options) as server:
        for path in ("map", "tracks", "tracks/1", "tracks/1/similar", "tracks/1/audio"):
            assert server.get(f"/v1/library/{path}").status_code == 401
            assert server.get(f"/v1/library/{path}", headers={"Authorization": "Bearer open"}).status_code == 200
            assert server.get(f"/v1/library/{path}", headers={"Host": "evil.example"}).status_code == 421


def test_the_library_is_off_by_default(server: Server) -> None:
    assert server.get("/library").status_code == 404
    assert server.get("/v1/library/map").status_code == 404
    assert 'id="to-library" hidden' in server.get("/").text


def test_the_page_links_to_the_library(library: Server) -> None:
    assert 'id="to-library">' in library.get("/").text
    assert library.get("/library").headers["content-type"].startswith("text/html")


def test_a_missing_catalog_is_reported(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="library scan"):
        make_app(Settings(library=tmp_path / "missing.db"))
    assert list(tmp_path.iterdir()) == []


def test_examples_are_valid_responses() -> None:
    LibraryMap.model_validate(EXAMPLE_MAP)
    LibraryTracks.model_validate(EXAMPLE_TRACKS)
    LibraryDetails.model_validate(EXAMPLE_TRACK_DETAILS)
    SimilarTracks.model_validate(EXAMPLE_SIMILAR)


@pytest.mark.parametrize("path", ["map", "tracks", "tracks/{number}", "tracks/{number}/similar"])
def test_every_response_conforms_to_the_document(library: Server, path: str) -> None:
    api: Any = schemathesis.openapi.from_url(f"{library.url}/openapi.json")
    operation = api[f"/v1/library/{path}"]["GET"]

    @given(case=operation.as_strategy())
    @settings(max_examples=10, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    def check(case: Any) -> None:
        case.call_and_validate()

    check()
