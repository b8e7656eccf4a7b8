"""The map of a library as a picture: a point for each track, coloured by genre, with genre names and a legend."""

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

_WIDTH, _HEIGHT = 1400, 1180  # pixels, as are all lengths below
_PLOT = Box(40, 110, 1100, 1140)
_POINTS = Box(56, 126, 1084, 1124)  # leaves a margin within the plot
_LEGEND_X, _LEGEND_Y, _LEGEND_ROW = 1140, 130, 30
_MAX_COLOURED_GENRES = 20
_MAX_LEGEND_NAME = 16  # characters
_MAX_RADIUS, _MIN_RADIUS = 5.0, 1.3  # of a point, among few and among very many
_MIN_OPACITY = 0.35  # of a point with confidence 0
_MIN_NAMED_SHARE = 0.02  # fraction of all tracks from which a genre is named on the map
_GRID_CELLS = 24  # per axis, in the search for the densest part of a genre
_NAME_WIDTH, _NAME_HEIGHT = 130, 26  # room for each name

# The page assigns colours by the same rule (web/static/lib/genres.js).
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
    """A track on the map, with coordinates from 0 to 1; `y` points upwards."""

    x: float
    y: float
    genre: str
    confidence: float


def load_points(catalog: Catalog) -> list[MapPoint]:
    """Return the points of all tracks on the map that have not vanished."""
    rows: Iterable[sqlite3.Row] = catalog.connection.execute(
        "SELECT x, y, genre, confidence FROM places JOIN answers USING (track)"
        " JOIN tracks ON tracks.id = track WHERE NOT vanished ORDER BY track"
    )
    return [MapPoint(*row) for row in rows]


def draw_map(points: list[MapPoint], model: str) -> bytes:
    """Draw the map as a PNG file, 1400 pixels wide, with the name and version of the model in the caption."""
    canvas = Canvas(_WIDTH, _HEIGHT)
    counts = Counter(point.genre for point in points)
    colours = _frequent_genre_colours(counts)
    end = canvas.text(_PLOT.left, 46, "A map of the library", 34, INK)
    canvas.text(end + 16, 49, f"{len(points):,} tracks", 22, DIM)
    canvas.text(_PLOT.left, 84, "similar tracks are close to each other; paler points have lower confidence", 16)
    canvas.text(_WIDTH - 24, 46, model, 15, DIM, "rm")
    for edge in ([(0, 0), (1, 0)], [(1, 0), (1, 1)], [(1, 1), (0, 1)], [(0, 1), (0, 0)]):
        canvas.line([(_PLOT.x(x), _PLOT.y(y)) for x, y in edge], LINE)
    _draw_points(canvas, points, colours)
    _draw_names(canvas, points, counts, colours)
    _draw_legend(canvas, counts, colours)
    return canvas.png()


def label_colours(labels: Iterable[str]) -> dict[str, str]:
    """Assign a colour to each label: the standard one of a common genre, else a spare one, unique while they last."""
    colours: dict[str, str] = {}
    spare = cycle(SPARE_COLOURS)
    for label in sorted(labels):
        standard = GENRE_COLOURS.get(re.sub("[^a-z]", "", _leaf(label).lower()))
        colours[label] = standard if standard and standard not in colours.values() else next(spare)
    return colours


def _frequent_genre_colours(counts: Counter[str]) -> dict[str, str]:
    colours = label_colours(genre for genre in counts if genre != UNKNOWN)
    by_frequency = [genre for genre, _ in counts.most_common() if genre in colours]
    return {genre: colours[genre] for genre in by_frequency[:_MAX_COLOURED_GENRES]}


