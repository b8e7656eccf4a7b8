"""A stress test for people: one page that needs no other file, a table for the terminal, and one for documents."""

from pathlib import Path

from genrelens.files import write_text
from genrelens.train.report.page import EmbeddedFigure, render_page
from genrelens.train.robustness.equaliser import MAX_GAIN_DB, RANDOM_FILTERS
from genrelens.train.robustness.figures import drawings
from genrelens.train.robustness.measures import PerturbationRow, StressReport

_HEADS = ("change", "accuracy", "difference", "95 % interval", "target", "flipped", "confidence")


def write_stress(report: StressReport, folder: Path) -> Path:
    """Write stress.json and index.html into a folder, and return the page.

    Raises:
        OSError: it cannot be written to.
    """
    write_text(folder / "stress.json", report.model_dump_json(indent=1) + "\n")
    pictures = {drawing.name: EmbeddedFigure.render(drawing) for drawing in drawings(report)}
    content = render_page(
        "robustness.html",
        report=report,
        pictures={name: pictures.get(name) for name in ("differences", "strengths", "filters", "extremes")},
        drawn=RANDOM_FILTERS,
        most_db=MAX_GAIN_DB,
        tracks_sorted=sorted(report.tracks, key=lambda row: (row.told != row.truth, -row.wrong)),
    )
    write_text(folder / "index.html", content)
    return folder / "index.html"


def table_text(report: StressReport) -> str:
    """A row for each change, the worst and the best, and which targets are missed."""
    rows = [_HEADS, *(_cells(report, row) for row in report.reported_rows)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        f"{report.model} {report.version} on {report.tested} tracks as they are: accuracy "
        f"{report.accuracy.value:.3f} ({report.accuracy.low:.3f} - {report.accuracy.high:.3f})",
        "",
    ]
    lines += [
        "  ".join(
            [f"{first:<{widths[0]}}", *(f"{cell:>{width}}" for cell, width in zip(rest, widths[1:], strict=True))]
        )
        for first, *rest in rows
    ]
    lines += ["", f"{'worst and best for each track':<{max(30, widths[0] + 2)}}  worst   best"]
    lines += [
        f"{f'{row.family} ({row.changes})':<{max(30, widths[0] + 2)}}{row.worst:>7.3f}{row.best:>7.3f}"
        for row in report.extremes
    ]
    return "\n".join([*lines, "", verdict(report)]).rstrip()


def table_markdown(report: StressReport) -> str:
    """The same rows for a document."""
    lines = [f"| {' | '.join(_HEADS)} |", f"|---{'|---:' * (len(_HEADS) - 1)}|"]
    lines += [f"| {' | '.join(_cells(report, row))} |" for row in report.reported_rows]
    lines += ["", "| worst and best for each track | changes | worst | best |", "|---|---:|---:|---:|"]
    lines += [f"| {row.family} | {row.changes} | {row.worst:.3f} | {row.best:.3f} |" for row in report.extremes]
    return "\n".join([*lines, "", verdict(report)]).rstrip()


def verdict(report: StressReport) -> str:
    """Which targets are missed, in a sentence; nothing if none was tried."""
    if not report.targets:
        return ""
    missed = [f"{row.words} ({100 * row.difference.value:+.1f} points)" for row in report.targets if not row.passed]
    kept = f"{len(report.targets) - len(missed)} of {len(report.targets)} targets are kept"
    return f"{kept}; missed: {', '.join(missed)}." if missed else f"{kept}."


def _cells(report: StressReport, row: PerturbationRow) -> tuple[str, ...]:
    interval = f"{100 * row.difference.low:+.1f} to {100 * row.difference.high:+.1f}"
    target = "" if row.allowed is None else f"{100 * -row.allowed:g} {'kept' if row.passed else 'MISSED'}"
    return (
        report.label(row),
        f"{row.accuracy:.3f}",
        f"{100 * row.difference.value:+.1f}",
        interval,
        target,
        f"{100 * row.flips:.1f} %",
        f"{100 * row.confidence:+.1f}",
    )
