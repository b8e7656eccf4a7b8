"""Markdown about the quality of models, for cog blocks: accuracy, confidence, robustness and explanations."""

from collections.abc import Mapping
from typing import Any

from results import RESULTS, ROOT, interval, mean_and_deviation, percent, provenance, read_results, table

from genrelens.model import zoo
from genrelens.model.card import Card
from genrelens.model.session import Model
from genrelens.train.benchmark.benchmark import read_cells
from genrelens.train.benchmark.plan import read_plan
from genrelens.train.benchmark.table import benchmark_page
from genrelens.train.evaluation.metrics import Metrics
from genrelens.train.robustness.measures import StressReport
from genrelens.train.robustness.report import format_markdown_table

BENCHMARK = "genrelens benchmark benchmarks/gtzan.toml --data gtzan:ARRAY.npy --pictures gtzan:PICTURES"
FULLY_RECORDED = ("blues", "classical", "jazz", "rock")  # all of their recordings are available
NOT_MEASURED = "Not yet measured."
METHODS = {"cam": "class activation", "occlusion": "occlusion"}


def bundled_card() -> Card:
    """Return the card of the bundled model."""
    return Model(zoo.find("lens"), threads=1).card


def facts() -> str:
    """Return a table of the bundled model's version, size and training."""
    card = bundled_card()
    training = card.training
    row = (
        card.version,
        f"{card.parameters / 1e6:.2f} million",
        f"{zoo.find(card.name).stat().st_size / 1e6:.1f} MB",
        training.tracks,
        training.seed,
        f"{training.date}, {training.machine}",
    )
    return table(("version", "parameters", "ONNX file", "training tracks", "seed", "trained"), [row])


def accuracies() -> str:
    """Return the accuracy of the bundled model on each split."""
    results = read_results("lens")
    rows = {
        "test, all tracks, from log-mels": results["test"],
        "test, tracks with recordings, from audio": results["test, from audio"],
        "the same tracks, from log-mels": results["test, from log-mels"],
        "valid (used for choosing), from log-mels": results["valid"],
    }
    return table(
        ("measured on", "tracks", "accuracy", "macro F1"),
        (
            (name, metrics["tracks"], interval(metrics["accuracy"]), interval(metrics["macro_f1"]))
            for name, metrics in rows.items()
        ),
    )


def audio_agreement() -> str:
    """Return a paragraph that compares predictions from audio and from log-mels, and on fully recorded genres."""
    results = read_results("lens")
    test = results["test"]
    genres = [i for i, row in enumerate(test["genres"]) if row["label"] in FULLY_RECORDED]
    true = sum(sum(test["confusion"][genre]) for genre in genres)
    predicted = sum(counts[genre] for counts in test["confusion"] for genre in genres)
    return (
        "On the recordings themselves, the prediction is the same as on the log-mels for "
        f"{100 * results['same prediction from audio as from log-mels']:.0f} % of the tracks available in both forms. "
        f"One of the four genres with all recordings ({', '.join(FULLY_RECORDED)}) is predicted for {predicted} of the "
        f"{test['tracks']} test tracks, and is the true genre of {true}."
    )


def genres() -> str:
    """Return precision, recall and F1 of each genre on *test*."""
    return table(
        ("genre", "precision", "recall", "F1", "tracks"),
        (
            (row["label"], f"{row['precision']:.2f}", f"{row['recall']:.2f}", f"{row['f1']:.2f}", row["support"])
            for row in read_results("lens")["test"]["genres"]
        ),
    )


def confusion_matrix() -> str:
    """Return the confusion matrix on *test*."""
    test = read_results("lens")["test"]
    labels = [row["label"] for row in test["genres"]]
    rows = zip(labels, test["confusion"], strict=True)
    return table(("true, predicted", *labels), ((label, *(count or "" for count in counts)) for label, counts in rows))


def seeds() -> str:
    """Return a row for each seed, and their mean and standard deviation."""
    results = read_results("lens")["seeds"]
    columns = [name for name in results[0] if name != "seed"]
    rows = [[seed["seed"], *(f"{seed[name]:.3f}" for name in columns)] for seed in results]
    means = ["mean", *(mean_and_deviation([seed[name] for seed in results]) for name in columns)]
    return table(["seed", *columns], [*rows, means])


