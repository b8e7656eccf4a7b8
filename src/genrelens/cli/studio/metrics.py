"""Evaluation metrics as text tables."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from genrelens.train.evaluation.bootstrap import Estimate
    from genrelens.train.evaluation.compare import Comparison, Difference
    from genrelens.train.evaluation.evaluate import Evaluation
    from genrelens.train.evaluation.metrics import Metrics
    from genrelens.train.evaluation.multilabel import MultilabelEvaluation
    from genrelens.train.evaluation.multilabel_metrics import MultilabelMetrics
    from genrelens.train.evaluation.tree_metrics import TreeMetrics

_NAME_WIDTH = 28  # characters of the longest metric name, and a gap
_ESTIMATE_WIDTH = 24


def format_result(result: "Evaluation | MultilabelEvaluation") -> str:
    """Format the metrics of a model of any labelling."""
    from genrelens.train.evaluation.multilabel import MultilabelEvaluation

    if isinstance(result, MultilabelEvaluation):
        return _format_multilabel(result.metrics)
    text = _format_evaluation(result)
    return f"{_format_tree(result.tree)}\n\nby leaf:\n\n{text}" if result.tree else text


def format_comparison(comparison: "Comparison", names: tuple[str, str]) -> str:
    """Format both models, the differences with interval and p, and McNemar's test.

    Args:
        comparison: comparison of two models.
        names: names of the models as given by the user.
    """
    both = zip(
        ("first", "second"),
        (comparison.accuracy.first, comparison.accuracy.second),
        (comparison.macro_f1.first, comparison.macro_f1.second),
        names,
        strict=True,
    )
    lines = [f"{comparison.tracks} tracks, classified by both", f"{'':<8}accuracy  macro F1"]
    lines += [f"{position:<8}{accuracy:8.3f}  {macro_f1:8.3f}  {name}" for position, accuracy, macro_f1, name in both]
    lines += [f"difference in accuracy  {_format_difference(comparison.accuracy)}"]
    lines += [f"difference in macro F1  {_format_difference(comparison.macro_f1)}"]
    lines += [
        f"correct in one model only: {comparison.only_first} in the first, {comparison.only_second} in the second; "
        f"McNemar's exact test p = {comparison.mcnemar_p:.3g}"
    ]
    return "\n".join(lines)


def format_exclusions(all_tracks: "Metrics", rest: "dict[str, Metrics]") -> str:
    """Format a row for all tracks, and one for the rest of the tracks without each list."""
    lines = [f"{'tracks':>6}  {'accuracy':<{_ESTIMATE_WIDTH}}{'macro F1':<{_ESTIMATE_WIDTH}}of"]
    lines += [
        f"{metrics.tracks:>6}  {_pad(metrics.accuracy)}{_pad(metrics.macro_f1)}{name}"
        for name, metrics in (("all", all_tracks), *((f"without {file}", metrics) for file, metrics in rest.items()))
    ]
    return "\n".join(lines)


def _format_evaluation(result: "Evaluation") -> str:
    """Format metrics by track and by window with intervals, then genres and confusion matrix by track."""
    from genrelens.train.evaluation.metrics import ESTIMATES

    both = (result.metrics, result.windows)
    rows = {"": ["by track", "by window"], " ": ["value   95 % interval"] * 2}
    rows |= {name: [_format_estimate(getattr(metrics, field)) for metrics in both] for field, name in ESTIMATES.items()}
    rows |= {
        "log loss": [f"{metrics.log_loss:.3f}" for metrics in both],
        "expected calibration error": [f"{metrics.calibration.error:.3f}" for metrics in both],
        "  of a calibrated model": [f"{metrics.calibration.by_chance:.3f}" for metrics in both],
        "accuracy at 80 % coverage": [_format_estimate(metrics.selection.at_80) for metrics in both],
        "area under risk-coverage": [f"{metrics.selection.risk:.3f}" for metrics in both],
        "predictions": [f"{sum(row.support for row in metrics.genres)}" for metrics in both],
    }
    lines = (
        f"{name:<{_NAME_WIDTH}}" + "".join(f"{cell:<{_ESTIMATE_WIDTH}}" for cell in cells)
        for name, cells in rows.items()
    )
    return "\n".join([*(line.rstrip() for line in lines), "", _format_genres(result.metrics)])


def _format_genres(metrics: "Metrics") -> str:
    """Format a row for each genre, then the confusion matrix."""
    width = max(17, max(len(row.label) for row in metrics.genres) + 2)
    lines = [f"{'genre':<{width}}precision  recall     F1  support"]
    lines += [
        f"{row.label:<{width}}{row.precision:>9.3f}{row.recall:>8.3f}{row.f1:>7.3f}{row.support:>9}"
        for row in metrics.genres
    ]
    lines += ["", f"{'true, predicted':<{width}}" + "".join(f"{row.label[:6]:>7}" for row in metrics.genres)]
    lines += [
        f"{row.label:<{width}}" + "".join(f"{count or '.':>7}" for count in counts)
        for row, counts in zip(metrics.genres, metrics.confusion, strict=True)
    ]
    return "\n".join(lines)


def _format_multilabel(metrics: "MultilabelMetrics") -> str:
    """Format average precision and ROC AUC with intervals, then a row for each label."""
    estimates = {
        "mean average precision": metrics.mean_ap,
        "micro average precision": metrics.micro_ap,
        "mean ROC-AUC": metrics.mean_auc,
        "micro ROC-AUC": metrics.micro_auc,
    }
    lines = [f"{name:<{_NAME_WIDTH}}{_format_estimate(value)}" for name, value in estimates.items() if value]
    lines += [
        f"{'macro F1':<{_NAME_WIDTH}}{metrics.macro_f1:.3f}",
        f"{'log loss':<{_NAME_WIDTH}}{metrics.log_loss:.3f}",
    ]
    lines += [f"{'tracks':<{_NAME_WIDTH}}{metrics.tracks}", ""]
    width = max(len(row.label) for row in metrics.labels) + 2
    lines += [f"{'label':<{width}}    AP  ROC-AUC  threshold  precision  recall     F1  support"]
    lines += [
        f"{row.label:<{width}}{_format_optional(row.average_precision):>6}{_format_optional(row.roc_auc):>9}"
        f"{row.threshold:>11.3f}{row.precision:>11.3f}{row.recall:>8.3f}{row.f1:>7.3f}{row.support:>9}"
        for row in metrics.labels
    ]
    return "\n".join(lines)


def _format_tree(metrics: "TreeMetrics") -> str:
    """Format accuracy and back-off of a tree model, then a row for each level."""
    lines = [f"{'hierarchical accuracy':<{_NAME_WIDTH}}{_format_estimate(metrics.accuracy)}"]
    lines += [f"{'backed off to a parent':<{_NAME_WIDTH}}{_format_estimate(metrics.backed_off)}"]
    lines += [f"{'required certainty':<{_NAME_WIDTH}}{metrics.certainty:g}", ""]
    lines += [f"{'level':<8}{'genres':>6}  {'accuracy':<{_ESTIMATE_WIDTH}}{'predictions':>11}{'correct':>9}"]
    lines += [
        f"{row.level:<8}{row.genres:>6}  {_pad(row.accuracy)}{row.predictions:>11}{row.correct:>9}"
        for row in metrics.levels
    ]
    return "\n".join(lines)


def _format_estimate(estimate: "Estimate") -> str:
    return f"{estimate.value:.3f}   {estimate.low:.3f} - {estimate.high:.3f}"


def _pad(estimate: "Estimate") -> str:
    return f"{_format_estimate(estimate):<{_ESTIMATE_WIDTH}}"


def _format_difference(difference: "Difference") -> str:
    interval = f"{difference.low:+.3f} to {difference.high:+.3f}"
    return f"{difference.value:+.3f}  (95 % interval {interval}; paired bootstrap p = {difference.p:.3g})"


def _format_optional(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
