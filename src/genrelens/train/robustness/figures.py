"""Pictures of a stress test: what each change costs, also by its strength; the filters; the worst and the best."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genrelens.train.report.drawing import WIDTH, Drawing, Palette
from genrelens.train.robustness.measures import ALL, FilterSearch, PerturbationRow, StressReport

_LINE = 0.21  # inches that a line of text takes
_GRADED = {"tempo": "%", "pitch": "semitones", "mp3": "kbit/s", "opus": "kbit/s", "lowpass": "Hz", "noise": "dB SNR"}
_COLUMNS = 2


def drawings(report: StressReport) -> list[Drawing]:
    """What there is to draw."""
    found = [differences(report), extremes(report)]
    graded = [family for family in _GRADED if sum(row.family == family for row in report.rows) > 1]
    if graded:
        found.append(strengths(report, graded))
    if report.search:
        found.append(filters(report, report.search))
    return found


def differences(report: StressReport) -> Drawing:
    """The difference in accuracy that each change makes, with its interval and what is allowed."""
    rows = report.reported_rows[::-1]

    def draw(palette: Palette) -> Figure:
        figure = Figure(figsize=(WIDTH, 1.2 + _LINE * len(rows)), layout="constrained")
        axes = figure.subplots()
        for name, colour, marker, passed in (
            ("target kept", palette.third, "o", True),
            ("missed", palette.second, "X", False),
            ("no target", palette.first, "D", None),
        ):
            _points(
                axes, [(place, row) for place, row in enumerate(rows) if row.passed is passed], colour, marker, name
            )
        limits = [(place, -100 * row.allowed) for place, row in enumerate(rows) if row.allowed is not None]
        if limits:
            places, least = zip(*limits, strict=True)
            axes.plot(least, places, "|", color=palette.ink, markersize=9, label="allowed")
        axes.axvline(0, color=palette.ink, linewidth=1, linestyle=":", zorder=1)
        axes.set_yticks(range(len(rows)), [report.label(row) for row in rows])
        axes.set_ylim(-0.7, len(rows) - 0.3)
        axes.set_xlabel("difference in accuracy, points")
        axes.grid(axis="x", color=palette.faint, linewidth=0.5)
        figure.legend(loc="outside upper center", ncols=2, frameon=False)
        return figure

    worst = min(rows, key=lambda row: row.difference.value)
    kept = sum(row.passed is True for row in rows)
    text = (
        f"What {len(rows)} changes do to the accuracy, with 95 % intervals: the most is lost by {report.label(worst)}, "
        f"{-100 * worst.difference.value:.1f} points; {kept} of {len(report.targets)} targets are kept."
    )
    return Drawing("differences", text, draw)


def strengths(report: StressReport, families: Sequence[str]) -> Drawing:
    """Accuracy by the strength of a change, from as it is on."""

    def draw(palette: Palette) -> Figure:
        lines = -(-len(families) // _COLUMNS)
        figure = Figure(figsize=(WIDTH, 0.4 + 1.9 * lines), layout="constrained")
        grid = figure.subplots(lines, _COLUMNS, sharey=True, squeeze=False).ravel()
        for axes, family in zip(grid, families, strict=False):
            _grade(axes, report, [row for row in report.rows if row.family == family], palette)
            axes.set_title(f"{family}, {_GRADED[family]}")
        for axes in grid[len(families) :]:
            axes.set_axis_off()
        for axes in grid[::_COLUMNS]:
            axes.set_ylabel("accuracy, %")
        return figure

    return Drawing("strengths", f"Accuracy by the strength of {', '.join(families)}.", draw)


def filters(report: StressReport, search: FilterSearch) -> Drawing:
    """All filters that were tried; the one that deflates the score and the one that inflates it stand out."""
    accuracy = {row.name: row.accuracy for row in report.rows}

    def draw(palette: Palette) -> Figure:
        figure = Figure(figsize=(WIDTH, 3.6), layout="constrained")
        axes = figure.subplots()
        for one in search.filters:
            axes.plot(one.hz, one.gains, color=palette.faint, linewidth=1, zorder=1)
        for name, colour, marker, what in (
            (search.inflating, palette.first, "o", "inflating"),
            (search.deflating, palette.second, "s", "deflating"),
        ):
            curve = next(one for one in search.filters if one.name == name)
            text = f"{what}: {100 * accuracy[name]:.1f} %"
            axes.plot(curve.hz, curve.gains, color=colour, marker=marker, markersize=5, linewidth=2, label=text)
        axes.set_xscale("log", base=2)
        ticks = search.filters[0].hz[1::2]
        axes.set_xticks(ticks, [f"{hz / 1000:g}k" if hz >= 1000 else f"{hz:g}" for hz in ticks])
        axes.set_xlabel("Hz")
        axes.set_ylabel("gain, dB")
        axes.grid(axis="y", color=palette.faint, linewidth=0.5)
        figure.legend(loc="outside upper center", ncols=2, frameon=False)
        return figure

    text = (
        f"Of {len(search.filters)} gentle filters, one brings the accuracy from {100 * report.accuracy.value:.1f} to "
        f"{100 * accuracy[search.deflating]:.1f} %, and another to {100 * accuracy[search.inflating]:.1f} %."
    )
    return Drawing("filters", text, draw)


def extremes(report: StressReport) -> Drawing:
    """The accuracy if each track had the worst of some changes done to it, and if it had the best."""
    rows = report.extremes[::-1]

    def draw(palette: Palette) -> Figure:
        figure = Figure(figsize=(WIDTH, 1.1 + 0.26 * len(rows)), layout="constrained")
        axes = figure.subplots()
        places = range(len(rows))
        worst, best = ([100 * getattr(row, end) for row in rows] for end in ("worst", "best"))
        axes.hlines(places, worst, best, color=palette.faint, linewidth=3)
        axes.plot(worst, places, "s", color=palette.second, markersize=6, label="worst")
        axes.plot(best, places, "o", color=palette.first, markersize=6, label="best")
        axes.axvline(100 * report.accuracy.value, color=palette.ink, linewidth=1, linestyle=":", label="as it is")
        axes.set_yticks(places, [f"{row.family} ({row.changes})" for row in rows])
        axes.set_xlim(0, 100)
        axes.set_ylim(-0.6, len(rows) - 0.4)
        axes.set_xlabel("accuracy, %")
        axes.grid(axis="x", color=palette.faint, linewidth=0.5)
        figure.legend(loc="outside upper center", ncols=3, frameon=False)
        return figure

    widest = next((row for row in rows if row.family == ALL), rows[0])
    text = (
        f"Accuracy if every track had the worst of {widest.changes} changes done to it, {100 * widest.worst:.1f} %, "
        f"and if it had the best, {100 * widest.best:.1f} %."
    )
    return Drawing("extremes", text, draw)


def _points(axes: Axes, rows: Sequence[tuple[int, PerturbationRow]], colour: str, marker: str, name: str) -> None:
    if not rows:
        return
    places = [place for place, _ in rows]
    found = [row.difference for _, row in rows]
    axes.hlines(
        places, [100 * one.low for one in found], [100 * one.high for one in found], color=colour, linewidth=1.2
    )
    axes.plot([100 * one.value for one in found], places, marker, color=colour, markersize=5, label=name)


def _grade(axes: Axes, report: StressReport, rows: Sequence[PerturbationRow], palette: Palette) -> None:
    """Strengths side by side; as it is stands between both directions, or before the weakest change."""
    lower = [row for row in rows if row.strength < 0]
    upper = [row for row in rows if row.strength >= 0]
    plain = 100 * report.accuracy.value
    lows, values, highs = (
        [plain + 100 * getattr(row.difference, end) for row in lower]
        + [plain]
        + [plain + 100 * getattr(row.difference, end) for row in upper]
        for end in ("low", "value", "high")
    )
    places = range(len(values))
    axes.fill_between(places, lows, np.minimum(highs, 100), color=palette.faint, linewidth=0)
    axes.axhline(plain, color=palette.ink, linewidth=1, linestyle=":")
    axes.plot(places, values, "o-", color=palette.first, markersize=4, linewidth=1.5)
    signed = "+" if lower else ""
    names = [*(f"{row.strength:+g}" for row in lower), "0" if lower else "as is"]
    axes.set_xticks(places, [*names, *(f"{row.strength:{signed}g}" for row in upper)])
