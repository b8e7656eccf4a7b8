"""The page of a benchmark: every recipe on every protocol, in Markdown, with the leak shown."""

from collections.abc import Sequence

from genrelens.train.benchmark.benchmark import Cell
from genrelens.train.benchmark.protocols import PROTOCOLS, Protocol

_TITLES: dict[Protocol, str] = {
    "windows": "windows at random",
    "tracks": "tracks at random",
    "stratified": "tracks, artists whole",
    "fault-filtered": "fault-filtered",
}
_UNITS = ((1e9, "G"), (1e6, "M"), (1e3, "k"))
CEILING = 0.945  # what a perfect system would have on GTZAN (Sturm, arXiv 1306.1461): above it, look for a leak


def benchmark_page(cells: Sequence[Cell], order: Sequence[str], command: str) -> str:
    """Say what was measured, and how it can be measured again.

    Args:
        cells: as `benchmark` kept them.
        order: names of the recipes.
        command: that makes the page.
    """
    if not cells:
        return "Nothing has been measured yet.\n"
    protocols = [protocol for protocol in PROTOCOLS if any(cell.protocol == protocol for cell in cells)]
    parts = [_accuracies(cells, order, protocols), _costs(cells, order), _made(cells, command)]
    return "\n\n".join(part for part in (parts[0], _alarm(cells), *parts[1:]) if part) + "\n"


def _accuracies(cells: Sequence[Cell], order: Sequence[str], protocols: Sequence[Protocol]) -> str:
    header = ["recipe", "stated by the reference", *(_TITLES[protocol] for protocol in protocols), "leak gap"]
    rows = []
    for name in order:
        own = {cell.protocol: cell for cell in cells if cell.recipe == name}
        if own:
            claim = next(iter(own.values())).claim
            rows.append([name, claim, *(_accuracy(own.get(protocol)) for protocol in protocols), _gap(own, protocols)])
    return _table(header, rows)


def _accuracy(cell: Cell | None) -> str:
    if cell is None:
        return ""
    estimate = cell.accuracy
    return f"{100 * estimate.value:.1f} ({100 * estimate.low:.1f}-{100 * estimate.high:.1f})"


def _gap(own: dict[Protocol, Cell], protocols: Sequence[Protocol]) -> str:
    """By how many points the protocol that flatters most flatters, once the most honest one is done."""
    done = [own[protocol].accuracy.value for protocol in protocols if protocol in own]
    return f"{100 * (done[0] - done[-1]):+.1f}" if len(done) > 1 and protocols[-1] in own else ""


def _alarm(cells: Sequence[Cell]) -> str:
    """Cells of the honest protocol that are too good to be true."""
    high = [cell.recipe for cell in cells if cell.protocol == "fault-filtered" and cell.accuracy.value > CEILING]
    return (
        f"**Leak alarm**: above {100 * CEILING:.1f} % on the fault-filtered split: {', '.join(high)}." if high else ""
    )


def _costs(cells: Sequence[Cell], order: Sequence[str]) -> str:
    header = ["recipe", "parameters", "MACs a window", "ms for 30 s", "epochs", "training s"]
    rows = []
    for name in order:
        own = sorted((cell for cell in cells if cell.recipe == name), key=lambda cell: PROTOCOLS.index(cell.protocol))
        if own:
            cell = own[-1]
            done = "; ".join(f"{one.epochs}" for one in own)
            seconds = "; ".join(f"{one.training_seconds:.0f}" for one in own)
            fast = "" if cell.cpu_ms is None else f"{cell.cpu_ms:.0f}"
            epochs = f"{done} of {cell.planned}"
            rows.append([name, f"{cell.parameters:,}", _amount(cell.macs), fast, epochs, seconds])
    return _table(header, rows)


def _made(cells: Sequence[Cell], command: str) -> str:
    dates = sorted({cell.date for cell in cells})
    seeds = ", ".join(str(seed) for seed in sorted({cell.seed for cell in cells}))
    machines = "; ".join(sorted({cell.machine for cell in cells}))
    budgets = sorted({cell.budget for cell in cells})
    hours = sum(cell.training_seconds for cell in cells) / 3600
    span = dates[0] if len(dates) == 1 else f"{dates[0]} to {dates[-1]}"
    return (
        f"Made by `{command}`: {len(cells)} cells, {' or '.join(f'{budget:.0f}' for budget in budgets)} s of CPU time "
        f"each, {hours:.1f} CPU hours of training in all; seed {seeds}; {machines}; {span}."
    )


def _amount(number: int) -> str:
    return next((f"{number / unit:.3g} {name}" for unit, name in _UNITS if number >= unit), str(number))


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