def _draw_points(canvas: Canvas, points: list[MapPoint], colours: dict[str, str]) -> None:
    radius = max(_MIN_RADIUS, min(_MAX_RADIUS, 90 / len(points) ** 0.5))
    order = np.random.default_rng(0).permutation(len(points))  # otherwise one genre would cover all others
    for point in (points[index] for index in order):
        opacity = _MIN_OPACITY + (1 - _MIN_OPACITY) * point.confidence
        colour = _blend_with_paper(colours.get(point.genre, OTHER_COLOUR), opacity)
        canvas.dot(_POINTS.x(point.x), _POINTS.y(point.y), radius, colour)


def _draw_names(canvas: Canvas, points: list[MapPoint], counts: Counter[str], colours: dict[str, str]) -> None:
    """Write the name of each frequent genre at its densest part, moved where it would overlap another name."""
    occupied: list[tuple[float, float]] = []
    for genre, count in counts.most_common():
        if genre not in colours or count < _MIN_NAMED_SHARE * len(points):
            continue
        x, y = _densest_part(np.array([(point.x, point.y) for point in points if point.genre == genre]))
        x, y = min(max(_PLOT.x(x), _PLOT.left + 60), _PLOT.right - 60), _PLOT.y(y)
        step = _NAME_HEIGHT if y < (_PLOT.top + _PLOT.bottom) / 2 else -_NAME_HEIGHT
        while any(abs(x - other_x) < _NAME_WIDTH and abs(y - other_y) < _NAME_HEIGHT for other_x, other_y in occupied):
            y += step
        occupied.append((x, y))
        for dx, dy in ((-2, 0), (2, 0), (0, -2), (0, 2), (-1.5, -1.5), (1.5, 1.5), (-1.5, 1.5), (1.5, -1.5)):
            canvas.text(x + dx, y + dy, _leaf(genre), 22, PAPER, "mm")
        canvas.text(x, y, _leaf(genre), 22, INK, "mm")


def _draw_legend(canvas: Canvas, counts: Counter[str], colours: dict[str, str]) -> None:
    rows = [(_leaf(genre), colours[genre], count) for genre, count in counts.most_common() if genre in colours]
    if rest := sum(count for genre, count in counts.items() if genre not in colours):
        rows.append(("other or unknown", OTHER_COLOUR, rest))
    for index, (name, colour, count) in enumerate(rows):
        y = _LEGEND_Y + index * _LEGEND_ROW
        short_name = name if len(name) <= _MAX_LEGEND_NAME else f"{name[: _MAX_LEGEND_NAME - 3]}..."
        canvas.dot(_LEGEND_X, y, 7, colour)
        canvas.text(_LEGEND_X + 18, y, short_name, 17, INK)
        canvas.text(_WIDTH - 24, y, f"{count:,}", 17, DIM, "rm")


def _densest_part(coordinates: NDArray[np.float64]) -> tuple[float, float]:
    """Return the mean of the points, shape (n, 2), in the fullest 3x3 block of grid cells."""
    cells = np.clip((coordinates * _GRID_CELLS).astype(int), 0, _GRID_CELLS - 1)
    grid = np.zeros((_GRID_CELLS + 2, _GRID_CELLS + 2))
    np.add.at(grid, (cells[:, 0] + 1, cells[:, 1] + 1), 1)
    blocks = sum(grid[dx : dx + _GRID_CELLS, dy : dy + _GRID_CELLS] for dx in range(3) for dy in range(3))
    fullest = np.array(np.unravel_index(np.argmax(blocks), (_GRID_CELLS, _GRID_CELLS)))
    inside = (np.abs(cells - fullest) <= 1).all(axis=1)
    x, y = coordinates[inside].mean(axis=0)
    return float(x), float(y)


def _blend_with_paper(colour: str, opacity: float) -> str:
    pairs = ((int(colour[at : at + 2], 16), int(PAPER[at : at + 2], 16)) for at in (1, 3, 5))
    return "#" + "".join(f"{round(opacity * value + (1 - opacity) * paper):02x}" for value, paper in pairs)


def _leaf(genre: str) -> str:
    """Return the last level of a genre path, such as Metal of Rock---Metal."""
    return genre.rpartition(LEVEL_SEPARATOR)[2]
