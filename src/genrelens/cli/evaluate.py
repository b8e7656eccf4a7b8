"""`genrelens evaluate`: how good a model is on tracks with known genres, and whether another is better."""

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
        typer.Option(
            help="How sides are drawn: given, fault-filtered, stratified, tracks, fold-1-of-10; or 'none' for all."
        ),
    ] = "given",
    side: Annotated[Side, typer.Option(help="The side to measure on.")] = "test",
    seed: Annotated[int, typer.Option(help="Of the draw.")] = 1,
    labels: Annotated[
        Path | None, typer.Option(help="A .toml file that says which label of the data is which of the model.")
    ] = None,
    compare: Annotated[
        str | None, typer.Option(help="Another model to ask about the same tracks; or a .json file of --out.")
    ] = None,
    without: Annotated[
        list[Path] | None,
        typer.Option(help="A file of names of tracks, one a line: measure also without these; repeat."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="A .json file for the measures and every answer.")] = None,
    threads: Cores = None,
    quiet: Quiet = False,
) -> None:
    """Measure a model: accuracy, precision, recall, F1, calibration, each genre, confusions; by track and by window.

    Of a model with several labels: average precision, ROC-AUC, each label. Of a tree: accuracy at each level.
    With --compare, two models: the differences on the same tracks, and whether these could be chance.
    """
    from genrelens import workers
    from genrelens.classifier import Classifier
    from genrelens.cli.extras import needs_train_extra
    from genrelens.cli.progress import progress_bar
    from genrelens.files import write_text
    from genrelens.model.input_spec import file_finder

    with needs_train_extra():
        from genrelens.cli.measures import comparison_text, measured_text, without_text
        from genrelens.train.data.label_map import LabelMap, read_label_map
        from genrelens.train.data.manifest import read_manifest
        from genrelens.train.data.splits import assign_splits as divide
        from genrelens.train.data.splits import require_splits
        from genrelens.train.evaluation.compare import compare_evaluations as compare_answers
        from genrelens.train.evaluation.compare import read_evaluation
        from genrelens.train.evaluation.evaluate import Evaluation
        from genrelens.train.evaluation.exclusions import evaluate_without, read_track_names
        from genrelens.train.evaluation.multilabel import MultilabelEvaluation, evaluate_model

    if out and not out.parent.is_dir():
        raise typer.BadParameter(f"{out.parent} is not a folder", param_hint="--out")
    label_map = read_label_map(labels) if labels else LabelMap()
    kept = read_evaluation(Path(compare)) if compare and compare.endswith(".json") else None
    cores = threads or workers.available_cores()
    classifiers = [Classifier(name, threads=cores) for name in (model, None if kept else compare) if name]
    manifest = divide(read_manifest(data, file_finder(classifiers[0].card.input)), split, seed)
    require_splits(manifest, side)
    lists = [read_track_names(file, {item.name for item in manifest.tracks}) for file in without or []]
    items = manifest.in_split(side)

    def ask(classifier: Classifier) -> Evaluation | MultilabelEvaluation:
        with progress_bar(f"Measuring {classifier.card.name}", len(items), visible=not quiet) as advance:
            return evaluate_model(classifier, items, cores, advance, label_map)

    result, *others = map(ask, classifiers)
    for failure in result.failures:
        typer.echo(f"left out: {failure.error.message}", err=True)
    print(measured_text(result))
    if lists:
        if not isinstance(result, Evaluation):
            raise typer.BadParameter("only a model that tells one label a track is measured so", param_hint="--without")
        rest = {str(one.file): evaluate_without(result, items, one.names) for one in lists}
        print(f"\n{without_text(result.metrics, rest)}")
    if out:
        write_text(out, result.model_dump_json(indent=1))
    for other in (*others, *([kept] if kept else [])):
        if not (isinstance(result, Evaluation) and isinstance(other, Evaluation)):
            raise typer.BadParameter("only models that tell one label a track are compared", param_hint="--compare")
        print(f"\n{comparison_text(compare_answers(result, other), (model, str(compare)))}")
    if result.failures:
        raise typer.Exit(1)
