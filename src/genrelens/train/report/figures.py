"""Figures of a training run and of evaluation metrics."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from genrelens.train.evaluation.metrics import Metrics
from genrelens.train.fit.record import Epoch, History
from genrelens.train.report.drawing import WIDTH, Drawing, Palette, add_legend

_MAX_GENRES_WITH_COUNTS = 16  # in a confusion matrix; with more, cells have no room for numbers


def learning_curves(history: History, selected_epoch: int | None) -> Drawing:
    """Draw loss and accuracy (mean average precision of multi-label models) by epoch.

    Args:
        history: metrics of each epoch.
        selected_epoch: epoch of the selected weights, from 0.
    """
    multilabel = any(epoch.valid_map is not None for epoch in history.epochs)
    metric, title = ("map", "mean average precision") if multilabel else ("accuracy", "accuracy")

    def draw(palette: Palette) -> Figure:
        figure = Figure(figsize=(WIDTH, 4.6), layout="constrained")
        upper, lower = figure.subplots(2, sharex=True)
        for axes, name, label in ((upper, "loss", "loss"), (lower, metric, title)):
            for split, colour, marker in (("train", palette.first, "."), ("valid", palette.second, "o")):
                epochs, values = _series(history.epochs, f"{split}_{name}")
                axes.plot(epochs, values, color=colour, marker=marker, markersize=4, linewidth=1.5, label=split)
            axes.set_ylabel(label)
            axes.grid(axis="y", color=palette.faint, linewidth=0.5)
            if selected_epoch is not None:
                axes.axvline(
                    selected_epoch + 1,
                    color=palette.ink,
                    linewidth=1,
                    linestyle=":",
                    label="selected weights",
                    zorder=1,
                )
        add_legend(figure, upper)
        lower.set_xlabel("epoch")
        lower.xaxis.set_major_locator(MaxNLocator(integer=True))
        return figure

    best = history.best
    lowest = f" The lowest loss on valid is {best.valid_loss:.3f}, in epoch {best.epoch + 1}." if best else ""
    epochs = "1 epoch" if len(history.epochs) == 1 else f"{len(history.epochs)} epochs"
    return Drawing("curves", f"Loss and {title} over {epochs}.{lowest}", draw)


def confusion_matrix(metrics: Metrics) -> Drawing:
    """Draw the confusion matrix: counts, coloured by their fraction of the true genre."""
    labels = [row.label for row in metrics.genres]
    counts = np.array(metrics.confusion)
    shares = counts / np.maximum(1, counts.sum(axis=1, keepdims=True))

    def draw(palette: Palette) -> Figure:
        large = len(labels) > _MAX_GENRES_WITH_COUNTS
        size = max(WIDTH, 1.6 + 0.19 * len(labels))  # a line of text for each genre
        figure = Figure(figsize=(size, size), layout="constrained")
        axes = figure.subplots()
        scale = LinearSegmentedColormap.from_list("scale", [palette.paper, palette.first, palette.deep])
        axes.imshow(shares, cmap=scale, vmin=0, vmax=1)
        axes.set_xticks(range(len(labels)), labels, rotation=90 if large else 45, ha="center" if large else "right")
        axes.set_yticks(range(len(labels)), labels)
        axes.set_xlabel("predicted genre")
        axes.set_ylabel("true genre")
        if not large:
            _write_counts(axes, counts, shares, palette)
        return figure

    return Drawing("confusion", _confusion_text(labels, counts), draw)


def genre_metrics(metrics: Metrics) -> Drawing:
    """Draw precision, recall and F1 of each genre, the highest F1 on top."""
    rows = sorted(metrics.genres, key=lambda row: row.f1)

    def draw(palette: Palette) -> Figure:
        figure = Figure(figsize=(WIDTH, 1.1 + 0.28 * len(rows)), layout="constrained")
        axes = figure.subplots()
        positions = np.arange(len(rows))
        lows, highs = ([bound(row.precision, row.recall) for row in rows] for bound in (min, max))
        axes.hlines(positions, lows, highs, color=palette.faint, linewidth=3)
        for name, colour, marker, size in (
            ("precision", palette.first, "o", 8),
            ("recall", palette.second, "s", 5.5),
            ("F1", palette.third, "D", 3.5),
        ):
            values = [getattr(row, name.lower()) for row in rows]
            axes.plot(values, positions, marker, color=colour, markersize=size, label=name, clip_on=False, zorder=3)
        axes.set_yticks(positions, [f"{row.label} ({row.support})" for row in rows])
        axes.set_xlim(0, 1)
        axes.set_ylim(-0.6, len(rows) - 0.4)
        axes.grid(axis="x", color=palette.faint, linewidth=0.5)
        add_legend(figure, axes)
        return figure

    best, worst = rows[-1], rows[0]
    span = f"F1 from {worst.f1:.2f} ({worst.label}) to {best.f1:.2f} ({best.label})"
    return Drawing("genres", f"Precision, recall and F1 of each genre: {span}.", draw)


def reliability_diagram(metrics: Metrics) -> Drawing:
    """Draw accuracy against confidence, and the number of predictions in each confidence bin (Guo et al., 2017)."""
    bins = metrics.calibration.bins

    def draw(palette: Palette) -> Figure:
        figure = Figure(figsize=(WIDTH, 4.8), layout="constrained")
        upper, lower = figure.subplots(2, sharex=True, height_ratios=(3, 1))
        centres = [(row.low + row.high) / 2 for row in bins]
        width = 0.9 * (bins[0].high - bins[0].low)
        upper.bar(centres, [row.accuracy for row in bins], width, color=palette.first, label="accuracy")
        upper.hlines(
            [row.confidence for row in bins],
            [centre - width / 2 for centre in centres],
            [centre + width / 2 for centre in centres],
            color=palette.second,
            linewidth=2.5,
            label="mean confidence",
        )
        upper.plot([0, 1], [0, 1], color=palette.ink, linewidth=1, linestyle=":", label="perfect")
        upper.set_ylabel("accuracy")
        upper.set_ylim(0, 1)
        add_legend(figure, upper)
        lower.bar(centres, [row.answers for row in bins], width, color=palette.faint)
        lower.set_ylabel("predictions")
        lower.set_xlabel("confidence")
        lower.set_xlim(0, 1)
        return figure

    return Drawing("reliability", _reliability_text(metrics), draw)


def accuracy_coverage(metrics: Metrics) -> Drawing:
    """Draw accuracy after the least confident predictions are withheld (Geifman & El-Yaniv, 2017)."""
    selection = metrics.selection
    at_80, overall = selection.at_80.value, selection.accuracies[-1]

    def draw(palette: Palette) -> Figure:
        figure = Figure(figsize=(WIDTH, 3.6), layout="constrained")
        axes = figure.subplots()
        percents = range(1, len(selection.accuracies) + 1)
        axes.plot(percents, selection.accuracies, color=palette.first, label="this model")
        axes.axhline(overall, color=palette.ink, linewidth=1, linestyle=":", label="uninformative confidence")
        axes.plot([80], [at_80], "o", color=palette.second, label="at 80 %")
        axes.set_xlabel("coverage: the most confident predictions (%)")
        axes.set_ylabel("accuracy")
        axes.set_xlim(0, 100)
        axes.grid(axis="y", color=palette.faint, linewidth=0.5)
        add_legend(figure, axes)
        return figure

    alt = (
        f"Accuracy against coverage: {100 * overall:.0f} % of all predictions are correct, and {100 * at_80:.0f} % of "
        f"the most confident 80 %; the area under the risk-coverage curve is {selection.risk:.3f}."
    )
    return Drawing("selection", alt, draw)


def _series(epochs: Sequence[Epoch], name: str) -> tuple[list[int], list[float]]:
    """Return epoch numbers, from 1, and values of a metric, for the epochs that have it."""
    measured = [(epoch.epoch + 1, value) for epoch in epochs if (value := getattr(epoch, name, None)) is not None]
    return [number for number, _ in measured], [value for _, value in measured]


def _write_counts(axes: Axes, counts: np.ndarray, shares: np.ndarray, palette: Palette) -> None:
    for (row, column), count in np.ndenumerate(counts):
        if count:
            colour = palette.ink if shares[row, column] < 0.4 else palette.paper
            axes.text(column, row, str(count), ha="center", va="center", color=colour, fontsize=9)


def _confusion_text(labels: Sequence[str], counts: np.ndarray) -> str:
    errors = counts * (1 - np.eye(len(labels), dtype=int))
    if not errors.any():
        return f"Confusion matrix of {len(labels)} genres: all predictions are correct."
    true, predicted = np.unravel_index(errors.argmax(), errors.shape)
    return (
        f"Confusion matrix of {len(labels)} genres: the most frequent error is {labels[true]} predicted as "
        f"{labels[predicted]}, {errors[true, predicted]} of {counts[true].sum()} times."
    )


def _reliability_text(metrics: Metrics) -> str:
    bins = metrics.calibration.bins
    confidence = sum(row.answers * row.confidence for row in bins) / sum(row.answers for row in bins)
    return (
        f"Reliability diagram: the mean confidence is {100 * confidence:.0f} % and the accuracy "
        f"{100 * metrics.accuracy.value:.0f} %; the expected calibration error is {metrics.calibration.error:.3f}, "
        f"where a perfectly calibrated model would have {metrics.calibration.by_chance:.3f} by chance."
    )
