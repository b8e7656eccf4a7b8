"""The map: kept in the catalog, and drawn."""

import io
import re
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from genrelens.errors import NoTracksError
from genrelens.library.catalog.catalog import Catalog
from genrelens.library.similarity.layout import tsne_layout, update_map
from genrelens.library.similarity.map_picture import GENRE_COLOURS, SPARE_COLOURS, MapPoint, draw_map, load_points
from tests.support.catalog import fill_catalog, insert_track, simple_prediction
from tests.support.paths import ROOT

GENRES = ["jazz", "rock"] * 12
GENRES_SCRIPT = ROOT / "src" / "genrelens" / "web" / "static" / "lib" / "genres.js"


def flat(rows: NDArray[np.float32]) -> NDArray[np.floating]:
    return rows[:, :2] * [5, 1] + 3


def test_it_is_worked_out_once_and_again_when_answers_change(catalog: Catalog, tmp_path: Path) -> None:
    fill_catalog(catalog, tmp_path, GENRES)
    assert update_map(catalog, flat)
    first = load_points(catalog)
    assert not update_map(catalog, flat)
    assert len(first) == len(GENRES)
    assert min(point.x for point in first) == 0
    assert max(point.x for point in first) == 1
    assert all(0 <= point.y <= 1 for point in first)
    insert_track(catalog, simple_prediction(tmp_path / "new.mp3"), np.arange(8, dtype=np.float32))
    assert update_map(catalog, flat)
    catalog.connection.execute("UPDATE tracks SET vanished = 1 WHERE id = 1")
    assert len(load_points(catalog)) == len(GENRES)


def test_what_has_vanished_alone_makes_no_map(catalog: Catalog, tmp_path: Path) -> None:
    fill_catalog(catalog, tmp_path, GENRES)
    update_map(catalog, flat)
    catalog.connection.execute("UPDATE tracks SET vanished = 1")
    with pytest.raises(NoTracksError, match="no track that is there"):
        update_map(catalog, flat)
    for number in range(10):
        insert_track(
            catalog, simple_prediction(tmp_path / f"other {number}.mp3", model="mn04"), np.arange(8, dtype=np.float32)
        )
    catalog.connection.execute("UPDATE tracks SET vanished = 0 WHERE id < 20")
    assert update_map(catalog, flat)
    assert len(load_points(catalog)) == 19
    catalog.connection.execute("UPDATE tracks SET vanished = 1 WHERE id < 20")  # those of the other model are left
    assert update_map(catalog, flat)
    assert len(load_points(catalog)) == 10


def test_tsne_is_the_same_each_time_and_keeps_neighbours() -> None:
    rng = np.random.default_rng(0)
    rows = np.concatenate([rng.standard_normal((20, 8)) + shift for shift in (-5, 5)]).astype(np.float32)
    first, second = tsne_layout(rows), tsne_layout(rows)
    assert np.array_equal(first, second)
    distances = np.linalg.norm(first[:, None] - first, axis=2) + np.diag([np.inf] * 40)
    assert (distances.argmin(axis=1) // 20 == np.arange(40) // 20).all()


def test_few_tracks_make_no_map(catalog: Catalog, tmp_path: Path) -> None:
    fill_catalog(catalog, tmp_path, GENRES[:9])
    with pytest.raises(NoTracksError, match="at least 10"):
        update_map(catalog, flat)


def test_a_picture_has_the_colours_of_the_genres_where_they_are() -> None:
    shown = (
        [MapPoint(0.1, 0.1, "jazz", 1.0)] * 30
        + [MapPoint(0.9, 0.9, "polka", 1.0)] * 30
        + [MapPoint(0.5, 0.5, "unknown", 0)]
    )
    picture = Image.open(io.BytesIO(draw_map(shown, "tilt 1")))
    assert picture.size == (1400, 1180)
    colours = [colour for _, colour in picture.convert("RGB").getcolors(1 << 24) or []]
    for hex_ in (GENRE_COLOURS["jazz"], SPARE_COLOURS[0]):
        assert tuple(bytes.fromhex(hex_[1:])) in colours


def test_many_genres_in_one_place_have_an_end() -> None:
    shown = [MapPoint(0.5, 0.5, f"genre {number}", 0.5) for number in range(40)]
    assert draw_map(shown, "tilt 1").startswith(b"\x89PNG")


def test_genres_have_the_colours_of_the_page() -> None:
    script = GENRES_SCRIPT.read_text("utf-8")
    assert dict(re.findall(r'^  (\w+): "(#\w{6})",$', script, re.MULTILINE)) == GENRE_COLOURS
    [spare] = re.findall(r"SPARE_COLOURS = \[(.*)\]", script)
    assert tuple(re.findall(r'"(#\w{6})"', spare)) == SPARE_COLOURS
