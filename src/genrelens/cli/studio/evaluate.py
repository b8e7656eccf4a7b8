"""`genrelens evaluate`: evaluate a model on labelled tracks, and compare it with another model."""

from pathlib import Path
from typing import Annotated

import typer

from genrelens.cli.options import Cores, Quiet
from genrelens.cli.studio.options import DataSet, SplitName, SplitScheme, SplitSeed, needs_train_extra


def evaluate(
    model: Annotated[str, typer.Argument(help="Model name, path to an .onnx file, or URL.")],
    data: DataSet,
    split: SplitScheme = "given",
    side: SplitName = "test",
    seed: SplitSeed = 1,
    labels: Annotated[
        Path | None, typer.Option(help="Label map, a .toml file that maps dataset labels to model labels.")
    ] = None,
    compare: Annotated[
        str | None, typer.Option(help="Second model to compare on the same tracks, or a .json file from --out.")
    ] = None,
    without: Annotated[
        list[Path] | None,
        typer.Option(help="File with one track name per line: also evaluate without these tracks; repeatable."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Write all metrics and predictions to this .json file.")] = None,
    threads: Cores = None,
    quiet: Quiet = False,
) -> None:
    """Evaluate a model: accuracy, precision, recall, F1, calibration and confusion matrix, by track and by window.

    For multi-label models: average precision, ROC AUC and metrics of each label. For tree models: accuracy at each
    level. With --compare: differences between two models on the same tracks, and whether they are significant.
    """
    from genrelens import workers
    from genrelens.classifier import Classifier
    from genrelens.cli.output import progress_bar
    from genrelens.files import write_text
    from genrelens.model.input_spec import file_finder

    with needs_train_extra():
        from genrelens.cli.studio.metrics import format_comparison, format_exclusions, format_result
        from genrelens.train.data.label_map import LabelMap, read_label_map
        from genrelens.train.data.manifest import read_manifest
        from genrelens.train.data.splits import assign_splits, require_splits
        from genrelens.train.evaluation.compare import compare_evaluations, read_evaluation
        from genrelens.train.evaluation.evaluate import Evaluation
        from genrelens.train.evaluation.exclusions import metrics_without, read_track_list
        from genrelens.train.evaluation.multilabel import MultilabelEvaluation, evaluate_model

    if out and not out.parent.is_dir():
        raise typer.BadParameter(f"{out.parent} is not a folder", param_hint="--out")
    label_map = read_label_map(labels) if labels else LabelMap()
    saved = read_evaluation(Path(compare)) if compare and compare.endswith(".json") else None
    cores = threads or workers.available_cores()
    classifiers = [Classifier(name, threads=cores) for name in (model, None if saved else compare) if name]
    manifest = assign_splits(read_manifest(data, file_finder(classifiers[0].card.input)), split, seed)
    require_splits(manifest, side)
    lists = [read_track_list(file, {track.name for track in manifest.tracks}) for file in without or []]
    tracks = manifest.in_split(side)

    def run(classifier: Classifier) -> Evaluation | MultilabelEvaluation:
        with progress_bar(f"Evaluating {classifier.card.name}", len(tracks), visible=not quiet) as progress:
            return evaluate_model(classifier, tracks, cores, progress, label_map)

    result, *others = map(run, classifiers)
    for failure in result.failures:
        typer.echo(f"skipped: {failure.error.message}", err=True)
    print(format_result(result))
    if lists:
        if not isinstance(result, Evaluation):
            raise typer.BadParameter("needs a model that predicts one label per track", param_hint="--without")
        rest = {str(each.file): metrics_without(result, tracks, each.names) for each in lists}
        print(f"\n{format_exclusions(result.metrics, rest)}")
    if out:
        write_text(out, result.model_dump_json(indent=1))
    for other in (*others, *([saved] if saved else [])):
        if not (isinstance(result, Evaluation) and isinstance(other, Evaluation)):
            raise typer.BadParameter("needs models that predict one label per track", param_hint="--compare")
        print(f"\n{format_comparison(compare_evaluations(result, other), (model, str(compare)))}")
    if result.failures:
        raise typer.Exit(1)
