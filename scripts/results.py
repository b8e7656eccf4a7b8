"""Figures in benchmarks/results/, and Markdown made from them.

The documents call `model_tables`, `performance_tables` and `drawings` in cog blocks. This writes their figures anew:

    cog -r -I scripts README.md MODEL_CARD.md docs/*.md
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"


def read_results(name: str) -> dict[str, Any]:
    """Return the content of benchmarks/results/NAME.json."""
    content: dict[str, Any] = json.loads((RESULTS / f"{name}.json").read_text("utf-8"))
    return content


def table(header: Sequence[str], rows: Iterable[Iterable[object]]) -> str:
    """Return a Markdown table."""
    lines = [f"| {' | '.join(map(str, row))} |" for row in (header, *rows)]
    return "\n".join([lines[0], f"|{'---|' * len(header)}", *lines[1:]])


def figure_table(figures: Mapping[str, float]) -> str:
    """Return a table with one figure per row."""
    return table(("measured", "figure"), ((name, f"{value:,.2f}") for name, value in figures.items()))


def provenance(content: Mapping[str, Any]) -> str:
    """Return the machine and the date of a measurement."""
    return f"{content['machine']}, {content['date']}"


def interval(estimate: Mapping[str, float]) -> str:
    """Return a value with its 95 % interval."""
    return f"{estimate['value']:.3f} ({estimate['low']:.3f}-{estimate['high']:.3f})"


def percent(estimate: Mapping[str, float]) -> str:
    """Return a value with its 95 % interval, in per cent."""
    return f"{100 * estimate['value']:.1f} % ({100 * estimate['low']:.1f} to {100 * estimate['high']:.1f})"


def mean_and_deviation(values: Sequence[float]) -> str:
    """Return the mean and the standard deviation of `values`."""
    return f"{mean(values):.3f} ± {stdev(values):.3f}"
