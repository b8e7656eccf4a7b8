"""Measures in words and tables."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from genrelens.train.compare import Comparison, Difference
    from genrelens.train.evaluate import Evaluation
    from genrelens.train.metrics import Estimate, Metrics

_NAME = 28  # characters that the longest name of a measure takes, and a gap


def evaluation_text(result: "Evaluation") -> str:
    """Measures by track and by window with intervals, then a row for each genre and the confusions, by track."""
    from genrelens.train.metrics import ESTIMATES

    both = (result.metrics, result.windows)
    lines = [f"{'':<{_NAME}}{'by track':<24}by window", f"{'':<{_NAME}}" + f"{'value   95 % interval':<24}" * 2]
    lines += [
        f"{name:<{_NAME}}" + "".join(f"{_estimate(getattr(metrics, field)):<24}" for metrics in both)
        for field, name in ESTIMATES.items()
    ]
    lines += [f"{'log loss':<{_NAME}}" + "".join(f"{metrics.log_loss:<24.3f}" for metrics in both)]
    lines += [f"{'expected calibration error':<{_NAME}}" + "".join(f"{m.calibration.error:<24.3f}" for m in both)]
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


def comparison_text(comparison: "Comparison") -> str:
    """Both models, the difference with its interval and p, and McNemar's test."""
    both = zip(
        ("first", "second"),
        comparison.models,
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


def _estimate(estimate: "Estimate") -> str:
    return f"{estimate.value:.3f}   {estimate.low:.3f} - {estimate.high:.3f}"


def _difference(difference: "Difference") -> str:
    interval = f"{difference.low:+.3f} to {difference.high:+.3f}"
    return f"{difference.value:+.3f}  (95 % interval {interval}; paired bootstrap p = {difference.p:.3g})"


def _answers(metrics: "Metrics") -> int:
    return sum(row.support for row in metrics.genres)
