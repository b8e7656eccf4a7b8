"""Measures in words and tables."""

from collections.abc import Sequence

from genrelens.train.evaluate import Evaluation
from genrelens.train.label_metrics import LabelMetrics
from genrelens.train.metrics import Estimate, Metrics
from genrelens.train.several import LabelEvaluation
from genrelens.train.tree_metrics import TreeMetrics

_Named = Sequence[tuple[str, Estimate | None]]


def evaluation_text(result: Evaluation | LabelEvaluation) -> str:
    """What was measured, as suits what the model tells."""
    if isinstance(result, LabelEvaluation):
        return label_metrics_text(result.metrics)
    text = metrics_text(result.metrics)
    return f"{tree_metrics_text(result.tree)}\n\nby leaf:\n\n{text}" if result.tree else text


def metrics_text(metrics: Metrics) -> str:
    """Accuracy and F1 with intervals, a row for each genre, and the confusions."""
    width = max(len(row.label) for row in metrics.genres) + 2
    lines = _estimates(
        [("accuracy", metrics.accuracy), ("macro F1", metrics.macro_f1), ("weighted F1", metrics.weighted_f1)]
    )
    lines += [f"{'log loss':<12}{metrics.log_loss:.3f}", f"{'tracks':<12}{metrics.tracks}", ""]
    lines += [f"{'genre':<{width}}precision  recall     F1  support"]
    lines += [
        f"{row.label:<{width}}{row.precision:>9.3f}{row.recall:>8.3f}{row.f1:>7.3f}{row.support:>9}"
        for row in metrics.genres
    ]
    lines += ["", f"{'true, told as':<{max(width, 15)}}" + "".join(f"{row.label[:6]:>7}" for row in metrics.genres)]
    lines += [
        f"{row.label:<{max(width, 15)}}" + "".join(f"{count or '.':>7}" for count in counts)
        for row, counts in zip(metrics.genres, metrics.confusion, strict=True)
    ]
    return "\n".join(lines)


def label_metrics_text(metrics: LabelMetrics) -> str:
    """Average precision and ROC-AUC with intervals, and a row for each label."""
    width = max(len(row.label) for row in metrics.labels) + 2
    lines = _estimates(
        [
            ("mAP", metrics.mean_ap),
            ("micro AP", metrics.micro_ap),
            ("ROC-AUC", metrics.mean_auc),
            ("micro AUC", metrics.micro_auc),
        ]
    )
    lines += [f"{'macro F1':<12}{metrics.macro_f1:.3f}", f"{'log loss':<12}{metrics.log_loss:.3f}"]
    lines += [f"{'tracks':<12}{metrics.tracks}", ""]
    lines += [f"{'label':<{width}}    AP  ROC-AUC  told from  precision  recall     F1  support"]
    lines += [
        f"{row.label:<{width}}{_share(row.average_precision):>6}{_share(row.roc_auc):>9}{row.threshold:>11.3f}"
        f"{row.precision:>11.3f}{row.recall:>8.3f}{row.f1:>7.3f}{row.support:>9}"
        for row in metrics.labels
    ]
    return "\n".join(lines)


def tree_metrics_text(metrics: TreeMetrics) -> str:
    """How right the answers are as told, how many backed off to a parent, and a row for each level."""
    lines = _estimates([("as told", metrics.accuracy), ("backed off", metrics.backed_off)])
    lines += [f"{'certainty':<12}{metrics.certainty:g}", ""]
    lines += [f"{'level':<8}{'genres':>6}  {'accuracy':<40}{'told here':>9}{'right':>7}"]
    lines += [
        f"{row.level:<8}{row.genres:>6}  {_estimate(row.accuracy):<40}{row.told:>9}{row.right:>7}"
        for row in metrics.levels
    ]
    return "\n".join(lines)


def _estimates(named: _Named) -> list[str]:
    return [f"{name:<12}{_estimate(estimate)}" for name, estimate in named if estimate]


def _estimate(estimate: Estimate) -> str:
    return f"{estimate.value:.3f}  (95 % interval {estimate.low:.3f} to {estimate.high:.3f})"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
