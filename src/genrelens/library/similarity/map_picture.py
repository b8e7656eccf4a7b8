"""The map of a library as a picture: a point for each track, coloured by genre, with the genres' names on it."""

import re
import sqlite3
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import cycle

import numpy as np
from numpy.typing import NDArray

from genrelens.explain.heatmap import DIM, INK, LINE, PAPER, Box, Canvas
from genrelens.library.catalog.catalog import Catalog
from genrelens.model.labels import LEVEL_SEPARATOR
from genrelens.prediction import UNKNOWN

_WIDTH, _HEIGHT = 1400, 1180
_FIELD = Box(40, 110, 1100, 1140)
_LEGEND_X, _LEGEND_Y, _ROW = 1140, 130, 30
_MOST_NAMED = 20  # genres that have a colour of their own
_LONGEST = 16  # characters of a genre's name in the legend
_LARGEST, _SMALLEST = 5.0, 1.3  # radius of a point, of few and of very many
_FAINT = 0.35  # share of its colour that a point of no confidence has
_NAME_SHARE = 0.02  # of all tracks that a genre must have for its name to stand on the map
_CELLS = 24  # along each axis, of the grid in which the densest place of a genre is looked for
_ROOM = 26  # pixels between two names, one above the other

# As on the page (web/static/lib/genres.js), which has the same rule.
GENRE_COLOURS = {
    "blues": "#4f86d6",
    "classical": "#9a7fd1",
    "country": "#c8975a",
    "disco": "#cf5fb9",
    "hiphop": "#f08c52",
    "jazz": "#e6b93c",
    "metal": "#7b8da3",
    "pop": "#f6a5b2",
    "reggae": "#58b173",
    "rock": "#d4574e",
}
SPARE_COLOURS = (
    *("#3fb3bf", "#a5b557", "#b98ab8", "#b5795c", "#6a9a9a", "#8f86e0", "#cfa0a0", "#7fae8c", "#5f9fd8", "#d0b060"),
)
OTHER_COLOUR = "#4a515b"


@dataclass(frozen=True)
class MapPoint:
    """A track on the map: `x` and `y` from 0 to 1, `y` upwards."""

    x: float
    y: float
    genre: str
    confidence: float


def load_points(catalog: Catalog) -> list[MapPoint]:
    """All tracks of the map; vanished ones are not shown."""
    rows: Iterable[sqlite3.Row] = catalog.connection.execute(
        "SELECT x, y, genre, confidence FROM places JOIN answers USING (track)"
        " JOIN tracks ON tracks.id = track WHERE NOT vanished ORDER BY track"
    )
    return [MapPoint(*row) for row in rows]


def draw_map(shown: list[MapPoint], model: str) -> bytes:
    """Draw a map.

    Returns:
        A PNG file, 1400 pixels wide.
    """
    sheet = Canvas(_WIDTH, _HEIGHT)
    counts = Counter(point.genre for point in shown)
    colours = _colours(counts)
    end = sheet.text(_FIELD.left, 46, "A map of the library", 34, INK)
    sheet.text(end + 16, 49, f"{len(shown):,} tracks", 22, DIM)
    sheet.text(_FIELD.left, 84, "tracks that sound alike are neighbours; the fainter, the less sure is the genre", 16)
    sheet.text(_WIDTH - 24, 46, model, 15, DIM, "rm")
    for edge in ([(0, 0), (1, 0)], [(1, 0), (1, 1)], [(1, 1), (0, 1)], [(0, 1), (0, 0)]):
        sheet.line([(_FIELD.x(x), _FIELD.y(y)) for x, y in edge], LINE)
    _draw_points(sheet, shown, colours)
    _draw_names(sheet, shown, counts, colours)
    _draw_legend(sheet, counts, colours)
    return sheet.png()


def label_colours(labels: Iterable[str]) -> dict[str, str]:
    """A colour for each label: the usual one of a known genre, else one that no other has, if there are enough."""
    colours: dict[str, str] = {}
    spare = cycle(SPARE_COLOURS)
    for label in sorted(labels):
        known = GENRE_COLOURS.get(re.sub("[^a-z]", "", _leaf(label).lower()))
        colours[label] = known if known and known not in colours.values() else next(spare)
    return colours


