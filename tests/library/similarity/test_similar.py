"""Similar tracks: as a plain comparison with all would tell, by either way of looking."""

from pathlib import Path

import numpy as np
import pytest

from genrelens.errors import CatalogError, NoTracksError, TrackNotFoundError
from genrelens.library.catalog.catalog import Catalog, ReadOnlyCatalog
from genrelens.library.catalog.lookup import find_track
from genrelens.library.catalog.tracks import FileStamp, TrackQuery, save_failure
from genrelens.library.similarity import neighbours as knowers
from genrelens.library.similarity.embeddings import (
    EmbeddingModel,
    catalog_revision,
    load_embeddings,
    main_embedding_model,
    normalise,
)
from genrelens.library.similarity.neighbours import open_index
from genrelens.library.similarity.similar import find_similar
from genrelens.prediction import ErrorInfo, Failure
from tests.support.catalog import fill_catalog, insert_track, simple_prediction

MAKER = EmbeddingModel("tilt", "1")
GENRES = ["jazz", "rock", "metal"] * 20


def by_hand(rows: np.ndarray, place: int) -> list[int]:
    """Numbers of all other tracks, from the most similar on."""
    cosines = [float(row @ rows[place] / np.linalg.norm(row) / np.linalg.norm(rows[place])) for row in rows]
    return [int(other) + 1 for other in np.argsort(-np.array(cosines)) if other != place]


