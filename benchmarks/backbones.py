"""Accuracy of pretrained backbones: zero-shot, with a linear probe, fine-tuned; and of lens.

    python benchmarks/backbones.py --audio gtzan:FOLDER
    python benchmarks/backbones.py --audio gtzan:FOLDER --fine-tuned runs/mn04-finetune-*

The first command evaluates the included models, the second fine-tuned ones, and keeps the results of the first: on the
tracks of *valid* and *test* (fault-filtered) with recordings, one prediction per track from all windows, into
benchmarks/results/backbones.json. *Test* is read once, for docs/backbones.md.
"""

import argparse
import json
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from genrelens import workers
from genrelens.classifier import Classifier
from genrelens.model import zoo
from genrelens.train.benchmark.budget import measure_cpu_ms
from genrelens.train.data.log_mels import LogMelSpec, default_cache_folder, load_log_mels
from genrelens.train.data.manifest import LabelledTrack, Split, read_manifest
from genrelens.train.evaluation.evaluate import Evaluation, build_evaluation, predict_log_mels

RESULTS = Path(__file__).parent / "results" / "backbones.json"
BUNDLED = {"lens": "lens", "zero-shot": "mn04-audioset", "probe": "mn04"}
SPLITS: tuple[Split, ...] = ("valid", "test")
FULLY_RECORDED = ("blues", "classical", "jazz", "rock")  # genres with all recordings


def main() -> None:
    """Measure, then write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--audio", required=True, help="the recordings, as gtzan:FOLDER")
    parser.add_argument(
        "--fine-tuned", type=Path, nargs="*", default=[], help="run directories of mn04-finetune, one per seed"
    )
    parser.add_argument("--cache", type=Path, default=default_cache_folder(), help="cache folder of log-mels")
    arguments = parser.parse_args()
    models = {f"fine-tuned, {run.name}": run / "model.onnx" for run in arguments.fine_tuned}
    models = models or {name: zoo.find(model) for name, model in BUNDLED.items()}
    manifest = read_manifest(arguments.audio)
    splits = {split: manifest.in_split(split) for split in SPLITS}
    results = json.loads(RESULTS.read_text("utf-8"))["models"] if RESULTS.is_file() else {}
    results |= {name: evaluate_model(Classifier(file), splits, arguments.cache) for name, file in models.items()}
    content = {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "machine": f"{platform.machine()}, {workers.available_cores()} cores",
        "data": "GTZAN, fault-filtered lists, tracks with recordings",
        "models": results,
    }
    RESULTS.write_text(json.dumps(content, indent=1) + "\n", "utf-8")


def evaluate_model(
    classifier: Classifier, splits: Mapping[Split, Sequence[LabelledTrack]], cache: Path
) -> dict[str, Any]:
    """Return the properties of a model, and its metrics on each split."""
    card = classifier.card
    return {
        "licence": card.licence,
        "parameters": card.parameters,
        "megabytes": round(classifier.model.path.stat().st_size / 1e6, 2),
        "cpu_ms": measure_cpu_ms(classifier.model.path),
        "trained": card.training.model_dump(mode="json"),
        **{split: figures(evaluate_tracks(classifier, tracks, cache)) for split, tracks in splits.items()},
    }


def evaluate_tracks(classifier: Classifier, items: Sequence[LabelledTrack], cache: Path) -> Evaluation:
    """Classify all windows of each track."""
    card = classifier.card
    mels = load_log_mels(items, LogMelSpec.for_input(card.audio_input), cache, workers.available_cores())
    answers = predict_log_mels(classifier.model.probabilities, card.audio_input, items, mels.inputs)
    return build_evaluation(card.name, card.version, card.labels, items, answers)


def figures(result: Evaluation) -> dict[str, Any]:
    """Return the metrics, and the accuracy on the four genres with all recordings."""
    four = [answer for answer in result.answers if answer.truth in FULLY_RECORDED]
    right = sum(result.labels[answer.probabilities.index(max(answer.probabilities))] == answer.truth for answer in four)
    return {
        **result.metrics.model_dump(mode="json", exclude={"confusion"}),
        "four genres": {"tracks": len(four), "accuracy": round(right / len(four), 4)},
    }


if __name__ == "__main__":
    main()