def _colours(counts: Counter[str]) -> dict[str, str]:
    """Of the most frequent genres."""
    colours = label_colours(genre for genre in counts if genre != UNKNOWN)
    named = [genre for genre, _ in counts.most_common() if genre in colours]
    return {genre: colours[genre] for genre in named[:_MOST_NAMED]}


def _draw_points(sheet: Canvas, shown: list[MapPoint], colours: dict[str, str]) -> None:
    radius = max(_SMALLEST, min(_LARGEST, 90 / len(shown) ** 0.5))
    inset = Box(_FIELD.left + 16, _FIELD.top + 16, _FIELD.right - 16, _FIELD.bottom - 16)
    order = np.random.default_rng(0).permutation(len(shown))  # so that no genre lies on top of all others
    for point in (shown[place] for place in order):
        colour = _mixed(colours.get(point.genre, OTHER_COLOUR), _FAINT + (1 - _FAINT) * point.confidence)
        sheet.dot(inset.x(point.x), inset.y(point.y), radius, colour)


def _draw_names(sheet: Canvas, shown: list[MapPoint], counts: Counter[str], colours: dict[str, str]) -> None:
    """The name of each frequent genre where most of it is, and not upon another name."""
    taken: list[tuple[float, float]] = []
    for genre, count in counts.most_common():
        if genre not in colours or count < _NAME_SHARE * len(shown):
            continue
        x, y = _densest(np.array([(point.x, point.y) for point in shown if point.genre == genre]))
        x, y = min(max(_FIELD.x(x), _FIELD.left + 60), _FIELD.right - 60), _FIELD.y(y)
        away = _ROOM if y < (_FIELD.top + _FIELD.bottom) / 2 else -_ROOM
        while any(abs(x - a) < 130 and abs(y - b) < _ROOM for a, b in taken):
            y += away
        taken.append((x, y))
        for dx, dy in ((-2, 0), (2, 0), (0, -2), (0, 2), (-1.5, -1.5), (1.5, 1.5), (-1.5, 1.5), (1.5, -1.5)):
            sheet.text(x + dx, y + dy, _leaf(genre), 22, PAPER, "mm")
        sheet.text(x, y, _leaf(genre), 22, INK, "mm")


def _draw_legend(sheet: Canvas, counts: Counter[str], colours: dict[str, str]) -> None:
    rows = [(_leaf(genre), colours[genre], count) for genre, count in counts.most_common() if genre in colours]
    rest = sum(count for genre, count in counts.items() if genre not in colours)
    for place, (name, colour, count) in enumerate([*rows, *([("other or unknown", OTHER_COLOUR, rest)] if rest else [])]):
        y = _LEGEND_Y + place * _ROW
        sheet.dot(_LEGEND_X, y, 7, colour)
        sheet.text(_LEGEND_X + 18, y, name if len(name) <= _LONGEST else f"{name[: _LONGEST - 3]}...", 17, INK)
        sheet.text(_WIDTH - 24, y, f"{count:,}", 17, DIM, "rm")


def _densest(places: NDArray[np.float64]) -> tuple[float, float]:
    """The middle of the points in the fullest cell of a grid and the cells around it."""
    cells = np.clip((places * _CELLS).astype(int), 0, _CELLS - 1)
    grid = np.zeros((_CELLS + 2, _CELLS + 2))
    np.add.at(grid, (cells[:, 0] + 1, cells[:, 1] + 1), 1)
    around = sum(grid[dx : dx + _CELLS, dy : dy + _CELLS] for dx in range(3) for dy in range(3))
    best = np.array(np.unravel_index(np.argmax(around), (_CELLS, _CELLS)))
    near = (np.abs(cells - best) <= 1).all(axis=1)
    x, y = places[near].mean(axis=0)
    return float(x), float(y)


def _mixed(colour: str, share: float) -> str:
    """A colour laid over the paper."""
    pairs = ((int(colour[at : at + 2], 16), int(PAPER[at : at + 2], 16)) for at in (1, 3, 5))
    return "#" + "".join(f"{round(share * own + (1 - share) * under):02x}" for own, under in pairs)


def _leaf(genre: str) -> str:
    return genre.rpartition(LEVEL_SEPARATOR)[2]
