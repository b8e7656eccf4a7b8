"""Figures of a search: objective by trial, learning curves, importances, and objective by parameter value."""

import io
from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from genrelens.train.fit.record import History
from genrelens.train.recipes.recipe import SearchSpace
from genrelens.train.search.study import Trial

_COMPLETE, _PRUNED, _BEST = "#3465a4", "#aaaaaa", "#cc5500"
_MAX_COLUMNS = 3


def draw_course(trials: Sequence[Trial], best: Trial, title: str) -> bytes:
    """Draw the objective of each trial by its number, as PNG."""
    figure = Figure(figsize=(8, 4), layout="constrained")
    axes = figure.subplots()
    _scatter(axes, [(trial.number, trial) for trial in trials], best)
    axes.axhline(best.value or 0.0, color=_BEST, linewidth=1, linestyle=":")
    axes.set(xlabel="trial", ylabel=title)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(frameon=False)
    return _png(figure)


def draw_epochs(histories: Mapping[int, History], best: Trial, metric: str, title: str) -> bytes:
    """Draw the learning curve of each trial, with the best one highlighted, as PNG."""
    figure = Figure(figsize=(8, 4), layout="constrained")
    axes = figure.subplots()
    for number, history in histories.items():
        measured = [epoch for epoch in history.epochs if getattr(epoch, metric) is not None]
        values = [getattr(epoch, metric) for epoch in measured]
        colour, zorder, label = (_BEST, 3, f"trial {number}") if number == best.number else (_PRUNED, 2, None)
        axes.plot([epoch.epoch for epoch in measured], values, marker=".", color=colour, zorder=zorder, label=label)
    axes.set(xlabel="epoch", ylabel=title)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(frameon=False)
    return _png(figure)


def draw_importances(importances: Mapping[str, float]) -> bytes:
    """Draw the importance of each key in percent, as PNG."""
    figure = Figure(figsize=(8, 1 + 0.4 * len(importances)), layout="constrained")
    axes = figure.subplots()
    bars = axes.barh(list(importances), [100 * share for share in importances.values()], color=_COMPLETE)
    axes.bar_label(bars, fmt="%.0f %%", padding=4)
    axes.invert_yaxis()
    axes.margins(x=0.1)
    axes.set(xlabel="share of the variance explained, %")
    return _png(figure)


def draw_slices(trials: Sequence[Trial], best: Trial, spaces: Mapping[str, SearchSpace], title: str) -> bytes:
    """Draw the objective of each trial by the value of each key, one panel per key, as PNG."""
    columns = min(_MAX_COLUMNS, len(spaces))
    rows = -(-len(spaces) // columns)
    figure = Figure(figsize=(3 * columns + 1, 3 * rows), layout="constrained")
    grid = figure.subplots(rows, columns, sharey=True, squeeze=False)
    for axes, (key, space) in zip(grid.flat, spaces.items(), strict=False):
        with_key = [trial for trial in trials if key in trial.settings]
        values = [trial.settings[key] for trial in with_key]
        positions = [space.choices.index(value) for value in values] if space.choices else values
        _scatter(axes, list(zip(positions, with_key, strict=True)), best)
        if space.choices:
            axes.set_xticks(range(len(space.choices)), map(str, space.choices))
            axes.margins(x=0.3)
        if space.log:
            axes.set_xscale("log")
        axes.set_xlabel(key)
    for axes in list(grid.flat)[len(spaces) :]:
        axes.set_axis_off()
    for axes in grid[:, 0]:
        axes.set_ylabel(title)
    return _png(figure)


def _scatter(axes: Axes, positioned: Sequence[tuple[float, Trial]], best: Trial) -> None:
    """Plot complete trials, pruned trials and the best trial in different colours."""
    for label, colour, group in (
        ("pruned", _PRUNED, [(x, trial) for x, trial in positioned if trial.state == "pruned"]),
        ("complete", _COMPLETE, [(x, trial) for x, trial in positioned if trial.state == "complete" and trial != best]),
        ("best", _BEST, [(x, trial) for x, trial in positioned if trial == best]),
    ):
        points = [(x, trial.value) for x, trial in group if trial.value is not None]
        if points:
            axes.scatter(*zip(*points, strict=True), color=colour, label=label, zorder=3)
    axes.grid(color="#eeeeee")


def _png(figure: Figure) -> bytes:
    content = io.BytesIO()
    for axes in figure.axes:
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(content, format="png", dpi=110)
    return content.getvalue()
