"""`genrelens stress`: does a model still tell the genre when a track is changed in ways that leave it as it is?"""

from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import typer

from genrelens.cli.options import DataSet, Quiet

Side = Literal["train", "valid", "test"]


def stress(
    model: Annotated[str, typer.Argument(help="A model's name, an .onnx file or an address.")],
    data: DataSet,
    split: Annotated[
        str,
        typer.Option(
            help="How sides are drawn: given, fault-filtered, stratified, tracks, fold-1-of-10; or 'none' for all."
        ),
    ] = "given",
    side: Annotated[Side, typer.Option(help="The side to measure on.")] = "test",
    seed: Annotated[int, typer.Option(help="Of the draw of a split, of filters and of noise.")] = 1,
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only", metavar="NAME", help="A kind of change, such as mp3, or one of them, such as mp3:64; repeat."
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder for the page index.html, and for stress.json.")
    ] = None,
    processes: Annotated[
        int | None, typer.Option("--processes", "-p", min=1, help="To hear tracks in; all cores if not given.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print all that was measured as JSON, in place of rows.")
    ] = False,
    quiet: Quiet = False,
) -> None:
    """Change tempo, pitch, gain, codec, noise and more of recordings, and see whether the model answers the same.

    For each change: the accuracy lost, with an interval, how many answers flip and how the confidence shifts; for
    each track, the worst and the best that the changes can do. Among gentle filters, one is sought that spoils the
    score and one that flatters it.
    """
    from genrelens import workers
    from genrelens.classifier import Classifier
    from genrelens.cli.extras import needs_train_extra
    from genrelens.cli.progress import progress_bar
    from genrelens.model.input_spec import file_finder

    with needs_train_extra():
        import numpy as np

        from genrelens.train.data.manifest import read_manifest
        from genrelens.train.data.splits import assign_splits as divide
        from genrelens.train.robustness.battery import perturbation_battery, select_perturbations
        from genrelens.train.robustness.report import format_text_table, write_stress_report
        from genrelens.train.robustness.stress_test import StressSettings
        from genrelens.train.robustness.stress_test import run_stress_test as run_stress

    try:
        changes = select_perturbations(perturbation_battery(np.random.default_rng(seed)), only or [])
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--only") from error
    manner = StressSettings(seed, processes or workers.available_cores(), partial(progress_bar, visible=not quiet))
    if out:
        out.mkdir(parents=True, exist_ok=True)  # before the work, not after it
    classifier = Classifier(model, threads=1)
    manifest = divide(read_manifest(data, file_finder(classifier.card.input)), split, seed)
    report = run_stress(classifier, manifest, split, side, changes, manner)
    for failure in report.failures:
        typer.echo(f"left out: {failure.error.message}", err=True)
    print(report.model_dump_json(indent=1) if as_json else format_text_table(report))
    if out:
        typer.echo(f"page    {write_stress_report(report, out)}", err=True)
    if report.failures:
        raise typer.Exit(1)
