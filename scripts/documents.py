"""The documents with measured figures, made from the results: MODEL_CARD.md, docs/benchmarks.md, parts of others."""

import json
import re
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import pareto
from marks import fill_marks

from genrelens.model import zoo
from genrelens.model.card import Card
from genrelens.model.session import Model
from genrelens.train.benchmark.benchmark import read_cells
from genrelens.train.benchmark.plan import read_plan
from genrelens.train.benchmark.table import benchmark_page
from genrelens.train.evaluation.metrics import Metrics
from genrelens.train.report.drawing import DARK, LIGHT, Drawing
from genrelens.train.report.figures import reliability_diagram
from genrelens.train.robustness.measures import StressReport
from genrelens.train.robustness.report import table_markdown

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
COMMAND = "genrelens benchmark benchmarks/gtzan.toml --data gtzan:ARRAY.npy --pictures gtzan:PICTURES"
FULLY_RECORDED = ("blues", "classical", "jazz", "rock")  # all of their recordings are at hand


def write_documents() -> None:
    """Write what the bundled model and the results say."""
    (ROOT / "MODEL_CARD.md").write_text(model_card(), "utf-8")
    (ROOT / "README.md").write_text(readme(), "utf-8")
    (ROOT / "docs" / "benchmarks.md").write_text(benchmarks(), "utf-8")
    (ROOT / "docs" / "stress.md").write_text(stress(), "utf-8")
    for drawing in (pareto.drawing(), _reliability(_measured())):
        for palette in (LIGHT, DARK):
            (ROOT / "docs" / f"{drawing.name}-{palette.name}.png").write_bytes(drawing.png(palette))


def model_card() -> str:
    """MODEL_CARD.md: its template with the figures filled in."""
    return fill((ROOT / "scripts" / "model_card.md").read_text("utf-8"))


def benchmarks() -> str:
    """docs/benchmarks.md: its template with the tables filled in."""
    return fill((ROOT / "scripts" / "benchmarks.md").read_text("utf-8"))


def readme() -> str:
    """README.md with the figures between its marks made anew."""
    return fill_marks((ROOT / "README.md").read_text("utf-8"), figures())


def stress() -> str:
    """docs/stress.md with the table between its marks made anew."""
    return fill_marks((ROOT / "docs" / "stress.md").read_text("utf-8"), figures())


def fill(template: str) -> str:
    """Replace each {{name}} by its part."""
    parts = figures()
    return re.sub(r"\{\{(.+?)\}\}", lambda match: parts[match[1]], template)


def figures() -> dict[str, str]:
    """All parts by name."""
    card = Model(zoo.find("lens"), threads=1).card
    measured = _measured()
    speed = json.loads((RESULTS / "speed.json").read_text("utf-8"))
    return {
        "accuracy": _estimate(measured["test"]["accuracy"]),
        "benchmark": benchmark_page(read_cells(RESULTS / "gtzan"), _order(), COMMAND),
        "accuracies": _accuracies(measured),
        "seeds": _seeds(measured["seeds"]),
        "confidence": _confidence(card, measured),
        "reliability": _picture(_reliability(measured), "docs/"),
        "pareto": _picture(pareto.drawing(), "docs/"),
        "genres": _genres(measured["test"]),
        "confusions": _confusions(measured["test"]),
        "balance": _balance(measured["test"]),
        "agreement": f"{100 * measured['same answer from audio as from log-mels']:.0f} %",
        "speed": _speed(speed),
        "stress": _stress(),
        "training": _training(card),
        "size": f"{zoo.find('lens').stat().st_size / 1e6:.1f} MB",
        "parameters": f"{card.parameters / 1e6:.2f} million",
        "version": card.version,
    }


def _order() -> list[str]:
    """The names of the recipes in the order of the plan."""
    plan = ROOT / "benchmarks" / "gtzan.toml"
    return [recipe.name for recipe, _ in read_plan(plan).read(plan.parent)]


def _estimate(estimate: dict[str, float]) -> str:
    return f"{estimate['value']:.3f} ({estimate['low']:.3f}-{estimate['high']:.3f})"


def _accuracies(measured: dict[str, Any]) -> str:
    rows = [
        ("test, all tracks, from log-mels", measured["test"]),
        ("test, tracks with recordings, from audio", measured["test, from audio"]),
        ("the same tracks, from log-mels", measured["test, from log-mels"]),
        ("valid (used for choosing), from log-mels", measured["valid"]),
    ]
    lines = ["| measured on | tracks | accuracy | macro F1 |", "|---|---|---|---|"]
    lines += [
        f"| {name} | {metrics['tracks']} | {_estimate(metrics['accuracy'])} | {_estimate(metrics['macro_f1'])} |"
        for name, metrics in rows
    ]
    return "\n".join(lines)


