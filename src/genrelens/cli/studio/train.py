"""`genrelens train`: train a model with a recipe; and `genrelens report`: write the report of a training run."""

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from genrelens.cli.options import Cores, Quiet
from genrelens.cli.studio import options


def train(
    recipe: Annotated[Path, typer.Argument(help="Recipe, a .toml file; see the folder recipes.")],
    data: options.DataSet,
    run: Annotated[
        Path | None, typer.Option(help="Run directory for all output files. Default: runs/NAME-SEED.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Override the recipe's seed.")] = None,
    settings: options.Settings = None,
    resume: Annotated[bool, typer.Option("--resume", help="Resume training in the run directory.")] = False,
    allow_leak: options.AllowLeak = False,
    accelerator: options.Accelerator = "auto",
    devices: Annotated[int, typer.Option(min=1, help="CPUs or GPUs to train on, with one process each.")] = 1,
    track: Annotated[
        Literal["tensorboard", "wandb", "none"],
        typer.Option(help="Service to follow the training run in; the run directory always has the history."),
    ] = "tensorboard",
    cache: options.Cache = None,
    threads: Cores = None,
    quiet: Quiet = False,
) -> None:
    """Train a model and evaluate it on the validation split; evaluate the test split with `genrelens evaluate`."""
    with options.needs_train_extra():
        from genrelens.cli.studio.metrics import format_result
        from genrelens.train.fit.probe_run import ProbeRequest, train_probe
        from genrelens.train.fit.run import TrainingRequest
        from genrelens.train.fit.run import train as run_training
        from genrelens.train.fit.trainer import TrainingOptions
        from genrelens.train.recipes.recipe import ProbeRecipe
        from genrelens.train.recipes.recipe_file import apply_overrides, read_any_recipe
        from genrelens.train.report.report import write_report

    content = read_any_recipe(recipe)
    if isinstance(content, ProbeRecipe) and (settings or resume):
        raise typer.BadParameter(f"{recipe} is a probe recipe, which is fitted in one go; omit --set and --resume")
    if not isinstance(content, ProbeRecipe):
        content = apply_overrides(content, options.parse_settings(settings or []))
    if seed is not None:
        content = content.model_copy(update={"seed": seed})
    folder = run or Path("runs") / f"{content.name}-{content.seed}"
    loading = options.loading_options(data, cache, threads, allow_leak=allow_leak, quiet=quiet)

    if isinstance(content, ProbeRecipe):
        print(format_result(train_probe(ProbeRequest(content, loading, folder), options.notifier(quiet))))
        print(f"\nmodel   {folder / 'model.onnx'}")
        return
    training = TrainingOptions(accelerator, devices, track, progress=not quiet and sys.stderr.isatty())
    result = run_training(TrainingRequest(content, loading, folder, resume, training), options.notifier(quiet))
    print(format_result(result.evaluation))
    files = {"model": folder / "model.onnx", "report": write_report(folder, result.network)}
    print("\n" + "\n".join(f"{name:<8}{file}" for name, file in files.items() if file.exists()))


def report(
    run: Annotated[Path, typer.Argument(help="Run directory of a training run, which may still be in progress.")],
) -> None:
    """Write RUN/report/index.html, a self-contained page, and its figures as separate files.

    Shows learning curves, metrics, confusions, calibration, mistakes, layers, the recipe and the environment.
    """
    with options.needs_train_extra():
        from genrelens.train.report.report import write_report

    print(write_report(run))
