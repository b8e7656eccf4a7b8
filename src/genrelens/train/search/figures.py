"""Pictures of a search: its course, its trials epoch by epoch, what matters, and which values were good."""

import io
from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from genrelens.train.fit.history import History
from genrelens.train.recipes.recipe import SearchSpace
from genrelens.train.search.study import Trial

_ENDED, _GIVEN_UP, _BEST = "#3465a4", "#aaaaaa", "#cc5500"
_MOST = 3  # slices beside each other


def course(trials: Sequence[Trial], best: Trial, title: str) -> bytes:
    """The value of each trial by its number, as a PNG."""
    figure = Figure(figsize=(8, 4), layout="constrained")
    axes = figure.subplots()
    _points(axes, [(trial.number, trial) for trial in trials], best)
    axes.axhline(best.value or 0.0, color=_BEST, linewidth=1, linestyle=":")
    axes.set(xlabel="trial", ylabel=title)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(frameon=False)
    return _png(figure)


def epochs(histories: Mapping[int, History], best: Trial, measure: str, title: str) -> bytes:
    """Each trial epoch by epoch, the best one in colour, as a PNG."""
    figure = Figure(figsize=(8, 4), layout="constrained")
    axes = figure.subplots()
    for number, history in histories.items():
        looked = [epoch for epoch in history.epochs if getattr(epoch, measure) is not None]
        line = [getattr(epoch, measure) for epoch in looked]
        colour, height, name = (_BEST, 3, f"trial {number}") if number == best.number else (_GIVEN_UP, 2, None)
        axes.plot([epoch.epoch for epoch in looked], line, marker=".", color=colour, zorder=height, label=name)
    axes.set(xlabel="epoch", ylabel=title)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(frameon=False)
    return _png(figure)


def bars(importances: Mapping[str, float]) -> bytes:
    """How much each key matters, in percent, as a PNG."""
    figure = Figure(figsize=(8, 1 + 0.4 * len(importances)), layout="constrained")
    axes = figure.subplots()
    drawn = axes.barh(list(importances), [100 * share for share in importances.values()], color=_ENDED)
    axes.bar_label(drawn, fmt="%.0f %%", padding=4)
    axes.invert_yaxis()
    axes.margins(x=0.1)
    axes.set(xlabel="share of the variance explained, %")
    return _png(figure)


def slices(trials: Sequence[Trial], best: Trial, tune: Mapping[str, SearchSpace], title: str) -> bytes:
    """The value of each trial by what it took for each key, as a PNG."""
    columns = min(_MOST, len(tune))
    rows = -(-len(tune) // columns)
    figure = Figure(figsize=(3 * columns + 1, 3 * rows), layout="constrained")
    grid = figure.subplots(rows, columns, sharey=True, squeeze=False)
    for axes, (key, search) in zip(grid.flat, tune.items(), strict=False):
        tried = [trial for trial in trials if key in trial.settings]
        places = [search.choices.index(trial.settings[key]) for trial in tried] if search.choices else None
        _points(axes, list(zip(places or [trial.settings[key] for trial in tried], tried, strict=True)), best)
        if search.choices:
            axes.set_xticks(range(len(search.choices)), map(str, search.choices))
            axes.margins(x=0.3)
        if search.log:
            axes.set_xscale("log")
        axes.set_xlabel(key)
    for axes in list(grid.flat)[len(tune) :]:
        axes.set_axis_off()
    for axes in grid[:, 0]:
        axes.set_ylabel(title)
    return _png(figure)


def _points(axes: Axes, placed: Sequence[tuple[float, Trial]], best: Trial) -> None:
    """Trials that came to an end, those that were given up, and the best."""
    for name, colour, members in (
        ("given up", _GIVEN_UP, [(x, trial) for x, trial in placed if trial.state == "pruned"]),
        ("ended", _ENDED, [(x, trial) for x, trial in placed if trial.state == "complete" and trial != best]),
        ("best", _BEST, [(x, trial) for x, trial in placed if trial == best]),
    ):
        known = [(x, trial.value) for x, trial in members if trial.value is not None]
        if known:
            axes.scatter(*zip(*known, strict=True), color=colour, label=name, zorder=3)
    axes.grid(color="#eeeeee")


def _png(figure: Figure) -> bytes:
    content = io.BytesIO()
    for axes in figure.axes:
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(content, format="png", dpi=110)
    return content.getvalue()
