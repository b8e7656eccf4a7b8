"""The report of a stress test: a self-contained HTML page, and tables for the terminal and for Markdown."""

from pathlib import Path

from genrelens.files import write_text
from genrelens.train.report.page import EmbeddedFigure, render_page
from genrelens.train.robustness.equaliser import MAX_GAIN_DB, RANDOM_FILTERS
from genrelens.train.robustness.figures import stress_drawings
from genrelens.train.robustness.measures import PerturbationRow, StressReport

_HEADER = ("perturbation", "accuracy", "difference", "95 % interval", "target", "flipped", "confidence")
_FIGURES = ("differences", "strengths", "filters", "extremes")
_EXTREMES_TITLE = "worst and best case per track"


def write_stress_report(report: StressReport, folder: Path) -> Path:
    """Write stress.json and index.html into a folder, and return the page.

    Raises:
        OSError: the folder cannot be written to.
    """
    write_text(folder / "stress.json", report.model_dump_json(indent=1) + "\n")
    figures = {drawing.name: EmbeddedFigure.render(drawing) for drawing in stress_drawings(report)}
    content = render_page(
        "robustness.html",
        report=report,
        figures={name: figures.get(name) for name in _FIGURES},
        random_filters=RANDOM_FILTERS,
        max_gain_db=MAX_GAIN_DB,
        tracks_sorted=sorted(report.tracks, key=lambda row: (row.predicted != row.truth, -row.wrong)),
    )
    write_text(folder / "index.html", content)
    return folder / "index.html"


def format_text_table(report: StressReport) -> str:
    """Format the effect of each perturbation, worst and best cases, and targets for the terminal."""
    rows = [_HEADER, *(_cells(report, row) for row in report.reported_rows)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        f"{report.model} {report.version} on {report.tested} unperturbed tracks: accuracy "
        f"{report.accuracy.value:.3f} ({report.accuracy.low:.3f} - {report.accuracy.high:.3f})",
        "",
    ]
    lines += [
        "  ".join(
            [f"{first:<{widths[0]}}", *(f"{cell:>{width}}" for cell, width in zip(rest, widths[1:], strict=True))]
        )
        for first, *rest in rows
    ]
    width = max(len(_EXTREMES_TITLE), widths[0]) + 2
    lines += ["", f"{_EXTREMES_TITLE:<{width}}  worst   best"]
    lines += [f"{f'{row.family} ({row.changes})':<{width}}{row.worst:>7.3f}{row.best:>7.3f}" for row in report.extremes]
    return "\n".join([*lines, "", target_summary(report)]).rstrip()


def format_markdown_table(report: StressReport) -> str:
    """Format the effect of each perturbation, worst and best cases, and targets as Markdown."""
    lines = [f"| {' | '.join(_HEADER)} |", f"|---{'|---:' * (len(_HEADER) - 1)}|"]
    lines += [f"| {' | '.join(_cells(report, row))} |" for row in report.reported_rows]
    lines += ["", f"| {_EXTREMES_TITLE} | perturbations | worst | best |", "|---|---:|---:|---:|"]
    lines += [f"| {row.family} | {row.changes} | {row.worst:.3f} | {row.best:.3f} |" for row in report.extremes]
    return "\n".join([*lines, "", target_summary(report)]).rstrip()


def target_summary(report: StressReport) -> str:
    """Return a sentence that names the missed targets; empty without targets."""
    if not report.targets:
        return ""
    missed = [f"{row.words} ({100 * row.difference.value:+.1f} points)" for row in report.targets if not row.passed]
    met = f"{len(report.targets) - len(missed)} of {len(report.targets)} targets are met"
    return f"{met}; missed: {', '.join(missed)}." if missed else f"{met}."


def _cells(report: StressReport, row: PerturbationRow) -> tuple[str, ...]:
    interval = f"{100 * row.difference.low:+.1f} to {100 * row.difference.high:+.1f}"
    target = "" if row.allowed is None else f"{100 * -row.allowed:g} {'met' if row.passed else 'MISSED'}"
    return (
        report.label(row),
        f"{row.accuracy:.3f}",
        f"{100 * row.difference.value:+.1f}",
        interval,
        target,
        f"{100 * row.flips:.1f} %",
        f"{100 * row.confidence:+.1f}",
    )