def confidence() -> str:
    """Return a paragraph on the calibration of the bundled model."""
    valid, test = (Metrics.model_validate(read_results("lens")[split]) for split in ("valid", "test"))
    return (
        f"The logits are divided by a temperature of {bundled_card().temperature:.2f}, chosen on *valid*. The expected "
        f"calibration error is {valid.calibration.error:.3f} on *valid* and {test.calibration.error:.3f} on *test*, "
        f"where a perfectly calibrated model would show {test.calibration.by_chance:.3f} by chance. Of the most "
        f"confident 80 % of the predictions on *test*, {percent(test.selection.at_80.model_dump())} are right, of all "
        f"{percent(test.accuracy.model_dump())}. [docs/confidence.md](docs/confidence.md) explains the calibration and "
        "*unknown*."
    )


def benchmark() -> str:
    """Return the tables of all recipes and protocols."""
    plan = ROOT / "benchmarks" / "gtzan.toml"
    recipes = [recipe.name for recipe, _ in read_plan(plan).load_recipes(plan.parent)]
    return benchmark_page(read_cells(RESULTS / "gtzan"), recipes, BENCHMARK).rstrip()


def backbones() -> str:
    """Return a row for each pretrained model."""
    content = read_results("backbones")
    models = content["models"]
    valid, test = (models["lens"][split] for split in ("valid", "test"))
    header = (
        *("model", "parameters", "MB", f"valid, {valid['tracks']} tracks", f"test, {test['tracks']} tracks"),
        *("test, macro F1", f"test, the {test['four genres']['tracks']} of four genres"),
    )
    rows = (
        (
            *(name, f"{model['parameters']:,}", model["megabytes"]),
            *(interval(model[split]["accuracy"]) for split in ("valid", "test")),
            f"{model['test']['macro_f1']['value']:.3f}",
            f"{model['test']['four genres']['accuracy']:.3f}",
        )
        for name, model in models.items()
    )
    return f"{table(header, rows)}\n\n{content['data']}; {provenance(content)}."


def stress() -> str:
    """Return the tables of accuracy after changes of the audio."""
    report = StressReport.model_validate_json((RESULTS / "stress.json").read_bytes())
    return (
        f"`{report.model}` {report.version} on the {report.tested} tracks of *{report.side}* with recordings: accuracy "
        f"without changes {interval(report.accuracy.model_dump())}.\n\n{format_markdown_table(report)}"
    )


def sounds_predicted_unknown() -> str:
    """Return how often sounds that are not music are predicted as *unknown*."""
    return table(
        ("sounds", "number", "predicted unknown"),
        (
            (kind, row["sounds"], f"{100 * row['predicted unknown']:.0f} %")
            for kind, row in read_results("notmusic")["sounds"].items()
        ),
    )


def music_predicted_unknown() -> str:
    """Return how often music is predicted as *unknown*, and how well it is separated from other sounds."""
    return table(
        ("music of *valid*", "tracks", "predicted unknown", "AUROC", "AUROC of the confidence"),
        (
            (
                *(f"from {source}", row["tracks"], f"{100 * row['predicted unknown']:.1f} %"),
                *(f"{row[name]:.3f}" for name in ("AUROC", "AUROC of the confidence")),
            )
            for source, row in read_results("notmusic")["music"].items()
        ),
    )


def explanations() -> str:
    """Return deletion and insertion of each method, compared with maps that ignore the model."""
    if not (RESULTS / "faithfulness.json").is_file():
        return NOT_MEASURED
    content = read_results("faithfulness")
    rows = (
        (
            METHODS[method],
            "its own" if order == method else order,
            *_curve(areas, results["better"].get(order), "deletion"),
            *_curve(areas, results["better"].get(order), "insertion"),
        )
        for method, results in content["methods"].items()
        for order, areas in results["areas"].items()
    )
    header = (
        *("method", "order", "deletion, less is better", "the method is better by"),
        *("insertion, more is better", "the method is better by"),
    )
    edges = ", ".join(f"{results['edges']:.2f} for {METHODS[name]}" for name, results in content["methods"].items())
    return (
        f"{table(header, rows)}\n\n`{content['model']}`; {content['data']}, {content['tracks']} tracks, "
        f"{content['windows']} windows of each. Intervals of 95 % over the tracks. Rank correlation of evidence and "
        f"edges: {edges}. {provenance(content)}."
    )


def _curve(areas: Mapping[str, float], better: Mapping[str, Any] | None, curve: str) -> tuple[str, str]:
    """Return the area below a curve, and the difference to the area of the method."""
    if better is None:
        return f"{areas[curve]:.3f}", ""
    gain = better[curve]
    return f"{areas[curve]:.3f}", f"{gain['value']:+.3f} ({gain['low']:+.3f} to {gain['high']:+.3f})"
