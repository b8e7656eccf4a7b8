"""`genrelens stress`: test the robustness of a model to perturbations that preserve the genre."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from genrelens.cli.options import Quiet
from genrelens.cli.studio.options import DataSet, SplitName, SplitScheme, needs_train_extra


def stress(
    model: Annotated[str, typer.Argument(help="Model name, path to an .onnx file, or URL.")],
    data: DataSet,
    split: SplitScheme = "given",
    side: SplitName = "test",
    seed: Annotated[int, typer.Option(help="Seed of random splits, filters and noise.")] = 1,
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only",
            metavar="NAME",
            help="Perturbations to run, by family (mp3) or by name (mp3:64); repeatable.",
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder for the report index.html and for stress.json.")
    ] = None,
    processes: Annotated[
        int | None, typer.Option("--processes", "-p", min=1, help="Worker processes. Default: one per CPU core.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the whole result as JSON instead of a table.")] = False,
    quiet: Quiet = False,
) -> None:
    """Perturb tempo, pitch, gain, codec, noise and more of recordings, and compare the predictions.

    Reports the accuracy drop with an interval, the fraction of changed predictions and the change in confidence for
    each perturbation, and the worst and best case for each track. Searches for the gentle filters with the lowest and
    the highest accuracy.
    """
    from genrelens import workers
    from genrelens.classifier import Classifier
    from genrelens.cli.output import progress_bar
    from genrelens.model.input_spec import file_finder

    with needs_train_extra():
        import numpy as np

        from genrelens.train.data.manifest import read_manifest
        from genrelens.train.data.splits import assign_splits
        from genrelens.train.robustness.battery import perturbation_battery, select_perturbations
        from genrelens.train.robustness.report import format_text_table, write_stress_report
        from genrelens.train.robustness.stress_test import StressSettings, run_stress_test

    try:
        perturbations = select_perturbations(perturbation_battery(np.random.default_rng(seed)), only or [])
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--only") from error
    settings = StressSettings(seed, processes or workers.available_cores(), partial(progress_bar, visible=not quiet))
    if out:
        out.mkdir(parents=True, exist_ok=True)  # fail before the work rather than after it
    classifier = Classifier(model, threads=1)
    manifest = assign_splits(read_manifest(data, file_finder(classifier.card.input)), split, seed)
    report = run_stress_test(classifier, manifest, split, side, perturbations, settings)
    for failure in report.failures:
        typer.echo(f"skipped: {failure.error.message}", err=True)
    print(report.model_dump_json(indent=1) if as_json else format_text_table(report))
    if out:
        typer.echo(f"report  {write_stress_report(report, out)}", err=True)
    if report.failures:
        raise typer.Exit(1)
