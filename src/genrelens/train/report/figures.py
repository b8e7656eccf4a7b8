"""Pictures of a training and of what a model is worth, each drawn for light and for dark paper."""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from genrelens.train.evaluation.metrics import Metrics
from genrelens.train.fit.history import Epoch, History

WIDTH = 5.2  # inches: text of 10 points can be read when the picture is as narrow as a phone

_DPI = 160
_MOST_COUNTED = 16  # genres up to which the cells of a confusion matrix have room for numbers


@dataclass(frozen=True)
class Palette:
    """Colours of a picture; those of the lines are told apart by all eyes (Okabe & Ito, 2008)."""

    name: str
    paper: str
    ink: str
    faint: str
    first: str
    second: str
    third: str
    deep: str  # the end of the scale that begins at `paper`


LIGHT = Palette("light", "#ffffff", "#1b1f24", "#d5d9de", "#0072b2", "#d55e00", "#009e73", "#08306b")
DARK = Palette("dark", "#16191d", "#e6e8ea", "#3a4047", "#56b4e9", "#e69f00", "#2fc39b", "#9fd8ff")


@dataclass(frozen=True)
class Drawing:
    """A picture to be: what it is called, what it shows in words, and how it is drawn."""

    name: str
    alt: str
    draw: Callable[[Palette], Figure]

    def png(self, palette: Palette) -> bytes:
        """The picture as a file."""
        figure = self.draw(palette)
        for axes in figure.axes:
            _dress(axes, palette)
        for text in (text for legend in figure.legends for text in legend.get_texts()):
            text.set(color=palette.ink, fontsize=10)
        content = io.BytesIO()
        figure.savefig(content, format="png", dpi=_DPI, facecolor=palette.paper)
        return content.getvalue()


def learning_curves(history: History, kept: int | None) -> Drawing:
    """Loss and accuracy (with several labels, mean average precision) by epoch, and whose weights were kept."""
    several = any(epoch.valid_map is not None for epoch in history.epochs)
    lower, name = ("map", "mean average precision") if several else ("accuracy", "accuracy")

    def draw(palette: Palette) -> Figure:
        figure = Figure(figsize=(WIDTH, 4.6), layout="constrained")
        above, below = figure.subplots(2, sharex=True)
        for axes, measure, title in ((above, "loss", "loss"), (below, lower, name)):
            for side, colour, marker in (("train", palette.first, "."), ("valid", palette.second, "o")):
                seen = _series(history.epochs, f"{side}_{measure}")
                axes.plot(*seen, color=colour, marker=marker, markersize=4, linewidth=1.5, label=side)
            axes.set_ylabel(title)
            axes.grid(axis="y", color=palette.faint, linewidth=0.5)
            if kept is not None:
                axes.axvline(kept + 1, color=palette.ink, linewidth=1, linestyle=":", label="weights kept", zorder=1)
        _legend(figure, above)
        below.set_xlabel("epoch")
        below.xaxis.set_major_locator(MaxNLocator(integer=True))
        return figure

    best = history.best
    found = f" The lowest loss on valid is {best.valid_loss:.3f}, in epoch {best.epoch + 1}." if best else ""
    epochs = "1 epoch" if len(history.epochs) == 1 else f"{len(history.epochs)} epochs"
    return Drawing("curves", f"Loss and {name} over {epochs}.{found}", draw)


def confusion_matrix(metrics: Metrics) -> Drawing:
    """Which genre is told as which: counts, coloured by their share of the true genre."""
    labels = [row.label for row in metrics.genres]
    counts = np.array(metrics.confusion)
    shares = counts / np.maximum(1, counts.sum(axis=1, keepdims=True))

    def draw(palette: Palette) -> Figure:
        many = len(labels) > _MOST_COUNTED
        side = max(WIDTH, 1.6 + 0.19 * len(labels))  # a line of text for each
        figure = Figure(figsize=(side, side), layout="constrained")
        axes = figure.subplots()
        scale = LinearSegmentedColormap.from_list("scale", [palette.paper, palette.first, palette.deep])
        axes.imshow(shares, cmap=scale, vmin=0, vmax=1)
        axes.set_xticks(range(len(labels)), labels, rotation=90 if many else 45, ha="center" if many else "right")
        axes.set_yticks(range(len(labels)), labels)
        axes.set_xlabel("told as")
        axes.set_ylabel("true genre")
        if not many:
            _write_counts(axes, counts, shares, palette)
        return figure

    return Drawing("confusion", _confusion_text(labels, counts), draw)


def genre_metrics(metrics: Metrics) -> Drawing:
    """Precision, recall and F1 of each genre, the best told on top."""
    rows = sorted(metrics.genres, key=lambda row: row.f1)

    def draw(palette: Palette) -> Figure:
        figure = Figure(figsize=(WIDTH, 1.1 + 0.28 * len(rows)), layout="constrained")
        axes = figure.subplots()
        places = np.arange(len(rows))
        lows, highs = ([pick(row.precision, row.recall) for row in rows] for pick in (min, max))
        axes.hlines(places, lows, highs, color=palette.faint, linewidth=3)
        for name, colour, marker, size in (
            ("precision", palette.first, "o", 8),
            ("recall", palette.second, "s", 5.5),
            ("F1", palette.third, "D", 3.5),
        ):
            values = [getattr(row, name.lower()) for row in rows]
            axes.plot(values, places, marker, color=colour, markersize=size, label=name, clip_on=False, zorder=3)
        axes.set_yticks(places, [f"{row.label} ({row.support})" for row in rows])
        axes.set_xlim(0, 1)
        axes.set_ylim(-0.6, len(rows) - 0.4)
        axes.grid(axis="x", color=palette.faint, linewidth=0.5)
        _legend(figure, axes)
        return figure

    best, worst = rows[-1], rows[0]
    span = f"F1 from {worst.f1:.2f} ({worst.label}) to {best.f1:.2f} ({best.label})"
    return Drawing("genres", f"Precision, recall and F1 of each genre: {span}.", draw)


