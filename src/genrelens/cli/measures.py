"""Measures in words and tables."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from genrelens.train.evaluation.compare import Comparison, Difference
    from genrelens.train.evaluation.evaluate import Evaluation
    from genrelens.train.evaluation.metrics import Estimate, Metrics
    from genrelens.train.evaluation.multilabel import MultilabelEvaluation
    from genrelens.train.evaluation.multilabel_metrics import MultilabelMetrics
    from genrelens.train.evaluation.tree_metrics import TreeMetrics

_NAME = 28  # characters that the longest name of a measure takes, and a gap


def measured_text(result: "Evaluation | MultilabelEvaluation") -> str:
    """What was measured, as suits what the model tells."""
    from genrelens.train.evaluation.multilabel import MultilabelEvaluation

    if isinstance(result, MultilabelEvaluation):
        return labels_text(result.metrics)
    text = evaluation_text(result)
    return f"{tree_text(result.tree)}\n\nby leaf:\n\n{text}" if result.tree else text


def evaluation_text(result: "Evaluation") -> str:
    """Measures by track and by window with intervals, then a row for each genre and the confusions, by track."""
    from genrelens.train.evaluation.metrics import ESTIMATES

    both = (result.metrics, result.windows)
    lines = [f"{'':<{_NAME}}{'by track':<24}by window", f"{'':<{_NAME}}" + f"{'value   95 % interval':<24}" * 2]
    lines += [
        f"{name:<{_NAME}}" + "".join(f"{_estimate(getattr(metrics, field)):<24}" for metrics in both)
        for field, name in ESTIMATES.items()
    ]
    lines += [f"{'log loss':<{_NAME}}" + "".join(f"{metrics.log_loss:<24.3f}" for metrics in both)]
    lines += [f"{'expected calibration error':<{_NAME}}" + "".join(f"{m.calibration.error:<24.3f}" for m in both)]
    lines += [f"{'  of a perfect model':<{_NAME}}" + "".join(f"{m.calibration.by_chance:<24.3f}" for m in both)]
    lines += [f"{'accuracy at 80 % coverage':<{_NAME}}" + "".join(f"{_estimate(m.selection.at_80):<24}" for m in both)]
    lines += [f"{'area under risk-coverage':<{_NAME}}" + "".join(f"{m.selection.risk:<24.3f}" for m in both)]
    lines += [f"{'answers':<{_NAME}}" + "".join(f"{_answers(metrics):<24}" for metrics in both)]
    return "\n".join([*(line.rstrip() for line in lines), "", genres_text(result.metrics)])


def genres_text(metrics: "Metrics") -> str:
    """A row for each genre, and the confusions."""
    width = max(15, max(len(row.label) for row in metrics.genres) + 2)
    lines = [f"{'genre':<{width}}precision  recall     F1  support"]
    lines += [
        f"{row.label:<{width}}{row.precision:>9.3f}{row.recall:>8.3f}{row.f1:>7.3f}{row.support:>9}"
        for row in metrics.genres
    ]
    lines += ["", f"{'true, told as':<{width}}" + "".join(f"{row.label[:6]:>7}" for row in metrics.genres)]
    lines += [
        f"{row.label:<{width}}" + "".join(f"{count or '.':>7}" for count in counts)
        for row, counts in zip(metrics.genres, metrics.confusion, strict=True)
    ]
    return "\n".join(lines)


def comparison_text(comparison: "Comparison", names: tuple[str, str]) -> str:
    """Both models by the names that the user gave, the difference with its interval and p, and McNemar's test."""
    both = zip(
        ("first", "second"),
        names,
        (comparison.accuracy.first, comparison.accuracy.second),
        (comparison.macro_f1.first, comparison.macro_f1.second),
        strict=True,
    )
    lines = [f"{comparison.tracks} tracks, answered by both", f"{'':<8}accuracy  macro F1"]
    lines += [f"{place:<8}{accuracy:8.3f}  {macro_f1:8.3f}  {model}" for place, model, accuracy, macro_f1 in both]
    lines += [f"difference in accuracy  {_difference(comparison.accuracy)}"]
    lines += [f"difference in macro F1  {_difference(comparison.macro_f1)}"]
    lines += [
        f"right by one alone: {comparison.only_first} by the first, {comparison.only_second} by the second; "
        f"McNemar's exact test p = {comparison.mcnemar_p:.3g}"
    ]
    return "\n".join(lines)


def without_text(all_tracks: "Metrics", rest: "dict[str, Metrics]") -> str:
    """A row for all tracks, and one for what each list of tracks leaves over."""
    lines = [f"{'tracks':>6}  {'accuracy':<24}{'macro F1':<24}of"]
    lines += [
        f"{metrics.tracks:>6}  {_estimate(metrics.accuracy):<24}{_estimate(metrics.macro_f1):<24}{name}"
        for name, metrics in (("all", all_tracks), *((f"without {file}", own) for file, own in rest.items()))
    ]
    return "\n".join(lines)


def labels_text(metrics: "MultilabelMetrics") -> str:
    """Average precision and ROC-AUC with intervals, and a row for each label."""
    named = {
        "mean average precision": metrics.mean_ap,
        "micro average precision": metrics.micro_ap,
        "mean ROC-AUC": metrics.mean_auc,
        "micro ROC-AUC": metrics.micro_auc,
    }
    lines = [f"{name:<{_NAME}}{_estimate(estimate)}" for name, estimate in named.items() if estimate]
    lines += [f"{'macro F1':<{_NAME}}{metrics.macro_f1:.3f}", f"{'log loss':<{_NAME}}{metrics.log_loss:.3f}"]
    lines += [f"{'tracks':<{_NAME}}{metrics.tracks}", ""]
    width = max(len(row.label) for row in metrics.labels) + 2
    lines += [f"{'label':<{width}}    AP  ROC-AUC  told from  precision  recall     F1  support"]
    lines += [
        f"{row.label:<{width}}{_share(row.average_precision):>6}{_share(row.roc_auc):>9}{row.threshold:>11.3f}"
        f"{row.precision:>11.3f}{row.recall:>8.3f}{row.f1:>7.3f}{row.support:>9}"
        for row in metrics.labels
    ]
    return "\n".join(lines)


def tree_text(metrics: "TreeMetrics") -> str:
    """How right the answers are as told, how many backed off to a parent, and a row for each level."""
    lines = [f"{'right as told':<{_NAME}}{_estimate(metrics.accuracy)}"]
    lines += [f"{'backed off to a parent':<{_NAME}}{_estimate(metrics.backed_off)}"]
    lines += [f"{'certainty asked for':<{_NAME}}{metrics.certainty:g}", ""]
    lines += [f"{'level':<8}{'genres':>6}  {'accuracy':<24}{'told here':>9}{'right':>7}"]
    lines += [
        f"{row.level:<8}{row.genres:>6}  {_estimate(row.accuracy):<24}{row.told:>9}{row.right:>7}"
        for row in metrics.levels
    ]
    return "\n".join(lines)


def _estimate(estimate: "Estimate") -> str:
    return f"{estimate.value:.3f}   {estimate.low:.3f} - {estimate.high:.3f}"


def _difference(difference: "Difference") -> str:
    interval = f"{difference.low:+.3f} to {difference.high:+.3f}"
    return f"{difference.value:+.3f}  (95 % interval {interval}; paired bootstrap p = {difference.p:.3g})"


def _answers(metrics: "Metrics") -> int:
    return sum(row.support for row in metrics.genres)


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
