"""The report of a search: one HTML page with the trials and embedded figures, and the figures as files."""

import base64
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import jinja2
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from genrelens.files import atomic_write, write_text
from genrelens.train.fit.record import read_history
from genrelens.train.recipes.recipe import Recipe, SearchSpace
from genrelens.train.search.study import TITLES, Objective, Trial, trial_folder

_COMPLETE, _PRUNED, _BEST = "#3465a4", "#aaaaaa", "#cc5500"  # colours
_MAX_COLUMNS = 3

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{{ name }}: search</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .2rem .8rem; text-align: right; border-bottom: 1px solid #ddd; }
tr.best { font-weight: bold; background: #eef6ee; }
img { max-width: 100%; }
figure { margin: 2rem 0; }
</style>
</head>
<body>
<h1>{{ name }}: {{ trials | length }} trials</h1>
<p>The best is trial {{ best.number }}, with a {{ title }} of {{ "%.4f" | format(best.value) }}. It was selected on
<em>valid</em>, so this value is optimistic; train <code>best.toml</code> and evaluate it on <em>test</em>.</p>
{% for caption, picture in pictures %}
<figure><img alt="{{ caption }}" src="data:image/png;base64,{{ picture }}">
<figcaption>{{ caption }}</figcaption></figure>
{% endfor %}
{% if not varied %}
<p>The importance of each setting cannot be estimated until two trials have ended with different values.</p>
{% endif %}
<table>
<tr><th>trial</th><th>{{ title }}</th>{% for key in keys %}<th>{{ key }}</th>{% endfor %}<th>seconds</th><th></th></tr>
{% for trial in trials %}
<tr{% if trial.number == best.number %} class="best"{% endif %}><td>{{ trial.number }}</td>
<td>{{ "%.4f" | format(trial.value) if trial.value is not none }}</td>
{% for key in keys %}<td>{{ trial.settings.get(key, "") | short }}</td>{% endfor %}
<td>{{ trial.seconds | round | int if trial.seconds is not none }}</td><td>{{ trial.error or trial.state }}</td></tr>
{% endfor %}
</table>
</body>
</html>
"""


@dataclass(frozen=True)
class TuningResult:
    """The outcome of a search.

    Attributes:
        folder: the folder of the study.
        objective: metric that the search optimises, 'loss' or 'accuracy'.
        best: the best complete trial.
        trials: all trials.
        importances: fraction of the objective's variance that each key explains, in descending order.
    """

    folder: Path
    objective: Objective
    best: Trial
    trials: tuple[Trial, ...]
    importances: dict[str, float]


def write_report(recipe: Recipe, result: TuningResult) -> None:
    """Write report.html, a self-contained page, and its figures as PNG files."""
    pictures = []
    for name, caption, figure in _figures(recipe, result):
        content = io.BytesIO()
        for axes in figure.axes:
            axes.spines[["top", "right"]].set_visible(False)
        figure.savefig(content, format="png", dpi=110)
        with atomic_write(result.folder / f"{name}.png") as file:
            file.write(content.getvalue())
        pictures.append((caption, base64.b64encode(content.getvalue()).decode()))
    engine = jinja2.Environment(autoescape=True, trim_blocks=True)
    engine.filters["short"] = lambda value: f"{value:.4g}" if isinstance(value, float) else str(value)
    page = engine.from_string(_PAGE).render(
        name=recipe.name,
        title=TITLES[result.objective],
        trials=result.trials,
        best=result.best,
        keys=list(recipe.tune),
        pictures=pictures,
        varied=bool(result.importances),
    )
    write_text(result.folder / "report.html", page)


def _figures(recipe: Recipe, result: TuningResult) -> Iterator[tuple[str, str, Figure]]:
    """Yield file names, captions and figures."""
    yield "course", "Trials in order", _draw_course(result)
    if result.importances:
        yield "importances", "Importance of each setting (fANOVA)", _draw_importances(result.importances)
    yield "slices", "Objective by value of each setting", _draw_slices(result, recipe.tune)
    yield "epochs", "Learning curves of the trials", _draw_epochs(result)


def _draw_course(result: TuningResult) -> Figure:
    """Draw the objective of each trial by its number."""
    figure, axes = _numbered_axes("trial", TITLES[result.objective])
    _scatter(axes, [(trial.number, trial) for trial in result.trials], result.best)
    axes.axhline(result.best.value or 0.0, color=_BEST, linewidth=1, linestyle=":")
    axes.legend(frameon=False)
    return figure


def _draw_epochs(result: TuningResult) -> Figure:
    """Draw the learning curve of each trial, with the best one highlighted."""
    figure, axes = _numbered_axes("epoch", TITLES[result.objective])
    metric = f"valid_{result.objective}"
    for trial in result.trials:
        if trial.state in ("complete", "pruned"):
            epochs = read_history(trial_folder(result.folder, trial)).validated
            numbers, values = [epoch.epoch for epoch in epochs], [getattr(epoch, metric) for epoch in epochs]
            best = trial.number == result.best.number
            colour, zorder, label = (_BEST, 3, f"trial {trial.number}") if best else (_PRUNED, 2, None)
            axes.plot(numbers, values, marker=".", color=colour, zorder=zorder, label=label)
    axes.legend(frameon=False)
    return figure


def _draw_importances(importances: Mapping[str, float]) -> Figure:
    """Draw the importance of each key in percent."""
    figure = Figure(figsize=(8, 1 + 0.4 * len(importances)), layout="constrained")
    axes = figure.subplots()
    bars = axes.barh(list(importances), [100 * share for share in importances.values()], color=_COMPLETE)
    axes.bar_label(bars, fmt="%.0f %%", padding=4)
    axes.invert_yaxis()
    axes.margins(x=0.1)
    axes.set(xlabel="share of the variance explained, %")
    return figure


def _draw_slices(result: TuningResult, spaces: Mapping[str, SearchSpace]) -> Figure:
    """Draw the objective of each trial by the value of each key, one panel per key."""
    columns = min(_MAX_COLUMNS, len(spaces))
    rows = -(-len(spaces) // columns)
    figure = Figure(figsize=(3 * columns + 1, 3 * rows), layout="constrained")
    grid = figure.subplots(rows, columns, sharey=True, squeeze=False)
    for axes, (key, space) in zip(grid.flat, spaces.items(), strict=False):
        with_key = [(trial.settings[key], trial) for trial in result.trials if key in trial.settings]
        if space.choices:
            with_key = [(space.choices.index(value), trial) for value, trial in with_key]
        _scatter(axes, with_key, result.best)
        if space.choices:
            axes.set_xticks(range(len(space.choices)), map(str, space.choices))
            axes.margins(x=0.3)
        if space.log:
            axes.set_xscale("log")
        axes.set_xlabel(key)
    for axes in grid.flat[len(spaces) :]:
        axes.set_axis_off()
    for axes in grid[:, 0]:
        axes.set_ylabel(TITLES[result.objective])
    return figure


def _numbered_axes(xlabel: str, ylabel: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(8, 4), layout="constrained")
    axes = figure.subplots()
    axes.set(xlabel=xlabel, ylabel=ylabel)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure, axes


def _scatter(axes: Axes, positioned: Sequence[tuple[float, Trial]], best: Trial) -> None:
    """Plot complete trials, pruned trials and the best trial in different colours."""
    for label, colour in (("pruned", _PRUNED), ("complete", _COMPLETE), ("best", _BEST)):
        group = [(x, trial) for x, trial in positioned if label == ("best" if trial == best else trial.state)]
        points = [(x, trial.value) for x, trial in group if trial.value is not None]
        if points:
            axes.scatter(*zip(*points, strict=True), color=colour, label=label, zorder=3)
    axes.grid(color="#eeeeee")
