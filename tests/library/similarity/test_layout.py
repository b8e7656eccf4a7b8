from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from genrelens.errors import NoTracksError
from genrelens.library.catalog.catalog import Catalog
from genrelens.library.similarity.layout import tsne_layout, update_map
from genrelens.library.similarity.map_picture import load_points
from tests.support.catalog import fill_catalog, insert_track, simple_prediction

GENRES = ["jazz", "rock"] * 12


def first_channels(rows: NDArray[np.float32]) -> NDArray[np.floating]:
    return rows[:, :2] * [5, 1] + 3


def test_map_is_computed_once_and_again_when_predictions_change(catalog: Catalog, tmp_path: Path) -> None:
    fill_catalog(catalog, tmp_path, GENRES)
    assert update_map(catalog, first_channels)
    points = load_points(catalog)
    assert not update_map(catalog, first_channels)
    assert len(points) == len(GENRES)
    assert min(point.x for point in points) == 0
    assert max(point.x for point in points) == 1
    assert all(0 <= point.y <= 1 for point in points)
    insert_track(catalog, simple_prediction(tmp_path / "new.mp3"), np.arange(8, dtype=np.float32))
    assert update_map(catalog, first_channels)
    catalog.connection.execute("UPDATE tracks SET vanished = 1 WHERE id = 1")
    assert len(load_points(catalog)) == len(GENRES)


def test_map_shows_the_main_model_of_the_present_tracks(catalog: Catalog, tmp_path: Path) -> None:
    fill_catalog(catalog, tmp_path, GENRES)
    update_map(catalog, first_channels)
    catalog.connection.execute("UPDATE tracks SET vanished = 1")
    with pytest.raises(NoTracksError, match="no present track"):
        update_map(catalog, first_channels)
    for number in range(10):
        prediction = simple_prediction(tmp_path / f"other {number}.mp3", model="mn04")
        insert_track(catalog, prediction, np.arange(8, dtype=np.float32))
    catalog.connection.execute("UPDATE tracks SET vanished = 0 WHERE id < 20")
    assert update_map(catalog, first_channels)
    assert len(load_points(catalog)) == 19
    catalog.connection.execute("UPDATE tracks SET vanished = 1 WHERE id < 20")  # leaves those of the other model
    assert update_map(catalog, first_channels)
    assert len(load_points(catalog)) == 10


def test_too_few_tracks_are_an_error(catalog: Catalog, tmp_path: Path) -> None:
    fill_catalog(catalog, tmp_path, GENRES[:9])
    with pytest.raises(NoTracksError, match="at least 10"):
        update_map(catalog, first_channels)


def test_tsne_is_reproducible_and_keeps_neighbours() -> None:
    rng = np.random.default_rng(0)
    rows = np.concatenate([rng.standard_normal((20, 8)) + shift for shift in (-5, 5)]).astype(np.float32)
    first, second = tsne_layout(rows), tsne_layout(rows)
    assert np.array_equal(first, second)
    distances = np.linalg.norm(first[:, None] - first, axis=2) + np.diag([np.inf] * 40)
    assert (distances.argmin(axis=1) // 20 == np.arange(40) // 20).all()
