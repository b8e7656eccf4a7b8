"""A search on one page: its course, what matters, and which values were good; and the pictures as files."""

import base64
import io
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jinja2
import matplotlib.pyplot as plt
import optuna
from matplotlib.axes import Axes
from optuna.importance import FanovaImportanceEvaluator
from optuna.visualization import matplotlib as views

from genrelens.files import replacing, write_text
from genrelens.train.recipe import Recipe
from genrelens.train.study import TITLES, Objective, Trial

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
<p>Best is trial {{ best.number }}, with a {{ title }} of {{ "%.4f" | format(best.value) }}. It was chosen on
<em>valid</em>, so that figure flatters; train <code>best.toml</code>, and measure on <em>test</em>.</p>
{% for caption, picture in pictures %}
<figure><img alt="{{ caption }}" src="data:image/png;base64,{{ picture }}">
<figcaption>{{ caption }}</figcaption></figure>
{% endfor %}
{% if not varied %}
<p>How much each value matters cannot be told before two trials have come to different ends.</p>
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

_View = Callable[[], Axes | Any]


def write_report(
    study: optuna.Study,
    recipe: Recipe,
    objective: Objective,
    trials: tuple[Trial, ...],
    best: Trial,
    importances: dict[str, float],
    folder: Path,
) -> None:
    """Write report.html, which needs no other file, and its pictures as PNG files."""
    title = TITLES[objective]
    pictures = []
    for name, caption, view in _views(study, title, bool(importances)):
        content = _png(view)
        with replacing(folder / f"{name}.png") as file:
            file.write(content)
        pictures.append((caption, base64.b64encode(content).decode()))
    engine = jinja2.Environment(autoescape=True)
    engine.filters["short"] = lambda value: f"{value:.4g}" if isinstance(value, float) else str(value)
    page = engine.from_string(_PAGE).render(
        name=recipe.name,
        title=title,
        trials=trials,
        best=best,
        keys=list(recipe.tune),
        pictures=pictures,
        varied=bool(importances),
    )
    write_text(folder / "report.html", page)


def _views(study: optuna.Study, title: str, varied: bool) -> Iterator[tuple[str, str, _View]]:
    """File names, captions and what draws."""
    yield "history", "Course of the search", lambda: views.plot_optimization_history(study, target_name=title)
    yield "epochs", "Trials epoch by epoch", lambda: views.plot_intermediate_values(study)
    if varied:
        evaluator = FanovaImportanceEvaluator(seed=0)
        yield (
            "importances",
            "Share of the variance that each value explains (fANOVA)",
            lambda: views.plot_param_importances(study, evaluator=evaluator, target_name=title),
        )
    yield "parallel", "Every trial as a line", lambda: views.plot_parallel_coordinate(study, target_name=title)
    yield "slices", "Every value by itself", lambda: views.plot_slice(study, target_name=title)


def _png(view: _View) -> bytes:
    plt.switch_backend("agg")  # needs no screen
    content = io.BytesIO()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of axes along which all trials are the same
            view()
        figure = plt.gcf()
        figure.set_size_inches(10, 5)
        figure.savefig(content, format="png", dpi=110, bbox_inches="tight")
    finally:
        plt.close("all")
    return content.getvalue()
