"""The table of a benchmark, in Markdown."""

from collections.abc import Sequence

from genrelens.train.benchmark import Cell


def table(cells: Sequence[Cell], order: Sequence[str]) -> str:
    """Placeholder."""
    return "\n".join(f"{c.recipe} {c.protocol} {c.accuracy.value:.3f}" for c in cells)
