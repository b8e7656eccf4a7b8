"""A library through a real server: what is told, what can be heard, and what cannot."""

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from genrelens.web.routes.library_responses import (
    EXAMPLE_DETAILS,
    EXAMPLE_MAP,
    EXAMPLE_SIMILAR,
    EXAMPLE_TRACKS,
    LibraryDetails,
    LibraryMap,
    LibraryTracks,
    SimilarTracks,
)
from hypothesis import HealthCheck, given, settings

from genrelens.errors import CatalogError
from genrelens.library.catalog.catalog import Catalog
from genrelens.library.similarity import neighbours
from genrelens.library.similarity.embeddings import EmbeddingMatrix, EmbeddingModel, load_embeddings
from genrelens.web.app import make_app
from genrelens.web.core.settings import Settings
from genrelens.web.routes import library as library_routes
from tests.support.catalog import GENRES, fill_catalog, insert_track, make_mapped_catalog, simple_prediction
from tests.support.server import Server, serve_process


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory, model_file: Path, song: Path) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("library")
    catalog = make_mapped_catalog(folder, song)
    options = ("--model", str(model_file), "--library", "--catalog", str(catalog))
    with serve_process(folder / "spool", *options) as running:
        yield running


def test_all_tracks_in_columns(library: Server) -> None:
    told = LibraryMap.model_validate(library.get("/v1/library/map").json())
    assert told.genres == ("jazz", "rock")
    assert len(told.id) == len(told.title) == len(told.x) == 19
    assert 5 not in told.id
    assert [told.genres[code] for code in told.genre] == [GENRES[number - 1] for number in told.id]
    assert all(x is not None and 0 <= x <= 1 for x in told.x)


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
def test_a_search_tells_names_below_what_all_share(library: Server, query: str, count: int) -> None:
    answer = library.get(f"/v1/library/tracks?{query}")
    told = LibraryTracks.model_validate(answer.json())
    assert told.count == count
    assert len(told.tracks) == min(count, 3 if "limit" in query else 50)
    assert "secret" not in answer.text


def test_a_track_and_those_like_it(library: Server) -> None:
    details = library.get("/v1/library/tracks/1")
    told = LibraryDetails.model_validate(details.json())
    assert (told.track.title, told.track.genre, told.prediction.path) == ("0", "jazz", "0")
    similar = library.get("/v1/library/tracks/1/similar?count=4")
    tracks = SimilarTracks.model_validate(similar.json()).tracks
    assert [track.genre for track in tracks] == ["jazz"] * 4
    assert not {1, 5} & {track.id for track in tracks}
    assert "secret" not in details.text + similar.text


def test_neighbours_are_not_loaded_anew_for_each_answer_of_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[EmbeddingModel] = []

    def counting(catalog: Catalog, maker: EmbeddingModel, among: Collection[int]) -> EmbeddingMatrix:
        loaded.append(maker)
        return load_embeddings(catalog, maker, among)

    monkeypatch.setattr(neighbours, "load", counting)
    with Catalog(tmp_path / "library.db") as catalog:
        rows = fill_catalog(catalog, tmp_path, GENRES)
        neighbours = library_routes._Neighbours(catalog.path)
        for number in range(3):
            assert neighbours.of(1, 1)
            insert_track(catalog, simple_prediction(tmp_path / f"new {number}.mp3"), rows[0])
        assert len(loaded) == 1
        monkeypatch.setattr(library_routes, "_FRESH", 0.0)
        assert neighbours.of(1, 1)[0].id > len(GENRES)
        assert len(loaded) == 2
        assert neighbours.of(1, 1)
        assert len(loaded) == 2  # as nothing has changed


def test_a_track_is_heard_whole_or_in_part(library: Server, song: Path) -> None:
    content = song.read_bytes()
    whole = library.get("/v1/library/tracks/2/audio")
    assert (whole.status_code, whole.content, whole.headers["content-type"]) == (200, content, "audio/mpeg")
    part = library.get("/v1/library/tracks/2/audio", headers={"Range": "bytes=100-199"})
    assert (part.status_code, part.content) == (206, content[100:200])
    assert part.headers["content-range"] == f"bytes 100-199/{len(content)}"
    beyond = library.get("/v1/library/tracks/2/audio", headers={"Range": f"bytes={len(content)}-"})
    assert beyond.status_code == 416


@pytest.mark.parametrize("what", ["", "/similar", "/audio"])
@pytest.mark.parametrize("number", ["5", "99", "0", "-1", "9223372036854775808", "..%2f..%2fetc%2fpasswd", "1.5"])
def test_only_tracks_in_the_catalog_can_be_had(library: Server, number: str, what: str) -> None:
    answer = library.get(f"/v1/library/tracks/{number}{what}")
    assert answer.status_code in (404, 422)
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_file_that_is_gone_is_told(library: Server) -> None:
    answer = library.get("/v1/library/tracks/20/audio")
    assert answer.status_code == 404
    assert "no longer there" in answer.json()["detail"]
    assert "secret" not in answer.text


def test_keys_are_asked_for_and_other_hosts_are_not_answered(tmp_path: Path, model_file: Path, song: Path) -> None:
    catalog = make_mapped_catalog(tmp_path, song)
    options = ("--model", str(model_file), "--library", "--catalog", str(catalog), "--api-key", "open")
    with serve_process(tmp_path / "spool", *options) as server:
        for path in ("map", "tracks", "tracks/1", "tracks/1/similar", "tracks/1/audio"):
            assert server.get(f"/v1/library/{path}").status_code == 401
            assert server.get(f"/v1/library/{path}", headers={"Authorization": "Bearer open"}).status_code == 200
            assert server.get(f"/v1/library/{path}", headers={"Host": "evil.example"}).status_code == 421


def test_without_being_told_a_server_shows_no_library(server: Server) -> None:
    assert server.get("/library").status_code == 404
    assert server.get("/v1/library/map").status_code == 404
    assert 'id="to-library" hidden' in server.get("/").text


def test_where_there_is_one_the_page_leads_to_it(library: Server) -> None:
    assert 'id="to-library">' in library.get("/").text
    assert library.get("/library").headers["content-type"].startswith("text/html")


def test_a_catalog_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="library scan"):
        make_app(Settings(library=tmp_path / "missing.db"))
    assert list(tmp_path.iterdir()) == []


def test_examples_have_the_shape_of_answers() -> None:
    LibraryMap.model_validate(EXAMPLE_MAP)
    LibraryTracks.model_validate(EXAMPLE_TRACKS)
    LibraryDetails.model_validate(EXAMPLE_DETAILS)
    SimilarTracks.model_validate(EXAMPLE_SIMILAR)


@pytest.mark.parametrize("path", ["map", "tracks", "tracks/{number}", "tracks/{number}/similar"])
def test_whatever_is_asked_the_answer_is_in_the_document(library: Server, path: str) -> None:
    api: Any = schemathesis.openapi.from_url(f"{library.url}/openapi.json")
    operation = api[f"/v1/library/{path}"]["GET"]

    @given(case=operation.as_strategy())
    @settings(max_examples=10, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    def ask(case: Any) -> None:
        case.call_and_validate()

    ask()
