"""The picture of what accuracy costs, made from the results."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from genrelens.train.benchmark.benchmark import read_cells
from genrelens.train.report.drawing import Drawing, Palette

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
BACKBONES = {"lens": "lens", "zero-shot": "mn04 as it is", "probe": "mn04, probed"}
OVERFITTED = "lens-overfit"  # meant to be: it shows what a leak is worth
_BYTES = 4  # of a weight
_AREA = 6.0  # square points of a megabyte
_TIMES = (10, 20, 50, 100, 200, 500)  # milliseconds
_SIZES = (1, 10, 50)  # megabytes, in the legend


@dataclass(frozen=True)
class Point:
    """What a model costs and gives.

    Attributes:
        name: of the recipe or model.
        milliseconds: of CPU time on one thread from 30 s of samples to an answer.
        megabytes: of the weights, in 32 bits.
        accuracy: share of the tracks that is told right.
    """

    name: str
    milliseconds: float
    megabytes: float
    accuracy: float


def recipes() -> list[Point]:
    """The recipes, and the bundled model, on all tracks of the test list."""
    cells = [
        cell
        for cell in read_cells(RESULTS / "gtzan")
        if cell.protocol == "fault-filtered" and cell.cpu_ms and cell.recipe != OVERFITTED
    ]
    trained = [
        Point(cell.recipe, cell.cpu_ms or 0.0, _BYTES * cell.parameters / 1e6, cell.accuracy.value) for cell in cells
    ]
    lens = _read("backbones")["models"]["lens"]
    own = _read("lens")["test"]["accuracy"]["value"]
    return [*trained, Point("lens", lens["cpu_ms"], lens["megabytes"], own)]


def backbones() -> list[Point]:
    """Nets that learnt from other audio, and the bundled model, on the test tracks whose recordings are at hand."""
    models = _read("backbones")["models"]
    return [
        Point(name, models[key]["cpu_ms"], models[key]["megabytes"], models[key]["test"]["accuracy"]["value"])
        for key, name in BACKBONES.items()
    ]


def frontier(points: Iterable[Point]) -> list[Point]:
    """Those that no other beats at less time, from the fastest to the most accurate."""
    best: list[Point] = []
    for point in sorted(points, key=lambda each: (each.milliseconds, -each.accuracy)):
        if not best or point.accuracy > best[-1].accuracy:
            best.append(point)
    return best


def drawing() -> Drawing:
    """Accuracy against time, discs as large as the weights; the two lists of tracks side by side."""
    sides = {"all 290 test tracks, from log-mels": recipes(), "the 126 with recordings, from audio": backbones()}

    def draw(palette: Palette) -> Figure:
        figure = Figure(figsize=(10.4, 5.0), layout="constrained")
        for axes, (title, points) in zip(
            figure.subplots(1, 2, sharey=True, width_ratios=(3, 2)), sides.items(), strict=True
        ):
            edge = frontier(points)
            axes.plot(
                [point.milliseconds for point in edge],
                [point.accuracy for point in edge],
                color=palette.faint,
                zorder=1,
            )
            for point in points:
                colour = palette.second if point.name == "lens" else palette.first
                axes.scatter(
                    point.milliseconds, point.accuracy, _AREA * point.megabytes + 12, color=colour, alpha=0.7, zorder=2
                )
                axes.annotate(
                    point.name,
                    (point.milliseconds, point.accuracy),
                    (4 + (_AREA * point.megabytes / 3.14) ** 0.5, 0),
                    textcoords="offset points",
                    va="center",
                    fontsize=9,
                    color=palette.ink,
                )
            axes.set_xscale("log")
            axes.set_xlim(_TIMES[0] / 1.3, _TIMES[-1] * 1.3)
            axes.set_xticks(_TIMES, [str(time) for time in _TIMES])
            axes.minorticks_off()
            axes.set_title(title)
            axes.set_xlabel("CPU time for 30 s of music (ms, one thread)")
        figure.axes[0].set_ylabel("accuracy, by track")
        for size in _SIZES:
            figure.axes[1].scatter([], [], _AREA * size + 12, color=palette.first, alpha=0.7, label=f"{size} MB")
        figure.axes[1].legend(loc="lower right", frameon=False, labelcolor=palette.ink, labelspacing=1.4)
        return figure

    return Drawing("pareto", _told(sides.values()), draw)


def _told(sides: Iterable[Sequence[Point]]) -> str:
    lines = [", ".join(f"{point.name} {100 * point.accuracy:.1f} %" for point in frontier(side)) for side in sides]
    return (
        "Accuracy against CPU time and megabytes. Not beaten at less time, on all test tracks: "
        f"{lines[0]}; on those with recordings: {lines[1]}."
    )


def _read(name: str) -> Any:
    return json.loads((RESULTS / f"{name}.json").read_text("utf-8"))
