"""Measures in words and tables."""

from genrelens.train.metrics import Estimate, Metrics


def metrics_text(metrics: Metrics) -> str:
    """Accuracy and F1 with intervals, a row for each genre, and the confusions."""
    width = max(len(row.label) for row in metrics.genres) + 2
    estimates = (("accuracy", metrics.accuracy), ("macro F1", metrics.macro_f1), ("weighted F1", metrics.weighted_f1))
    lines = [f"{name:<12}{_estimate(estimate)}" for name, estimate in estimates]
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


def _estimate(estimate: Estimate) -> str:
    return f"{estimate.value:.3f}  (95 % interval {estimate.low:.3f} to {estimate.high:.3f})"
