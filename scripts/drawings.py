"""Figures in documents: accuracy against cost (docs/pareto-*.png) and the reliability diagram (docs/reliability-*.png).

python scripts/drawings.py
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from results import RESULTS, ROOT, read_results

from genrelens.train.benchmark.benchmark import read_cells
from genrelens.train.evaluation.metrics import Metrics
from genrelens.train.report.drawing import DARK, LIGHT, Drawing, Palette
from genrelens.train.report.figures import reliability_diagram

BACKBONES = {"lens": "lens", "zero-shot": "mn04 zero-shot", "probe": "mn04 probe"}
OVERFITTED = "lens-overfit"  # on purpose, to show the effect of a leak
_BYTES = 4  # per weight
_AREA = 6.0  # square points per megabyte
_TIMES = (10, 20, 50, 100, 200, 500)  # milliseconds
_SIZES = (1, 10, 50)  # megabytes, in the legend


@dataclass(frozen=True)
class Point:
    """The cost and accuracy of a model.

    Attributes:
        name: name of the recipe or model.
        milliseconds: CPU time on one thread from 30 s of samples to a prediction.
        megabytes: size of the weights in 32 bits.
        accuracy: fraction of the tracks that are predicted correctly.
    """

    name: str
    milliseconds: float
    megabytes: float
    accuracy: float


def write_drawings() -> None:
    """Write all figures for light and for dark backgrounds."""
    for drawing in (pareto(), reliability()):
        for palette in (LIGHT, DARK):
            (ROOT / "docs" / f"{drawing.name}-{palette.name}.png").write_bytes(drawing.png(palette))


def picture(drawing: Drawing) -> str:
    """Return the HTML that shows a figure on the reader's background, for a document at the root."""
    file = f"docs/{drawing.name}"
    return (
        f'<picture>\n  <source media="(prefers-color-scheme: dark)" srcset="{file}-dark.png">\n'
        f'  <img src="{file}-light.png" alt="{drawing.alt}">\n</picture>'
    )


def reliability() -> Drawing:
    """Draw accuracy against confidence of the bundled model on *test*."""
    return reliability_diagram(Metrics.model_validate(read_results("lens")["test"]))


def pareto() -> Drawing:
    """Draw accuracy against time, with discs in proportion to the weights, for the two lists of test tracks."""
    lists = {"all 290 test tracks, from log-mels": recipes(), "the 126 with recordings, from audio": backbones()}

    def draw(palette: Palette) -> Figure:
        figure = Figure(figsize=(10.4, 5.0), layout="constrained")
        left, right = figure.subplots(1, 2, sharey=True, width_ratios=(3, 2))
        for axes, (title, points) in zip((left, right), lists.items(), strict=True):
            _draw_points(axes, points, palette)
            axes.set_title(title)
        left.set_ylabel("accuracy, by track")
        for size in _SIZES:
            right.scatter([], [], _AREA * size + 12, color=palette.first, alpha=0.7, label=f"{size} MB")
        right.legend(loc="lower right", frameon=False, labelcolor=palette.ink, labelspacing=1.4)
        return figure

    return Drawing("pareto", _pareto_text(*lists.values()), draw)


def recipes() -> list[Point]:
    """Return the recipes and the bundled model, on all test tracks."""
    cells = [
        cell
        for cell in read_cells(RESULTS / "gtzan")
        if cell.protocol == "fault-filtered" and cell.cpu_ms and cell.recipe != OVERFITTED
    ]
    trained = [
        Point(cell.recipe, cell.cpu_ms or 0.0, _BYTES * cell.parameters / 1e6, cell.accuracy.value) for cell in cells
    ]
    lens = read_results("backbones")["models"]["lens"]
    accuracy = read_results("lens")["test"]["accuracy"]["value"]
    return [*trained, Point("lens", lens["cpu_ms"], lens["megabytes"], accuracy)]


def backbones() -> list[Point]:
    """Return networks pretrained on other audio and the bundled model, on the test tracks with recordings."""
    models = read_results("backbones")["models"]
    return [
        Point(name, models[key]["cpu_ms"], models[key]["megabytes"], models[key]["test"]["accuracy"]["value"])
        for key, name in BACKBONES.items()
    ]


def frontier(points: Iterable[Point]) -> list[Point]:
    """Return the points that no faster one surpasses, from the fastest to the most accurate."""
    best: list[Point] = []
    for point in sorted(points, key=lambda point: (point.milliseconds, -point.accuracy)):
        if not best or point.accuracy > best[-1].accuracy:
            best.append(point)
    return best


def _draw_points(axes: Axes, points: Sequence[Point], palette: Palette) -> None:
    edge = frontier(points)
    axes.plot([point.milliseconds for point in edge], [point.accuracy for point in edge], color=palette.faint, zorder=1)
    for point in points:
        place, area = (point.milliseconds, point.accuracy), _AREA * point.megabytes
        colour = palette.second if point.name == "lens" else palette.first
        axes.scatter(*place, area + 12, color=colour, alpha=0.7, zorder=2)
        offset = (4 + (area / 3.14) ** 0.5, 0)
        style: dict[str, Any] = {"textcoords": "offset points", "va": "center", "fontsize": 9, "color": palette.ink}
        axes.annotate(point.name, place, offset, **style)
    axes.set_xscale("log")
    axes.set_xlim(_TIMES[0] / 1.3, _TIMES[-1] * 1.3)
    axes.set_xticks(_TIMES, [str(time) for time in _TIMES])
    axes.minorticks_off()
    axes.set_xlabel("CPU time for 30 s of music (ms, one thread)")


def _pareto_text(*lists: Sequence[Point]) -> str:
    all_tracks, recorded = (
        ", ".join(f"{point.name} {100 * point.accuracy:.1f} %" for point in frontier(points)) for points in lists
    )
    return (
        "Accuracy against CPU time and megabytes. Not surpassed by a faster model, on all test tracks: "
        f"{all_tracks}; on those with recordings: {recorded}."
    )


if __name__ == "__main__":
    write_drawings()