def reliability_diagram(metrics: Metrics) -> Drawing:
    """How often answers are right against how confident they are, and how many there are (Guo et al., 2017)."""
    calibration = metrics.calibration

    def draw(palette: Palette) -> Figure:
        figure = Figure(figsize=(WIDTH, 4.8), layout="constrained")
        above, below = figure.subplots(2, sharex=True, height_ratios=(3, 1))
        middles = [(row.low + row.high) / 2 for row in calibration.bins]
        width = 0.9 * (calibration.bins[0].high - calibration.bins[0].low)
        above.bar(middles, [row.accuracy for row in calibration.bins], width, color=palette.first, label="accuracy")
        above.hlines(
            [row.confidence for row in calibration.bins],
            [middle - width / 2 for middle in middles],
            [middle + width / 2 for middle in middles],
            color=palette.second,
            linewidth=2.5,
            label="mean confidence",
        )
        above.plot([0, 1], [0, 1], color=palette.ink, linewidth=1, linestyle=":", label="perfect")
        above.set_ylabel("share that is right")
        above.set_ylim(0, 1)
        _legend(figure, above)
        below.bar(middles, [row.answers for row in calibration.bins], width, color=palette.faint)
        below.set_ylabel("answers")
        below.set_xlabel("confidence")
        below.set_xlim(0, 1)
        return figure

    return Drawing("reliability", _reliability_text(metrics), draw)


def accuracy_coverage(metrics: Metrics) -> Drawing:
    """How right the answers are that are left when the least confident are held back (Geifman & El-Yaniv, 2017)."""
    own = metrics.selection
    at_80, everything = own.at_80.value, own.accuracies[-1]

    def draw(palette: Palette) -> Figure:
        figure = Figure(figsize=(WIDTH, 3.6), layout="constrained")
        axes = figure.subplots()
        axes.plot(range(1, len(own.accuracies) + 1), own.accuracies, color=palette.first, label="this model")
        axes.axhline(everything, color=palette.ink, linewidth=1, linestyle=":", label="confidence that tells nothing")
        axes.plot([80], [at_80], "o", color=palette.second, label="at 80 %")
        axes.set_xlabel("answers that are given, the most confident first (%)")
        axes.set_ylabel("share that is right")
        axes.set_xlim(0, 100)
        axes.grid(axis="y", color=palette.faint, linewidth=0.5)
        _legend(figure, axes)
        return figure

    told = (
        f"Accuracy against coverage: {100 * everything:.0f} % of all answers are right, and "
        f"{100 * at_80:.0f} % of the 80 % that are most confident; the area under the risk-coverage curve is "
        f"{own.risk:.3f}."
    )
    return Drawing("selection", told, draw)


def _legend(figure: Figure, axes: Axes) -> None:
    handles, names = axes.get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper center", ncols=len(names), frameon=False)


def _dress(axes: Axes, palette: Palette) -> None:
    """Put an axes into the colours of its paper."""
    axes.set_facecolor(palette.paper)
    axes.tick_params(colors=palette.ink, labelsize=10, length=0, pad=5)
    for text in (axes.xaxis.label, axes.yaxis.label, axes.title):
        text.set(color=palette.ink, fontsize=10)
    for name, spine in axes.spines.items():
        spine.set_visible(name in ("left", "bottom"))
        spine.set_color(palette.faint)


def _series(epochs: Sequence[Epoch], name: str) -> tuple[list[int], list[float]]:
    """Numbers of epochs, from 1, and what was measured in them, if it was (the mean precision of *train* is not)."""
    seen = [(epoch.epoch + 1, value) for epoch in epochs if (value := getattr(epoch, name, None)) is not None]
    return [number for number, _ in seen], [value for _, value in seen]


def _write_counts(axes: Axes, counts: np.ndarray, shares: np.ndarray, palette: Palette) -> None:
    for (row, column), count in np.ndenumerate(counts):
        if count:
            colour = palette.ink if shares[row, column] < 0.4 else palette.paper
            axes.text(column, row, str(count), ha="center", va="center", color=colour, fontsize=9)


def _confusion_text(labels: Sequence[str], counts: np.ndarray) -> str:
    wrong = counts * (1 - np.eye(len(labels), dtype=int))
    if not wrong.any():
        return f"Confusion matrix of {len(labels)} genres: all answers are right."
    true, told = np.unravel_index(wrong.argmax(), wrong.shape)
    return (
        f"Confusion matrix of {len(labels)} genres: most often {labels[true]} is told as {labels[told]}, "
        f"{wrong[true, told]} of {counts[true].sum()} times."
    )


def _reliability_text(metrics: Metrics) -> str:
    rows = metrics.calibration.bins
    answers = sum(row.answers for row in rows)
    confidence = sum(row.answers * row.confidence for row in rows) / answers
    return (
        f"Reliability diagram: the answers are {100 * confidence:.0f} % confident on the mean and "
        f"{100 * metrics.accuracy.value:.0f} % right; the expected calibration error is "
        f"{metrics.calibration.error:.3f}, and chance alone would give a perfect model "
        f"{metrics.calibration.by_chance:.3f}."
    )
