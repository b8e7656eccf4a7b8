"""The report of a training run: one HTML page with curves, metrics, mistakes, layers, recipe and environment."""

from dataclasses import dataclass
from pathlib import Path

from torch import nn

from genrelens.errors import GenrelensError, TrainingError, display_name
from genrelens.files import atomic_write, write_text
from genrelens.model.input_spec import InputSpec
from genrelens.train import networks
from genrelens.train.evaluation.bootstrap import Estimate
from genrelens.train.evaluation.evaluate import Evaluation
from genrelens.train.evaluation.metrics import ESTIMATES
from genrelens.train.fit.record import RunRecord, flatten_table, read_run_record
from genrelens.train.report import figures
from genrelens.train.report.drawing import Drawing
from genrelens.train.report.mistakes import Mistake, mistake_drawing, worst_mistakes
from genrelens.train.report.page import EmbeddedFigure, render_page
from genrelens.train.report.summary import NetworkSummary, summarise_network

_MAX_MISTAKES = 6


@dataclass(frozen=True)
class IllustratedMistake:
    """A wrong prediction with a figure of the track, or with the reason why the figure is missing."""

    mistake: Mistake
    figure: EmbeddedFigure | None
    reason: str


def write_report(run: Path, network: nn.Module | None = None) -> Path:
    """Write report/index.html and its figures into a run directory, and return the page.

    An unfinished or interrupted run is shown up to its last epoch.

    Args:
        run: run directory.
        network: trained network, for the table of layers; built from the recipe by default.

    Raises:
        TrainingError: the folder is not a run directory, its files cannot be read, or it cannot be written to.
    """
    record = read_run_record(run)
    folder = run / "report"
    try:
        write_text(folder / "index.html", _render(record, folder, network))
    except OSError as error:
        raise TrainingError(
            f"{display_name(folder)} cannot be written to ({error.strerror}); free disk space, or remove what is in "
            "its place"
        ) from error
    return folder / "index.html"


def _render(record: RunRecord, folder: Path, network: nn.Module | None) -> str:
    valid = record.valid
    summary, no_summary = _summary(record, network)
    return render_page(
        "training.html",
        record=record,
        recipe=record.recipe,
        done=len(record.history.epochs),
        seconds=sum(epoch.seconds or 0 for epoch in record.history.epochs),
        valid=valid,
        multilabel=record.multilabel,
        estimates=_estimates(valid) if valid else (),
        figures={drawing.name: _save_figure(drawing, folder) for drawing in _drawings(record)},
        mistakes=_mistakes(valid, record.recipe.input, folder) if valid else (),
        summary=summary,
        no_summary=no_summary,
        settings=flatten_table(record.recipe.model_dump(mode="json", exclude={"name", "summary"})),
    )


def _drawings(record: RunRecord) -> list[Drawing]:
    drawings = [figures.learning_curves(record.history, record.selected_epoch)] if record.history.epochs else []
    if record.valid:
        metrics = record.valid.metrics
        drawings += [figures.confusion_matrix(metrics), figures.genre_metrics(metrics)]
        drawings += [figures.reliability_diagram(metrics), figures.accuracy_coverage(metrics)]
    return drawings


def _save_figure(drawing: Drawing, folder: Path) -> EmbeddedFigure:
    """Render a figure for the page, and write its light version into the folder."""
    figure = EmbeddedFigure.render(drawing)
    with atomic_write(folder / f"{figure.name}.png") as file:
        file.write(figure.light)
    return figure


def _mistakes(valid: Evaluation, input_spec: InputSpec, folder: Path) -> list[IllustratedMistake]:
    illustrated = []
    for number, mistake in enumerate(worst_mistakes(valid, _MAX_MISTAKES), start=1):
        try:
            figure = _save_figure(mistake_drawing(mistake, number, input_spec), folder)
            illustrated.append(IllustratedMistake(mistake, figure, ""))
        except GenrelensError as error:
            illustrated.append(IllustratedMistake(mistake, None, str(error)))
    return illustrated


def _estimates(valid: Evaluation) -> list[tuple[str, Estimate, Estimate]]:
    """Return display name, value by track and value by window of each metric with an interval."""
    return [(name, getattr(valid.metrics, field), getattr(valid.windows, field)) for field, name in ESTIMATES.items()]


def _summary(record: RunRecord, network: nn.Module | None) -> tuple[NetworkSummary | None, str]:
    """Return the table of layers, or the reason why it is missing."""
    if not record.labels:
        return None, "The layers are listed when training has finished."
    try:
        network = network or networks.build(record.recipe.net, len(record.labels), record.recipe.input.shape)
    except GenrelensError as error:  # pretrained weights may no longer be available
        return None, f"The network cannot be built here: {error}."
    return summarise_network(network, record.recipe.input.shape), ""
