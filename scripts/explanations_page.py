"""The table in docs/explanations.md, made from benchmarks/results/faithfulness.json.

python scripts/explanations_page.py
"""

import json
from pathlib import Path
from typing import Any

from marks import fill_marks

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "faithfulness.json"
PAGE = ROOT / "docs" / "explanations.md"
UNMEASURED = "Not yet measured."
METHODS = {"cam": "class activation", "occlusion": "occlusion"}


def page() -> str:
    """The page with its table made anew."""
    text = table(json.loads(RESULTS.read_text("utf-8"))) if RESULTS.is_file() else UNMEASURED
    return fill_marks(PAGE.read_text("utf-8"), {"table": text})


def table(content: dict[str, Any]) -> str:
    """A row for each method and map: both areas, and by how much the method is better than the map."""
    rows = [
        "| method | order | deletion, less is better | the method is better by "
        "| insertion, more is better | the method is better by |",
        "|---|---|---|---|---|---|",
    ]
    for method, figures in content["methods"].items():
        for name, areas in figures["areas"].items():
            better = figures["better"].get(name)
            rows.append(
                f"| {METHODS[method]} | {'its own' if name == method else name} "
                + "".join(
                    f"| {areas[curve]:.3f} | {_interval(better[curve]) if better else ''} "
                    for curve in ("deletion", "insertion")
                )
                + "|"
            )
    alike = ", ".join(f"{figures['edges']:.2f} for {METHODS[name]}" for name, figures in content["methods"].items())
    return "\n".join(
        [
            *rows,
            "",
            f"`{content['model']}`; {content['data']}, {content['tracks']} tracks, {content['windows']} windows of "
            f"each. Intervals of 95 % over the tracks. Rank correlation of evidence and edges: {alike}. "
            f"{content['machine']}, {content['date']}.",
        ]
    )


def _interval(better: dict[str, float]) -> str:
    return f"{better['value']:+.3f} ({better['low']:+.3f} to {better['high']:+.3f})"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
