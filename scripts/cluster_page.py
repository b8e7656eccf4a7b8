"""The tables in docs/cluster.md, made from benchmarks/results/cluster.json.

python scripts/cluster_page.py
"""

import json
from pathlib import Path
from typing import Any

from marks import fill_marks

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "cluster.json"
PAGE = ROOT / "docs" / "cluster.md"
MANY = 1_000_000  # tracks
CLUSTERS = (16, 64, 256)  # cores


def page() -> str:
    """The page with its tables made anew."""
    content = json.loads(RESULTS.read_text("utf-8"))
    parts = {"agreement": agreement(content), "measured": measured(content), "sizing": sizing(content["figures"])}
    return fill_marks(PAGE.read_text("utf-8"), parts)


def agreement(content: dict[str, Any]) -> str:
    """How the runs on the cluster agree with the local engine."""
    lines = ["| | tracks | equal genres or failures | greatest difference of a probability |", "|---|---|---|---|"]
    for run, figures in content["agreement with the local engine"].items():
        lines.append(
            f"| {run} | {figures['tracks']} | {figures['equal genres or failures']} "
            f"| {figures['greatest difference of a probability']:.1e} |"
        )
    return "\n".join(lines)


def measured(content: dict[str, Any]) -> str:
    """The figures, and where they were measured; but not the rate in the middle, of a run that is too short for it."""
    lines = ["| measured | figure |", "|---|---|"]
    lines += [f"| {name} | {value:,.2f} |" for name, value in content["figures"].items() if "middle half" not in name]
    where = f"{content['tracks']} tracks; {content['machine']}, Ray {content['versions']['ray']}, {content['date']}."
    return "\n".join([*lines, "", where])


def sizing(figures: dict[str, float]) -> str:
    """What a million tracks need: the measured cost of one, times their number."""
    spent = figures["decoding and mels (CPU ms a track)"] + figures["the model (CPU ms a track)"]
    # Begin and end included; and no core can do more than its time.
    core = min(figures["cluster, in all (tracks/s)"] / 2, 1000 / spent)
    limit = figures["cluster, paths without a file (tracks/s)"]
    outcome = figures["outcomes, before compression (kB a track)"]
    stored = figures["through the object store (kB a track)"]
    audio = figures["audio file (MB a track)"]
    lines = [
        "| cores | tracks a second | a million tracks take | read | through the object stores |",
        "|---|---|---|---|---|",
    ]
    for cores in CLUSTERS:
        rate = min(core * cores, limit)
        lines.append(
            f"| {cores} | {rate:,.0f} | {MANY / rate / 3600:.1f} hours | {8 * rate * audio / 1000:.1f} Gbit/s "
            f"| {rate * stored / 1000:,.0f} MB/s |"
        )
    lines += [
        "",
        f"In all, {MANY * audio / 1e6:.1f} TB of audio are read, {MANY * stored / 1e9:.2f} TB pass through the object "
        f"stores, and at most {MANY * outcome / 1e6:.1f} GB of Parquet are left. Ray's own work, paths "
        f"that have no file, goes at {limit:,.0f} tracks a second with this one machine of two cores as driver, nodes "
        f"and all: what {limit / core:,.0f} cores can judge, and what no row exceeds. A larger cluster is better "
        "used as two, with half of the tracks each.",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
