"""Similar tracks: as a plain comparison with all would tell, by either way of looking."""

from pathlib import Path

import numpy as np
import pytest

from genrelens.errors import CatalogError, NoTracksError, TrackNotFoundError
from genrelens.library.catalog.catalog import Catalog, ReadOnly
from genrelens.library.catalog.lookup import track_named
from genrelens.library.catalog.tracks import Query, Stamp, keep_failure
from genrelens.library.similarity import nearest as knowers
from genrelens.library.similarity.nearest import nearest
from genrelens.library.similarity.similar import similar
from genrelens.library.similarity.vectors import Maker, load, revision, unit, usual_maker
from genrelens.prediction import ErrorInfo, Failure
from tests.library.shelf import shelf, shelve, told

MAKER = Maker("tilt", "1")
GENRES = ["jazz", "rock", "metal"] * 20


def by_hand(rows: np.ndarray, place: int) -> list[int]:
    """Numbers of all other tracks, from the most similar on."""
    cosines = [float(row @ rows[place] / np.linalg.norm(row) / np.linalg.norm(rows[place])) for row in rows]
    return [int(other) + 1 for other in np.argsort(-np.array(cosines)) if other != place]


@pytest.fixture(params=["exact", "index"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "index":
        monkeypatch.setattr(knowers, "MOST_EXACT", 0)
        monkeypatch.setattr(knowers, "_FIRST", 4)
    return str(request.param)


def test_they_are_those_that_a_plain_comparison_tells(catalog: Catalog, tmp_path: Path, way: str) -> None:
    rows = shelf(catalog, tmp_path, GENRES)
    found = similar(catalog, track_named(catalog, "7"), 10, Query())
    assert [one.track.id for one in found] == by_hand(rows, 6)[:10]
    assert [one.similarity for one in found] == sorted((one.similarity for one in found), reverse=True)
    assert all(one.track.prediction.genre == "jazz" for one in found)


def test_a_query_narrows_them_down(catalog: Catalog, tmp_path: Path, way: str) -> None:
    rows = shelf(catalog, tmp_path, GENRES)
    found = similar(catalog, track_named(catalog, "7"), 100, Query(genre="rock"))
    rock = [number for number in by_hand(rows, 6) if GENRES[number - 1] == "rock"]
    assert [one.track.id for one in found] == rock
    with pytest.raises(NoTracksError, match=r"its most frequent genres are jazz, metal, rock$"):
        similar(catalog, track_named(catalog, "7"), 5, Query(genre="Rock"))
    with pytest.raises(NoTracksError, match=r"ask for less$"):
        similar(catalog, track_named(catalog, "7"), 5, Query(min_confidence=0.9))


def test_of_a_narrow_query_an_index_leaves_nothing_out(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = shelf(catalog, tmp_path, GENRES)
    monkeypatch.setattr(knowers, "MOST_EXACT", 25)
    monkeypatch.setattr(knowers.Approximate, "ranked", lambda *_: iter(()))  # as it is of tracks far away
    found = similar(catalog, track_named(catalog, "7"), 100, Query(genre="rock"))
    assert [one.track.id for one in found] == [n for n in by_hand(rows, 6) if GENRES[n - 1] == "rock"]
    assert similar(catalog, track_named(catalog, "7"), 100, Query()) == []


def test_vanished_tracks_and_those_of_other_models_are_not_told(catalog: Catalog, tmp_path: Path, way: str) -> None:
    rows = shelf(catalog, tmp_path, GENRES)
    near = by_hand(rows, 0)[0]
    other = shelve(catalog, told(tmp_path / "other.mp3", model="mn04"), rows[0])
    mute = shelve(catalog, told(tmp_path / "mute.mp3"), None)
    catalog.connection.execute("UPDATE tracks SET vanished = 1 WHERE id = ?", (near,))
    found = {one.track.id for one in similar(catalog, track_named(catalog, "1"), 100, Query())}
    assert found == set(range(2, len(GENRES) + 1)) - {near}
    assert not found & {other, mute}


def test_the_index_is_kept_until_the_catalog_changes(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(knowers, "MOST_EXACT", 0)
    rows = shelf(catalog, tmp_path, GENRES)
    similar(catalog, track_named(catalog, "1"), 3, Query())
    [index] = tmp_path.glob("*.usearch")
    made = index.stat().st_mtime_ns
    similar(catalog, track_named(catalog, "2"), 3, Query())
    assert index.stat().st_mtime_ns == made
    twin = shelve(catalog, told(tmp_path / "twin.mp3"), rows[0])
    assert similar(catalog, track_named(catalog, "1"), 1, Query())[0].track.id == twin
    assert not index.exists()
    assert len(list(tmp_path.glob("*.usearch"))) == 1


def test_a_reader_takes_the_newest_index_and_makes_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(knowers, "MOST_EXACT", 0)
    with Catalog(tmp_path / "a[b].db") as catalog:
        rows = shelf(catalog, tmp_path, GENRES)
        shelve(catalog, told(tmp_path / "other.mp3", model="mn04"), rows[0])
        with pytest.raises(NoTracksError, match="library similar"):
            nearest(catalog, MAKER, [1], build=False)
        for maker in (MAKER, Maker("mn04", "1")):
            nearest(catalog, maker, [1])
        indexes = set(tmp_path.glob("*.usearch"))
        assert len(indexes) == 2
        shelve(catalog, told(tmp_path / "twin.mp3"), rows[0])
        tracks, _ = next(nearest(catalog, MAKER, [1], build=False).ranked(unit(rows[0])))
        assert len(tracks) == len(GENRES)
        assert set(tmp_path.glob("*.usearch")) == indexes
        nearest(catalog, MAKER, [1])
        assert len(indexes & set(tmp_path.glob("*.usearch"))) == 1  # the other model's


def test_the_revision_changes_with_answers_and_with_nothing_else(catalog: Catalog, tmp_path: Path) -> None:
    shelf(catalog, tmp_path, ["jazz"])
    before = revision(catalog)
    catalog.connection.execute("UPDATE tracks SET vanished = 1")
    assert revision(catalog) == before
    catalog.connection.execute("DELETE FROM tracks")
    assert revision(catalog) != before


def test_an_embedding_of_nothing_is_like_nothing(catalog: Catalog, tmp_path: Path) -> None:
    for number, row in enumerate(((3, 4), (0, 0))):
        shelve(catalog, told(tmp_path / f"{number}.mp3"), np.array(row, np.float32))
    assert np.allclose(load(catalog, MAKER).rows, np.array([[0.6, 0.8], [0.0, 0.0]]))


def test_tracks_are_found_by_number_and_by_path(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf(catalog, tmp_path, ["jazz", "rock"])
    monkeypatch.chdir(tmp_path)
    assert track_named(catalog, "1.mp3").id == track_named(catalog, str(tmp_path / "1.mp3")).id == 2
    catalog.connection.execute("INSERT INTO tracks (path, size, mtime_ns) VALUES (?, 1, 1)", (b"/unheard",))
    with pytest.raises(NoTracksError, match="genrelens library run"):
        track_named(catalog, "/unheard")
    with catalog.transaction():
        keep_failure(
            catalog, 3, Stamp(1, 1), Failure(path="/unheard", error=ErrorInfo(type="X", message="it is empty"))
        )
    with pytest.raises(NoTracksError, match=r"could not be judged \(it is empty\); `genrelens library run --retry`"):
        track_named(catalog, "/unheard")
    for text in ("99", "²", "./1", "9" * 30):
        with pytest.raises((TrackNotFoundError,), match="library search"):
            track_named(catalog, text)


def test_what_has_no_embedding_cannot_be_compared(catalog: Catalog, tmp_path: Path) -> None:
    with pytest.raises(NoTracksError, match="no track that is there has an embedding"):
        usual_maker(catalog)
    shelve(catalog, told(tmp_path / "a.mp3"), None)
    with pytest.raises(NoTracksError, match="judge it with lens"):
        similar(catalog, track_named(catalog, "1"), 3, Query())


def test_a_catalog_can_be_looked_into_without_writing(catalog: Catalog, tmp_path: Path) -> None:
    shelf(catalog, tmp_path, GENRES)
    with ReadOnly(catalog.path) as reader:
        assert len(similar(reader, track_named(reader, "1"), 3, Query())) == 3
        with pytest.raises(Exception, match="readonly"):
            reader.connection.execute("DELETE FROM tracks")
    with pytest.raises(CatalogError, match="library scan"):
        ReadOnly(tmp_path / "missing.db")
