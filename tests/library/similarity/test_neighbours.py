from pathlib import Path

import numpy as np
import pytest

from genrelens.errors import NoTracksError
from genrelens.library.catalog.catalog import Catalog, ReadOnlyCatalog
from genrelens.library.catalog.lookup import find_track
from genrelens.library.catalog.tracks import TrackQuery
from genrelens.library.similarity import neighbours
from genrelens.library.similarity.embeddings import EmbeddingModel, normalise
from genrelens.library.similarity.neighbours import find_similar, open_index
from tests.support.catalog import fill_catalog, insert_track, simple_prediction

MODEL = EmbeddingModel("tilt", "1")
GENRES = ["jazz", "rock", "metal"] * 20


def ids_by_cosine(rows: np.ndarray, index: int) -> list[int]:
    """Return the ids of all other tracks, most similar first."""
    cosines = [float(row @ rows[index] / np.linalg.norm(row) / np.linalg.norm(rows[index])) for row in rows]
    return [int(other) + 1 for other in np.argsort(-np.array(cosines)) if other != index]


@pytest.fixture(params=["exact", "approximate"])
def each_index(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "approximate":
        monkeypatch.setattr(neighbours, "MAX_EXACT_TRACKS", 0)
        monkeypatch.setattr(neighbours, "_FIRST_QUERY", 4)


@pytest.mark.usefixtures("each_index")
def test_results_agree_with_a_direct_comparison(catalog: Catalog, tmp_path: Path) -> None:
    rows = fill_catalog(catalog, tmp_path, GENRES)
    similar = find_similar(catalog, find_track(catalog, "7"), 10, TrackQuery())
    assert [neighbour.track.id for neighbour in similar] == ids_by_cosine(rows, 6)[:10]
    similarities = [neighbour.similarity for neighbour in similar]
    assert similarities == sorted(similarities, reverse=True)
    assert all(neighbour.track.prediction.genre == "jazz" for neighbour in similar)


@pytest.mark.usefixtures("each_index")
def test_query_restricts_the_results(catalog: Catalog, tmp_path: Path) -> None:
    rows = fill_catalog(catalog, tmp_path, GENRES)
    similar = find_similar(catalog, find_track(catalog, "7"), 100, TrackQuery(genre="rock"))
    rock = [track_id for track_id in ids_by_cosine(rows, 6) if GENRES[track_id - 1] == "rock"]
    assert [neighbour.track.id for neighbour in similar] == rock
    with pytest.raises(NoTracksError, match=r"its most frequent genres are jazz, metal, rock$"):
        find_similar(catalog, find_track(catalog, "7"), 5, TrackQuery(genre="Rock"))
    with pytest.raises(NoTracksError, match=r"relax the conditions$"):
        find_similar(catalog, find_track(catalog, "7"), 5, TrackQuery(min_confidence=0.9))


def test_narrow_query_is_searched_exactly(catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = fill_catalog(catalog, tmp_path, GENRES)
    monkeypatch.setattr(neighbours, "MAX_EXACT_TRACKS", 25)
    # A graph search may miss distant tracks; here it misses all.
    monkeypatch.setattr(neighbours.ApproximateIndex, "neighbours", lambda *_: iter(()))
    similar = find_similar(catalog, find_track(catalog, "7"), 100, TrackQuery(genre="rock"))
    rock = [track_id for track_id in ids_by_cosine(rows, 6) if GENRES[track_id - 1] == "rock"]
    assert [neighbour.track.id for neighbour in similar] == rock
    assert find_similar(catalog, find_track(catalog, "7"), 100, TrackQuery()) == []


@pytest.mark.usefixtures("each_index")
def test_vanished_tracks_and_other_models_are_excluded(catalog: Catalog, tmp_path: Path) -> None:
    rows = fill_catalog(catalog, tmp_path, GENRES)
    nearest = ids_by_cosine(rows, 0)[0]
    insert_track(catalog, simple_prediction(tmp_path / "other.mp3", model="mn04"), rows[0])
    insert_track(catalog, simple_prediction(tmp_path / "no embedding.mp3"), None)
    catalog.connection.execute("UPDATE tracks SET vanished = 1 WHERE id = ?", (nearest,))
    similar = find_similar(catalog, find_track(catalog, "1"), 100, TrackQuery())
    assert {neighbour.track.id for neighbour in similar} == set(range(2, len(GENRES) + 1)) - {nearest}


def test_track_without_embedding_cannot_be_compared(catalog: Catalog, tmp_path: Path) -> None:
    insert_track(catalog, simple_prediction(tmp_path / "a.mp3"), None)
    with pytest.raises(NoTracksError, match="tilt does not compute any; classify it with lens"):
        find_similar(catalog, find_track(catalog, "1"), 3, TrackQuery())


def test_read_only_catalog_can_be_searched(catalog: Catalog, tmp_path: Path) -> None:
    fill_catalog(catalog, tmp_path, GENRES)
    with ReadOnlyCatalog(catalog.path) as reader:
        assert len(find_similar(reader, find_track(reader, "1"), 3, TrackQuery())) == 3


@pytest.fixture
def always_approximate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "MAX_EXACT_TRACKS", 0)


@pytest.mark.usefixtures("always_approximate")
def test_index_is_rebuilt_only_when_the_catalog_changes(catalog: Catalog, tmp_path: Path) -> None:
    rows = fill_catalog(catalog, tmp_path, GENRES)
    find_similar(catalog, find_track(catalog, "1"), 3, TrackQuery())
    [index] = tmp_path.glob("*.usearch")
    built = index.stat().st_mtime_ns
    find_similar(catalog, find_track(catalog, "2"), 3, TrackQuery())
    assert index.stat().st_mtime_ns == built
    twin = insert_track(catalog, simple_prediction(tmp_path / "twin.mp3"), rows[0])
    assert find_similar(catalog, find_track(catalog, "1"), 1, TrackQuery())[0].track.id == twin
    assert not index.exists()
    assert len(list(tmp_path.glob("*.usearch"))) == 1


@pytest.mark.usefixtures("always_approximate")
def test_newest_index_is_used_if_none_may_be_built(tmp_path: Path) -> None:
    with Catalog(tmp_path / "a[b].db") as catalog:
        rows = fill_catalog(catalog, tmp_path, GENRES)
        insert_track(catalog, simple_prediction(tmp_path / "other.mp3", model="mn04"), rows[0])
        with pytest.raises(NoTracksError, match="library similar"):
            open_index(catalog, MODEL, [1], build=False)
        for model in (MODEL, EmbeddingModel("mn04", "1")):
            open_index(catalog, model, [1])
        indexes = set(tmp_path.glob("*.usearch"))
        assert len(indexes) == 2
        insert_track(catalog, simple_prediction(tmp_path / "twin.mp3"), rows[0])
        ids, _ = next(open_index(catalog, MODEL, [1], build=False).neighbours(normalise(rows[0])))
        assert len(ids) == len(GENRES)
        assert set(tmp_path.glob("*.usearch")) == indexes
        open_index(catalog, MODEL, [1])
        assert len(indexes & set(tmp_path.glob("*.usearch"))) == 1  # the other model's
