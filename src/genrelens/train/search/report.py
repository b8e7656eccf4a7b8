"""The report of a search, as one HTML page with embedded figures, and the figures as files."""

import base64
from collections.abc import Iterator, Mapping
from pathlib import Path

import jinja2

from genrelens.files import atomic_write, write_text
from genrelens.train.fit.record import read_history
from genrelens.train.recipes.recipe import Recipe
from genrelens.train.search import figures
from genrelens.train.search.study import METRIC_TITLES, METRICS, Objective, Trial

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


def write_report(
    recipe: Recipe,
    objective: Objective,
    trials: tuple[Trial, ...],
    best: Trial,
    importances: Mapping[str, float],
    folder: Path,
) -> None:
    """Write report.html, a self-contained page, and its figures as PNG files."""
    pictures = []
    for name, caption, content in _figures(recipe, objective, trials, best, importances, folder):
        with atomic_write(folder / f"{name}.png") as file:
            file.write(content)
        pictures.append((caption, base64.b64encode(content).decode()))
    engine = jinja2.Environment(autoescape=True, trim_blocks=True)
    engine.filters["short"] = lambda value: f"{value:.4g}" if isinstance(value, float) else str(value)
    page = engine.from_string(_PAGE).render(
        name=recipe.name,
        title=METRIC_TITLES[objective],
        trials=trials,
        best=best,
        keys=list(recipe.tune),
        pictures=pictures,
        varied=bool(importances),
    )
    write_text(folder / "report.html", page)


def trial_folder(folder: Path, trial: Trial) -> Path:
    """Return the folder with the recipe and the history of a trial."""
    return folder / "trials" / f"{trial.origin:04}"


def _figures(
    recipe: Recipe,
    objective: Objective,
    trials: tuple[Trial, ...],
    best: Trial,
    importances: Mapping[str, float],
    folder: Path,
) -> Iterator[tuple[str, str, bytes]]:
    """Yield file names, captions and PNG images."""
    title, metric = METRIC_TITLES[objective], METRICS[objective]
    measured = [trial for trial in trials if trial.state in ("complete", "pruned")]
    histories = {trial.number: read_history(trial_folder(folder, trial)) for trial in measured}
    yield "course", "Trials in order", figures.draw_course(trials, best, title)
    if importances:
        yield "importances", "Importance of each setting (fANOVA)", figures.draw_importances(importances)
    yield "slices", "Objective by value of each setting", figures.draw_slices(trials, best, recipe.tune, title)
    yield "epochs", "Learning curves of the trials", figures.draw_epochs(histories, best, metric, title)
