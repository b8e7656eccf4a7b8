"""`genrelens tune`: search for better settings of a recipe."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from genrelens.cli.options import Cores, Quiet
from genrelens.cli.studio import options

if TYPE_CHECKING:
    from genrelens.train.search.report import TuningResult

_TABLE_ROWS = 10  # best trials to print


def tune(
    recipe: Annotated[Path, typer.Argument(help="Recipe with a table [tune] that lists what may vary.")],
    data: options.DataSet,
    trials: Annotated[int, typer.Option(min=1, help="Total number of trials, including earlier ones of the study.")],
    processes: Annotated[int, typer.Option("--processes", "-p", min=1, help="Trials to run in parallel.")] = 1,
    study: Annotated[
        Path | None, typer.Option(help="Folder of the study, continued if it exists. Default: studies/NAME.")
    ] = None,
    objective: Annotated[
        Literal["loss", "accuracy"],
        typer.Option(help="Metric on the validation split to optimise: log loss or accuracy."),
    ] = "loss",
    allow_leak: options.AllowLeak = False,
    accelerator: options.Accelerator = "auto",
    cache: options.Cache = None,
    threads: Cores = None,
    quiet: Quiet = False,
) -> None:
    """Search for better settings of a recipe on the validation split; then `genrelens train` the best ones."""
    with options.needs_train_extra():
        from genrelens.train.fit.run import TrainingRequest
        from genrelens.train.fit.trainer import TrainingOptions
        from genrelens.train.recipes.recipe_file import read_recipe
        from genrelens.train.search.tune import tune as run_search

    content = read_recipe(recipe)
    request = TrainingRequest(
        recipe=content,
        loading=options.loading_options(data, cache, threads, allow_leak=allow_leak, quiet=quiet),
        folder=study or Path("studies") / content.name,
        options=TrainingOptions(accelerator),
    )
    _print_result(run_search(request, trials, processes, objective, options.notifier(quiet)), list(content.tune))


def _print_result(result: "TuningResult", keys: list[str]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("trial", result.objective, *keys, box=None)
    complete = [trial for trial in result.trials if trial.state == "complete" and trial.value is not None]
    complete.sort(key=lambda trial: trial.value or 0.0, reverse=result.objective == "accuracy")
    for trial in complete[:_TABLE_ROWS]:
        settings = [_short(trial.settings[key]) for key in keys]
        style = "bold" if trial.number == result.best.number else None
        table.add_row(str(trial.number), f"{trial.value:.4f}", *settings, style=style)
    if result.importances:
        table.add_section()
        table.add_row("", "importance", *(f"{100 * result.importances.get(key, 0):.0f} %" for key in keys))
    Console(highlight=False, soft_wrap=True).print(table)
    print(f"\nbest    {result.folder / 'best.toml'}\nreport  {result.folder / 'report.html'}")


def _short(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
