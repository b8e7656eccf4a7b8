"""`genrelens tune`: from a recipe that says what may vary to the recipe with the best values."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from genrelens.cli.options import Cache, Cores, DataSet, Quiet

if TYPE_CHECKING:
    from genrelens.train.search.tune import TuningResult

Accelerator = Literal["auto", "cpu", "cuda", "mps"]
Objective = Literal["loss", "accuracy"]

_SHOWN = 10  # trials in the table


def tune(
    recipe: Annotated[Path, typer.Argument(help="A recipe whose table [tune] says what may vary.")],
    data: DataSet,
    trials: Annotated[int, typer.Option(min=1, help="How many trainings to try, earlier ones of the study with them.")],
    processes: Annotated[int, typer.Option("--processes", "-p", min=1, help="Trials to run at the same time.")] = 1,
    study: Annotated[
        Path | None, typer.Option(help="Folder for the search, gone on with if it is there; studies/NAME if not given.")
    ] = None,
    objective: Annotated[
        Objective, typer.Option(help="What to seek on valid: low log loss or high accuracy.")
    ] = "loss",
    allow_leak: Annotated[
        bool, typer.Option("--allow-leak", help="Search even with an artist or a recording on two sides of the split.")
    ] = False,
    accelerator: Annotated[Accelerator, typer.Option(help="What to train on; auto takes the best there is.")] = "auto",
    cache: Cache = None,
    threads: Cores = None,
    quiet: Quiet = False,
) -> None:
    """Search for better values of a recipe, judged on the tracks kept for choosing; then `genrelens train` the best."""
    from genrelens.cli.extras import needs_train_extra

    with needs_train_extra():
        from genrelens.cli.studio import loading, notifier
        from genrelens.train.fit.fit import TrainingOptions
        from genrelens.train.fit.run import TrainingRequest
        from genrelens.train.recipes.recipe_file import read_recipe
        from genrelens.train.search.tune import tune as run_search

    wanted = read_recipe(recipe)
    request = TrainingRequest(
        recipe=wanted,
        loading=loading(data, cache, threads, allow_leak=allow_leak, quiet=quiet),
        folder=study or Path("studies") / wanted.name,
        options=TrainingOptions(accelerator),
    )
    tuned = run_search(request, trials, processes, objective, notifier(quiet))
    _print(tuned, list(wanted.tune))


def _print(tuned: "Tuned", keys: list[str]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("trial", tuned.objective, *keys, box=None)
    ended = [trial for trial in tuned.trials if trial.state == "complete" and trial.value is not None]
    ended.sort(key=lambda trial: trial.value or 0.0, reverse=tuned.objective == "accuracy")
    for trial in ended[:_SHOWN]:
        settings = [_short(trial.settings[key]) for key in keys]
        style = "bold" if trial.number == tuned.best.number else None
        table.add_row(str(trial.number), f"{trial.value:.4f}", *settings, style=style)
    if tuned.importances:
        table.add_section()
        table.add_row("", "importance", *(f"{100 * tuned.importances.get(key, 0):.0f} %" for key in keys))
    Console(highlight=False, soft_wrap=True).print(table)
    print(f"\nbest    {tuned.folder / 'best.toml'}\nreport  {tuned.folder / 'report.html'}")


def _short(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