@pytest.fixture(params=["exact", "index"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "index":
        monkeypatch.setattr(knowers, "MAX_EXACT_TRACKS", 0)
        monkeypatch.setattr(knowers, "_FIRST", 4)
    return str(request.param)


def test_they_are_those_that_a_plain_comparison_tells(catalog: Catalog, tmp_path: Path, way: str) -> None:
    rows = fill_catalog(catalog, tmp_path, GENRES)
    found = find_similar(catalog, find_track(catalog, "7"), 10, TrackQuery())
    assert [one.track.id for one in found] == by_hand(rows, 6)[:10]
    assert [one.similarity for one in found] == sorted((one.similarity for one in found), reverse=True)
    assert all(one.track.prediction.genre == "jazz" for one in found)


def test_a_query_narrows_them_down(catalog: Catalog, tmp_path: Path, way: str) -> None:
    rows = fill_catalog(catalog, tmp_path, GENRES)
    found = find_similar(catalog, find_track(catalog, "7"), 100, TrackQuery(genre="rock"))
    rock = [number for number in by_hand(rows, 6) if GENRES[number - 1] == "rock"]
    assert [one.track.id for one in found] == rock
    with pytest.raises(NoTracksError, match=r"its most frequent genres are jazz, metal, rock$"):
        find_similar(catalog, find_track(catalog, "7"), 5, TrackQuery(genre="Rock"))
    with pytest.raises(NoTracksError, match=r"ask for less$"):
        find_similar(catalog, find_track(catalog, "7"), 5, TrackQuery(min_confidence=0.9))


def test_of_a_narrow_query_an_index_leaves_nothing_out(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = fill_catalog(catalog, tmp_path, GENRES)
    monkeypatch.setattr(knowers, "MAX_EXACT_TRACKS", 25)
    monkeypatch.setattr(knowers.ApproximateIndex, "neighbours", lambda *_: iter(()))  # as it is of tracks far away
    found = find_similar(catalog, find_track(catalog, "7"), 100, TrackQuery(genre="rock"))
    assert [one.track.id for one in found] == [n for n in by_hand(rows, 6) if GENRES[n - 1] == "rock"]
    assert find_similar(catalog, find_track(catalog, "7"), 100, TrackQuery()) == []


def test_vanished_tracks_and_those_of_other_models_are_not_told(catalog: Catalog, tmp_path: Path, way: str) -> None:
    rows = fill_catalog(catalog, tmp_path, GENRES)
    near = by_hand(rows, 0)[0]
    other = insert_track(catalog, simple_prediction(tmp_path / "other.mp3", model="mn04"), rows[0])
    mute = insert_track(catalog, simple_prediction(tmp_path / "mute.mp3"), None)
    catalog.connection.execute("UPDATE tracks SET vanished = 1 WHERE id = ?", (near,))
    found = {one.track.id for one in find_similar(catalog, find_track(catalog, "1"), 100, TrackQuery())}
    assert found == set(range(2, len(GENRES) + 1)) - {near}
    assert not found & {other, mute}


def test_the_index_is_kept_until_the_catalog_changes(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(knowers, "MAX_EXACT_TRACKS", 0)
    rows = fill_catalog(catalog, tmp_path, GENRES)
    find_similar(catalog, find_track(catalog, "1"), 3, TrackQuery())
    [index] = tmp_path.glob("*.usearch")
    made = index.stat().st_mtime_ns
    find_similar(catalog, find_track(catalog, "2"), 3, TrackQuery())
    assert index.stat().st_mtime_ns == made
    twin = insert_track(catalog, simple_prediction(tmp_path / "twin.mp3"), rows[0])
    assert find_similar(catalog, find_track(catalog, "1"), 1, TrackQuery())[0].track.id == twin
    assert not index.exists()
    assert len(list(tmp_path.glob("*.usearch"))) == 1


def test_a_reader_takes_the_newest_index_and_makes_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(knowers, "MAX_EXACT_TRACKS", 0)
    with Catalog(tmp_path / "a[b].db") as catalog:
        rows = fill_catalog(catalog, tmp_path, GENRES)
        insert_track(catalog, simple_prediction(tmp_path / "other.mp3", model="mn04"), rows[0])
        with pytest.raises(NoTracksError, match="library similar"):
            open_index(catalog, MAKER, [1], build=False)
        for maker in (MAKER, EmbeddingModel("mn04", "1")):
            open_index(catalog, maker, [1])
        indexes = set(tmp_path.glob("*.usearch"))
        assert len(indexes) == 2
        insert_track(catalog, simple_prediction(tmp_path / "twin.mp3"), rows[0])
        tracks, _ = next(open_index(catalog, MAKER, [1], build=False).neighbours(normalise(rows[0])))
        assert len(tracks) == len(GENRES)
        assert set(tmp_path.glob("*.usearch")) == indexes
        open_index(catalog, MAKER, [1])
        assert len(indexes & set(tmp_path.glob("*.usearch"))) == 1  # the other model's


def test_the_revision_changes_with_answers_and_with_nothing_else(catalog: Catalog, tmp_path: Path) -> None:
    fill_catalog(catalog, tmp_path, ["jazz"])
    before = catalog_revision(catalog)
    catalog.connection.execute("UPDATE tracks SET vanished = 1")
    assert catalog_revision(catalog) == before
    catalog.connection.execute("DELETE FROM tracks")
    assert catalog_revision(catalog) != before


def test_an_embedding_of_nothing_is_like_nothing(catalog: Catalog, tmp_path: Path) -> None:
    for number, row in enumerate(((3, 4), (0, 0))):
        insert_track(catalog, simple_prediction(tmp_path / f"{number}.mp3"), np.array(row, np.float32))
    assert np.allclose(load_embeddings(catalog, MAKER).rows, np.array([[0.6, 0.8], [0.0, 0.0]]))


def test_tracks_are_found_by_number_and_by_path(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill_catalog(catalog, tmp_path, ["jazz", "rock"])
    monkeypatch.chdir(tmp_path)
    assert find_track(catalog, "1.mp3").id == find_track(catalog, str(tmp_path / "1.mp3")).id == 2
    catalog.connection.execute("INSERT INTO tracks (path, size, mtime_ns) VALUES (?, 1, 1)", (b"/unheard",))
    with pytest.raises(NoTracksError, match="genrelens library run"):
        find_track(catalog, "/unheard")
    with catalog.transaction():
        save_failure(
            catalog, 3, FileStamp(1, 1), Failure(path="/unheard", error=ErrorInfo(type="X", message="it is empty"))
        )
    with pytest.raises(NoTracksError, match=r"could not be judged \(it is empty\); `genrelens library run --retry`"):
        find_track(catalog, "/unheard")
    for text in ("99", "²", "./1", "9" * 30):
        with pytest.raises((TrackNotFoundError,), match="library search"):
            find_track(catalog, text)


def test_what_has_no_embedding_cannot_be_compared(catalog: Catalog, tmp_path: Path) -> None:
    with pytest.raises(NoTracksError, match="no track that is there has an embedding"):
        main_embedding_model(catalog)
    insert_track(catalog, simple_prediction(tmp_path / "a.mp3"), None)
    with pytest.raises(NoTracksError, match="judge it with lens"):
        find_similar(catalog, find_track(catalog, "1"), 3, TrackQuery())


def test_a_catalog_can_be_looked_into_without_writing(catalog: Catalog, tmp_path: Path) -> None:
    fill_catalog(catalog, tmp_path, GENRES)
    with ReadOnlyCatalog(catalog.path) as reader:
        assert len(find_similar(reader, find_track(reader, "1"), 3, TrackQuery())) == 3
        with pytest.raises(Exception, match="readonly"):
            reader.connection.execute("DELETE FROM tracks")
    with pytest.raises(CatalogError, match="library scan"):
        ReadOnlyCatalog(tmp_path / "missing.db")
