"""The tables in docs/http.md of what a server takes, made from benchmarks/results/load.json and fuzz.json.

python scripts/http_page.py
"""

import json
from pathlib import Path
from typing import Any

from marks import fill_marks

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
PAGE = ROOT / "docs" / "http.md"


def page() -> str:
    """The page with its tables made anew."""
    load, fuzz = (json.loads((RESULTS / name).read_text("utf-8")) for name in ("load.json", "fuzz.json"))
    return fill_marks(PAGE.read_text("utf-8"), {"load": _load(load), "fuzz": _fuzz(fuzz)})


def _load(content: dict[str, Any]) -> str:
    rows = [
        f"| {load['case']['name']} | {load['per_second']:.1f} | {load['p50']:.0f} ms | {load['p95']:.0f} ms "
        f"| {load['idle']['group']:.0f} MB | {load['busy']['group']:.0f} MB |"
        for load in content["loads"]
    ]
    first = content["loads"][0]
    return "\n".join(
        [
            "| asked for | answers a second | median | 95 % within | memory, idle | memory, at most |",
            "|---|---|---|---|---|---|",
            *rows,
            "",
            f"{first['clients']} clients at once, {first['requests']} mp3s of 30 s, all windows heard, one worker, "
            f"`lens`; clients on the same cores; server and workers in a control group of {content['limit_mb']} MB. "
            f"{content['machine']}, {content['date']}.",
        ]
    )


def _fuzz(content: dict[str, Any]) -> str:
    statuses = ", ".join(f"{count} with {status}" for status, count in sorted(content["statuses"].items()))
    before, halfway, after = (content[key]["now"] for key in ("before", "halfway", "after"))
    return (
        f"Of {content['files']:,} broken files (seed {content['seed']}) the server answered {statuses}; "
        f"{content['workers_lost']} cost a worker its life. It had {before:.0f} MB before, {halfway:.0f} halfway and "
        f"{after:.0f} after them (sum of all processes). {content['machine']}, {content['date']}."
    )


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
