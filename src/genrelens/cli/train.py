"""`genrelens train`: from a recipe and data to a model."""

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from genrelens.cli.options import Cache, Cores, DataSet, Quiet, Settings, parsed

Accelerator = Literal["auto", "cpu", "cuda", "mps"]
Track = Literal["tensorboard", "wandb", "none"]


def train(
    recipe: Annotated[Path, typer.Argument(help="A recipe, a .toml file; see the folder recipes.")],
    data: DataSet,
    run: Annotated[
        Path | None, typer.Option(help="Folder for all that comes of it; runs/NAME-SEED if not given.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="In place of the recipe's.")] = None,
    settings: Settings = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the training in the folder.")] = False,
    allow_leak: Annotated[
        bool, typer.Option("--allow-leak", help="Train even with an artist or a recording on two sides of the split.")
    ] = False,
    accelerator: Annotated[Accelerator, typer.Option(help="What to train on; auto takes the best there is.")] = "auto",
    devices: Annotated[
        int, typer.Option(min=1, help="Processors or GPUs to train on together, in a process each.")
    ] = 1,
    track: Annotated[Track, typer.Option(help="Where the training can be watched, beside its folder.")] = "tensorboard",
    cache: Cache = None,
    threads: Cores = None,
    quiet: Quiet = False,
) -> None:
    """Train a model and measure it on the tracks kept for choosing; the test is left to `genrelens evaluate`."""
    from genrelens.cli.extras import needs_train_extra

    with needs_train_extra():
        from genrelens.cli.measures import measured_text
        from genrelens.cli.studio import loading, notifier
        from genrelens.train.fit.probe_run import ProbeRequest, train_probe
        from genrelens.train.fit.fit import TrainingOptions
        from genrelens.train.fit.run import TrainingRequest
        from genrelens.train.fit.run import train as run_training
        from genrelens.train.recipes.probe_recipe import is_probe_recipe, read_probe_recipe
        from genrelens.train.recipes.recipe_file import read_recipe, apply_overrides
        from genrelens.train.report.report import write_report

    if is_probe_recipe(recipe):
        if settings or resume:
            raise typer.BadParameter(f"{recipe} is a probe, fitted in one go; leave --set and --resume out")
        probe = read_probe_recipe(recipe, seed)
        folder = run or Path("runs") / f"{probe.name}-{probe.seed}"
        data_place = loading(data, cache, threads, allow_leak=allow_leak, quiet=quiet)
        print(measured_text(train_probe(ProbeRequest(probe, data_place, folder), notifier(quiet))))
        print(f"\nmodel   {folder / 'model.onnx'}")
        return
    wanted = apply_overrides(read_recipe(recipe), parsed(settings or []))
    if seed is not None:
        wanted = wanted.model_copy(update={"seed": seed})
    request = TrainingRequest(
        recipe=wanted,
        loading=loading(data, cache, threads, allow_leak=allow_leak, quiet=quiet),
        folder=run or Path("runs") / f"{wanted.name}-{wanted.seed}",
        resume=resume,
        options=TrainingOptions(accelerator, devices, track, progress=not quiet and sys.stderr.isatty()),
    )
    result = run_training(request, notifier(quiet))
    print(measured_text(result))
    files = {"model": request.folder / "model.onnx", "report": write_report(request.folder)}
    print("\n" + "\n".join(f"{what:<8}{file}" for what, file in files.items() if file.exists()))
