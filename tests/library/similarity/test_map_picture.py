import io
import re

from PIL import Image

from genrelens.library.similarity.map_picture import GENRE_COLOURS, SPARE_COLOURS, MapPoint, draw_map
from tests.support.paths import ROOT

GENRES_SCRIPT = ROOT / "src" / "genrelens" / "web" / "static" / "lib" / "genres.js"


def test_points_have_the_colours_of_their_genres() -> None:
    points = [
        *[MapPoint(0.1, 0.1, "jazz", 1.0)] * 30,
        *[MapPoint(0.9, 0.9, "polka", 1.0)] * 30,
        MapPoint(0.5, 0.5, "unknown", 0),
    ]
    picture = Image.open(io.BytesIO(draw_map(points, "tilt 1")))
    assert picture.size == (1400, 1180)
    colours = [colour for _, colour in picture.convert("RGB").getcolors(1 << 24) or []]
    for hex_colour in (GENRE_COLOURS["jazz"], SPARE_COLOURS[0]):
        assert tuple(bytes.fromhex(hex_colour[1:])) in colours


def test_many_genres_at_one_position_can_be_drawn() -> None:
    points = [MapPoint(0.5, 0.5, f"genre {number}", 0.5) for number in range(40)]
    assert draw_map(points, "tilt 1").startswith(b"\x89PNG")


def test_page_and_picture_use_the_same_colours() -> None:
    script = GENRES_SCRIPT.read_text("utf-8")
    assert dict(re.findall(r'^  (\w+): "(#\w{6})",$', script, re.MULTILINE)) == GENRE_COLOURS
    [spare] = re.findall(r"SPARE_COLOURS = \[(.*)\]", script)
    assert tuple(re.findall(r'"(#\w{6})"', spare)) == SPARE_COLOURS
