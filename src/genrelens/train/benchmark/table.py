"""The results of a benchmark as Markdown: accuracy of each recipe under each protocol, leak gap and costs."""

from collections.abc import Sequence

from genrelens.train.benchmark.benchmark import Cell
from genrelens.train.benchmark.protocols import PROTOCOLS, Protocol

_TITLES: dict[Protocol, str] = {
    "windows": "random windows",
    "tracks": "random tracks",
    "stratified": "by artist",
    "fault-filtered": "fault-filtered",
}
_UNITS = ((1e9, "G"), (1e6, "M"), (1e3, "k"))
CEILING = 0.945  # accuracy of a perfect system on GTZAN (Sturm, arXiv 1306.1461); higher values indicate a leak


def benchmark_page(cells: Sequence[Cell], recipes: Sequence[str], command: str) -> str:
    """Format the results of a benchmark and how to reproduce them.

    Args:
        cells: results of `run_benchmark`.
        recipes: names of the recipes in the order of the table.
        command: command that reproduces the results.
    """
    if not cells:
        return "There are no results yet.\n"
    protocols = [protocol for protocol in PROTOCOLS if any(cell.protocol == protocol for cell in cells)]
    parts = (
        _accuracy_table(cells, recipes, protocols),
        _leak_alarm(cells),
        _cost_table(cells, recipes),
        _provenance(cells, command),
    )
    return "\n\n".join(part for part in parts if part) + "\n"


def _accuracy_table(cells: Sequence[Cell], recipes: Sequence[str], protocols: Sequence[Protocol]) -> str:
    header = ["recipe", "stated by the reference", *(_TITLES[protocol] for protocol in protocols), "leak gap"]
    rows = []
    for recipe in recipes:
        by_protocol = {cell.protocol: cell for cell in cells if cell.recipe == recipe}
        if by_protocol:
            claim = next(iter(by_protocol.values())).claim
            accuracies = (_format_accuracy(by_protocol.get(protocol)) for protocol in protocols)
            rows.append([recipe, claim, *accuracies, _leak_gap(by_protocol, protocols)])
    return _markdown_table(header, rows)


def _format_accuracy(cell: Cell | None) -> str:
    if cell is None:
        return ""
    estimate = cell.accuracy
    return f"{100 * estimate.value:.1f} ({100 * estimate.low:.1f}-{100 * estimate.high:.1f})"


def _leak_gap(by_protocol: dict[Protocol, Cell], protocols: Sequence[Protocol]) -> str:
    """Return the accuracy in points that the most optimistic protocol adds to the strictest one, if both are done."""
    accuracies = [by_protocol[protocol].accuracy.value for protocol in protocols if protocol in by_protocol]
    has_gap = len(accuracies) > 1 and protocols[-1] in by_protocol
    return f"{100 * (accuracies[0] - accuracies[-1]):+.1f}" if has_gap else ""


def _leak_alarm(cells: Sequence[Cell]) -> str:
    """Name recipes whose accuracy under the strictest protocol is implausibly high."""
    high = [cell.recipe for cell in cells if cell.protocol == "fault-filtered" and cell.accuracy.value > CEILING]
    return (
        f"**Leak alarm**: above {100 * CEILING:.1f} % on the fault-filtered split: {', '.join(high)}." if high else ""
    )


def _cost_table(cells: Sequence[Cell], recipes: Sequence[str]) -> str:
    header = ["recipe", "parameters", "MACs per window", "ms for 30 s", "epochs", "training s"]
    rows = []
    for recipe in recipes:
        of_recipe = (cell for cell in cells if cell.recipe == recipe)
        ordered = sorted(of_recipe, key=lambda cell: PROTOCOLS.index(cell.protocol))
        if ordered:
            last = ordered[-1]
            epochs = "; ".join(f"{cell.epochs}" for cell in ordered) + f" of {last.planned}"
            seconds = "; ".join(f"{cell.training_seconds:.0f}" for cell in ordered)
            cpu_ms = "" if last.cpu_ms is None else f"{last.cpu_ms:.0f}"
            rows.append([recipe, f"{last.parameters:,}", _format_amount(last.macs), cpu_ms, epochs, seconds])
    return _markdown_table(header, rows)


def _provenance(cells: Sequence[Cell], command: str) -> str:
    dates = sorted({cell.date for cell in cells})
    seeds = ", ".join(str(seed) for seed in sorted({cell.seed for cell in cells}))
    machines = "; ".join(sorted({cell.machine for cell in cells}))
    budgets = " or ".join(f"{budget:.0f}" for budget in sorted({cell.budget for cell in cells}))
    hours = sum(cell.training_seconds for cell in cells) / 3600
    period = dates[0] if len(dates) == 1 else f"{dates[0]} to {dates[-1]}"
    return (
        f"Produced by `{command}`: {len(cells)} training runs of {budgets} s of CPU time each, {hours:.1f} CPU hours "
        f"of training in total; seed {seeds}; {machines}; {period}."
    )


def _format_amount(number: int) -> str:
    return next((f"{number / unit:.3g} {name}" for unit, name in _UNITS if number >= unit), str(number))


def _markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
