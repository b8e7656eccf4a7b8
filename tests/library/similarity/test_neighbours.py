from pathlib import Path

import pytest

from genrelens.errors import NoTracksError
from genrelens.library.catalog.catalog import Catalog
from genrelens.library.catalog.lookup import find_track
from genrelens.library.catalog.tracks import TrackQuery
from genrelens.library.similarity import neighbours
from genrelens.library.similarity.embeddings import EmbeddingModel, normalise
from genrelens.library.similarity.neighbours import open_index
from genrelens.library.similarity.similar import find_similar
from tests.support.catalog import fill_catalog, insert_track, simple_prediction

MODEL = EmbeddingModel("tilt", "1")
GENRES = ["jazz", "rock", "metal"] * 20


@pytest.fixture(autouse=True)
def always_approximate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "MAX_EXACT_TRACKS", 0)


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