def _measured() -> dict[str, Any]:
    return dict(json.loads((RESULTS / "lens.json").read_text("utf-8")))


def _seeds(seeds: list[dict[str, float]]) -> str:
    """A row for each training, and their mean and standard deviation."""
    columns = [name for name in seeds[0] if name != "seed"]
    lines = [f"| seed | {' | '.join(columns)} |", "|---" * (1 + len(columns)) + "|"]
    lines += [f"| {seed['seed']} | {' | '.join(f'{seed[name]:.3f}' for name in columns)} |" for seed in seeds]
    spread = (
        f"{mean(seed[name] for seed in seeds):.3f} ± {stdev(seed[name] for seed in seeds):.3f}" for name in columns
    )
    return "\n".join([*lines, f"| mean | {' | '.join(spread)} |"])


def _confidence(card: Card, measured: dict[str, Any]) -> str:
    """How far confidence can be trusted, in words."""
    valid, test = (Metrics.model_validate(measured[side]) for side in ("valid", "test"))
    error, by_chance = test.calibration.error, test.calibration.by_chance
    right, all_right = (_percent(each.model_dump()) for each in (test.selection.at_80, test.accuracy))
    return (
        f"The logits are divided by a temperature of {card.temperature:.2f}, chosen on *valid*. The expected "
        f"calibration error is {valid.calibration.error:.3f} on *valid* and {error:.3f} on *test*, where a perfectly "
        f"calibrated model would show {by_chance:.3f} by chance. Of the 80 % of the answers on *test* that are most "
        f"confident, {right} are right, of all {all_right}."
    )


def _reliability(measured: dict[str, Any]) -> Drawing:
    return reliability_diagram(Metrics.model_validate(measured["test"]))


def _picture(drawing: Drawing, folder: str) -> str:
    """A picture that suits the paper it is read on."""
    return (
        f'<picture>\n  <source media="(prefers-color-scheme: dark)" srcset="{folder}{drawing.name}-dark.png">\n'
        f'  <img src="{folder}{drawing.name}-light.png" alt="{drawing.alt}">\n</picture>'
    )


def _percent(estimate: dict[str, float]) -> str:
    return f"{100 * estimate['value']:.1f} % ({100 * estimate['low']:.1f} to {100 * estimate['high']:.1f})"


def _genres(metrics: dict[str, Any]) -> str:
    lines = ["| genre | precision | recall | F1 | tracks |", "|---|---|---|---|---|"]
    lines += [
        f"| {row['label']} | {row['precision']:.2f} | {row['recall']:.2f} | {row['f1']:.2f} | {row['support']} |"
        for row in metrics["genres"]
    ]
    return "\n".join(lines)


def _confusions(metrics: dict[str, Any]) -> str:
    labels = [row["label"] for row in metrics["genres"]]
    lines = [f"| true, told as | {' | '.join(labels)} |", "|---" * (len(labels) + 1) + "|"]
    lines += [
        f"| {label} | {' | '.join(str(count or '') for count in counts)} |"
        for label, counts in zip(labels, metrics["confusion"], strict=True)
    ]
    return "\n".join(lines)


def _balance(metrics: dict[str, Any]) -> str:
    """How often the four fully recorded genres are told, against how often they are true."""
    labels = [row["label"] for row in metrics["genres"]]
    members = [labels.index(label) for label in FULLY_RECORDED]
    true = sum(sum(metrics["confusion"][member]) for member in members)
    told = sum(counts[member] for counts in metrics["confusion"] for member in members)
    return f"told for {told} of the {metrics['tracks']} test tracks and true of {true}"


def _stress() -> str:
    report = StressReport.model_validate_json((RESULTS / "stress.json").read_bytes())
    return (
        f"`{report.model}` {report.version} on the {report.tested} tracks of {report.side} whose recordings are at "
        f"hand: as they are, accuracy {_estimate(report.accuracy.model_dump())}.\n\n{table_markdown(report)}"
    )


def _speed(speed: dict[str, Any]) -> str:
    lines = ["| measured | figure |", "|---|---|"]
    lines += [f"| {name.strip()} | {value:,.2f} |" for name, value in speed["figures"].items()]
    return "\n".join([*lines, "", f"{speed['machine']}, {speed['date']}."])


def _training(card: Card) -> str:
    training = card.training
    return f"{training.tracks} tracks, seed {training.seed}, {training.date}, {training.machine}"
