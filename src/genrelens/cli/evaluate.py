"""`genrelens evaluate`: how good a model is on tracks with known genres."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from genrelens.cli.options import Cores, DataSet, Quiet

Side = Literal["train", "valid", "test"]


def evaluate(
    model: Annotated[str, typer.Argument(help="A model's name, an .onnx file or an address.")],
    data: DataSet,
    split: Annotated[
        str,
        typer.Option(help="How sides are drawn: given, fault-filtered, stratified, fold-1-of-10; or 'none' for all."),
    ] = "given",
    side: Annotated[Side, typer.Option(help="The side to measure on.")] = "test",
    seed: Annotated[int, typer.Option(help="Of the draw.")] = 1,
    out: Annotated[Path | None, typer.Option(help="A .json file for the measures and every answer.")] = None,
    threads: Cores = None,
    quiet: Quiet = False,
) -> None:
    """Measure a model by track: accuracy and F1 with intervals, each genre, confusions.

    Of a model with several labels: average precision, ROC-AUC, each label. Of a tree: accuracy at each level.
    """
    from genrelens import workers
    from genrelens.classifier import Classifier
    from genrelens.cli.extras import needs_train_extra
    from genrelens.cli.progress import progress_bar
    from genrelens.files import write_text

    with needs_train_extra():
        from genrelens.cli.report import evaluation_text
        from genrelens.train.manifest import read_manifest
        from genrelens.train.several import evaluate_any
        from genrelens.train.splits import require
        from genrelens.train.splits import split as divide

    if out and not out.parent.is_dir():
        raise typer.BadParameter(f"{out.parent} is not a folder", param_hint="--out")
    manifest = divide(read_manifest(data), split, seed)
    require(manifest, side)
    items = manifest.side(side)
    cores = threads or workers.cores()
    classifier = Classifier(model, threads=cores)
    with progress_bar("Measuring", len(items), visible=not quiet) as advance:
        result = evaluate_any(classifier, items, cores, advance)
    for failure in result.failures:
        typer.echo(f"left out: {failure.error.message}", err=True)
    print(evaluation_text(result))
    if out:
        write_text(out, result.model_dump_json(indent=1))
    if result.failures:
        raise typer.Exit(1)
