"""Figures of a stress test: accuracy by perturbation and by strength, extreme filters, worst and best cases."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genrelens.train.report.drawing import WIDTH, Drawing, Palette
from genrelens.train.robustness.measures import ALL_FAMILIES, FilterSearch, PerturbationRow, StressReport

_LINE_HEIGHT = 0.21  # inches per row of text
_UNITS = {"tempo": "%", "pitch": "semitones", "mp3": "kbit/s", "opus": "kbit/s", "lowpass": "Hz", "noise": "dB SNR"}
_COLUMNS = 2


def stress_drawings(report: StressReport) -> list[Drawing]:
    """Return the figures that the report has data for."""
    drawings = [difference_drawing(report), extremes_drawing(report)]
    families = [family for family in _UNITS if sum(row.family == family for row in report.rows) > 1]
    if families:
        drawings.append(strength_drawing(report, families))
    if report.search:
        drawings.append(filter_drawing(report, report.search))
    return drawings


def difference_drawing(report: StressReport) -> Drawing:
    """Draw the difference in accuracy of each perturbation, with interval and target."""
    rows = report.reported_rows[::-1]

    def draw(palette: Palette) -> Figure:
        figure = Figure(figsize=(WIDTH, 1.2 + _LINE_HEIGHT * len(rows)), layout="constrained")
        axes = figure.subplots()
        for name, colour, marker, passed in (
            ("target met", palette.third, "o", True),
            ("target missed", palette.second, "X", False),
            ("no target", palette.first, "D", None),
        ):
            members = [(position, row) for position, row in enumerate(rows) if row.passed is passed]
            _plot_differences(axes, members, colour, marker, name)
        targets = [(position, -100 * row.allowed) for position, row in enumerate(rows) if row.allowed is not None]
        if targets:
            positions, limits = zip(*targets, strict=True)
            axes.plot(limits, positions, "|", color=palette.ink, markersize=9, label="target")
        axes.axvline(0, color=palette.ink, linewidth=1, linestyle=":", zorder=1)
        axes.set_yticks(range(len(rows)), [report.label(row) for row in rows])
        axes.set_ylim(-0.7, len(rows) - 0.3)
        axes.set_xlabel("difference in accuracy, points")
        axes.grid(axis="x", color=palette.faint, linewidth=0.5)
        figure.legend(loc="outside upper center", ncols=2, frameon=False)
        return figure

    worst = min(rows, key=lambda row: row.difference.value)
    met = sum(row.passed is True for row in rows)
    alt = (
        f"Effect of {len(rows)} perturbations on the accuracy, with 95 % intervals: the largest loss is "
        f"{-100 * worst.difference.value:.1f} points, to {report.label(worst)}; {met} of {len(report.targets)} "
        "targets are met."
    )
    return Drawing("differences", alt, draw)


def strength_drawing(report: StressReport, families: Sequence[str]) -> Drawing:
    """Draw accuracy by strength for each family of perturbations."""

    def draw(palette: Palette) -> Figure:
        lines = -(-len(families) // _COLUMNS)
        figure = Figure(figsize=(WIDTH, 0.4 + 1.9 * lines), layout="constrained")
        grid = figure.subplots(lines, _COLUMNS, sharey=True, squeeze=False).ravel()
        for axes, family in zip(grid, families, strict=False):
            _plot_strengths(axes, report, [row for row in report.rows if row.family == family], palette)
            axes.set_title(f"{family}, {_UNITS[family]}")
        for axes in grid[len(families) :]:
            axes.set_axis_off()
        for axes in grid[::_COLUMNS]:
            axes.set_ylabel("accuracy, %")
        return figure

    return Drawing("strengths", f"Accuracy by the strength of {', '.join(families)}.", draw)


def filter_drawing(report: StressReport, search: FilterSearch) -> Drawing:
    """Draw all filters of a search, with the deflating and the inflating one highlighted."""
    accuracy = {row.name: row.accuracy for row in report.rows}

    def draw(palette: Palette) -> Figure:
        figure = Figure(figsize=(WIDTH, 3.6), layout="constrained")
        axes = figure.subplots()
        for curve in search.filters:
            axes.plot(curve.hz, curve.gains, color=palette.faint, linewidth=1, zorder=1)
        for name, colour, marker, role in (
            (search.inflating, palette.first, "o", "inflating"),
            (search.deflating, palette.second, "s", "deflating"),
        ):
            curve = next(curve for curve in search.filters if curve.name == name)
            label = f"{role}: {100 * accuracy[name]:.1f} %"
            axes.plot(curve.hz, curve.gains, color=colour, marker=marker, markersize=5, linewidth=2, label=label)
        axes.set_xscale("log", base=2)
        ticks = search.filters[0].hz[1::2]
        axes.set_xticks(ticks, [f"{hz / 1000:g}k" if hz >= 1000 else f"{hz:g}" for hz in ticks])
        axes.set_xlabel("Hz")
        axes.set_ylabel("gain, dB")
        axes.grid(axis="y", color=palette.faint, linewidth=0.5)
        figure.legend(loc="outside upper center", ncols=2, frameon=False)
        return figure

    alt = (
        f"Of {len(search.filters)} gentle filters, one changes the accuracy from {100 * report.accuracy.value:.1f} to "
        f"{100 * accuracy[search.deflating]:.1f} %, and another to {100 * accuracy[search.inflating]:.1f} %."
    )
    return Drawing("filters", alt, draw)


def extremes_drawing(report: StressReport) -> Drawing:
    """Draw the accuracy of the worst and the best case of each family."""
    rows = report.extremes[::-1]

    def draw(palette: Palette) -> Figure:
        figure = Figure(figsize=(WIDTH, 1.1 + 0.26 * len(rows)), layout="constrained")
        axes = figure.subplots()
        positions = range(len(rows))
        worst, best = ([100 * getattr(row, end) for row in rows] for end in ("worst", "best"))
        axes.hlines(positions, worst, best, color=palette.faint, linewidth=3)
        axes.plot(worst, positions, "s", color=palette.second, markersize=6, label="worst case")
        axes.plot(best, positions, "o", color=palette.first, markersize=6, label="best case")
        axes.axvline(100 * report.accuracy.value, color=palette.ink, linewidth=1, linestyle=":", label="unperturbed")
        axes.set_yticks(positions, [f"{row.family} ({row.changes})" for row in rows])
        axes.set_xlim(0, 100)
        axes.set_ylim(-0.6, len(rows) - 0.4)
        axes.set_xlabel("accuracy, %")
        axes.grid(axis="x", color=palette.faint, linewidth=0.5)
        figure.legend(loc="outside upper center", ncols=3, frameon=False)
        return figure

    widest = next((row for row in rows if row.family == ALL_FAMILIES), rows[0])
    alt = (
        f"Accuracy if every track undergoes the worst of {widest.changes} perturbations, {100 * widest.worst:.1f} %, "
        f"and the best, {100 * widest.best:.1f} %."
    )
    return Drawing("extremes", alt, draw)


def _plot_differences(
    axes: Axes, rows: Sequence[tuple[int, PerturbationRow]], colour: str, marker: str, name: str
) -> None:
    if not rows:
        return
    positions = [position for position, _ in rows]
    lows, values, highs = ([100 * getattr(row.difference, end) for _, row in rows] for end in ("low", "value", "high"))
    axes.hlines(positions, lows, highs, color=colour, linewidth=1.2)
    axes.plot(values, positions, marker, color=colour, markersize=5, label=name)


def _plot_strengths(axes: Axes, report: StressReport, rows: Sequence[PerturbationRow], palette: Palette) -> None:
    """Plot accuracy by strength, with the unperturbed accuracy between both directions, or before the weakest one."""
    negative = [row for row in rows if row.strength < 0]
    positive = [row for row in rows if row.strength >= 0]
    clean = 100 * report.accuracy.value
    lows, values, highs = (
        [clean + 100 * getattr(row.difference, end) for row in negative]
        + [clean]
        + [clean + 100 * getattr(row.difference, end) for row in positive]
        for end in ("low", "value", "high")
    )
    positions = range(len(values))
    axes.fill_between(positions, lows, np.minimum(highs, 100), color=palette.faint, linewidth=0)
    axes.axhline(clean, color=palette.ink, linewidth=1, linestyle=":")
    axes.plot(positions, values, "o-", color=palette.first, markersize=4, linewidth=1.5)
    sign = "+" if negative else ""
    names = [*(f"{row.strength:+g}" for row in negative), "0" if negative else "none"]
    axes.set_xticks(positions, [*names, *(f"{row.strength:{sign}g}" for row in positive)])
