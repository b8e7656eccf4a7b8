"""The table in docs/backbones.md, made from benchmarks/results/backbones.json.

python scripts/backbones_page.py
"""

import json
from collections.abc import Iterable
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from marks import fill_marks

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "backbones.json"
PAGE = ROOT / "docs" / "backbones.md"
FINE_TUNED = "fine-tuned, "  # and the name of the run, one a seed


def page() -> str:
    """The page with its table made anew."""
    text = table(json.loads(RESULTS.read_text("utf-8")))
    return fill_marks(PAGE.read_text("utf-8"), {"table": text})


def table(content: dict[str, Any]) -> str:
    """A row for each model; the seeds of one that was fine-tuned share a row."""
    models: dict[str, dict[str, Any]] = content["models"]
    seeds = [figures for name, figures in models.items() if name.startswith(FINE_TUNED)]
    rows = [
        f"| {name} | {figures['parameters']:,} | {figures['megabytes']} | "
        + " | ".join(_estimate(figures[side]["accuracy"]) for side in ("valid", "test"))
        + f" | {figures['test']['macro_f1']['value']:.3f} | {figures['test']['four genres']['accuracy']:.3f} |"
        for name, figures in models.items()
        if not name.startswith(FINE_TUNED)
    ]
    if seeds:
        first = seeds[0]
        rows.append(
            f"| fine-tuned, {_counted(len(seeds))} | {first['parameters']:,} | {first['megabytes']} | "
            + " | ".join(_spread(one[side]["accuracy"]["value"] for one in seeds) for side in ("valid", "test"))
            + f" | {_spread(one['test']['macro_f1']['value'] for one in seeds)}"
            + f" | {_spread(one['test']['four genres']['accuracy'] for one in seeds)} |"
        )
    any_one = next(iter(models.values()))
    valid, test, four = any_one["valid"], any_one["test"], any_one["test"]["four genres"]
    head = [
        f"| model | parameters | MB | valid, {valid['tracks']} tracks | test, {test['tracks']} tracks "
        f"| test, macro F1 | test, the {four['tracks']} of four genres |",
        "|---|---|---|---|---|---|---|",
    ]
    return "\n".join([*head, *rows, "", f"{content['data']}; {content['machine']}, {content['date']}."])


def _estimate(estimate: dict[str, float]) -> str:
    return f"{estimate['value']:.3f} ({estimate['low']:.3f}-{estimate['high']:.3f})"


def _counted(seeds: int) -> str:
    return "one seed" if seeds == 1 else f"mean of {seeds} seeds"


def _spread(values: Iterable[float]) -> str:
    own = list(values)
    return f"{mean(own):.3f}" + (f" ± {stdev(own):.3f}" if len(own) > 1 else "")


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
