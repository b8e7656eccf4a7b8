"""Bundling of a trained model: it is measured on *test*, once, and written into the package and the documents.

    python scripts/ship.py runs/lens-1 runs/lens-2 runs/lens-3 --data gtzan:ARRAY.npy --audio gtzan:FOLDER

The runs train one recipe with different seeds. All are measured; the one with the lowest log loss on *valid*
is bundled. Its model is written into the package with the measured figures in its card, its checksum into the zoo, and
all figures into benchmarks/results/lens.json; then the drawings and the cog blocks of the documents are written anew.
"""

import argparse
import hashlib
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import onnx
from drawings import write_drawings
from results import RESULTS, ROOT

from genrelens.classifier import Classifier
from genrelens.model.card import Card, MetricEstimate
from genrelens.train.data.manifest import LabelledTrack, Manifest, read_manifest
from genrelens.train.evaluation.evaluate import Evaluation, evaluate
from genrelens.train.evaluation.metrics import ESTIMATES
from genrelens.train.export import write_onnx

ASSETS = ROOT / "src" / "genrelens" / "assets"
PROTOCOL = "one prediction per track, all windows"


def main() -> None:
    """Ship the best of some runs, and update the documents."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="+", help="run directories, one per seed")
    parser.add_argument("--data", required=True, help="array of log-mels with all tracks of valid and test")
    parser.add_argument("--audio", required=True, help="the available recordings")
    arguments = parser.parse_args()
    ship(arguments.runs, read_manifest(arguments.data), read_manifest(arguments.audio))
    write_drawings()
    documents = ["README.md", "MODEL_CARD.md", *map(str, (ROOT / "docs").glob("*.md"))]
    subprocess.run([sys.executable, "-m", "cogapp", "-r", "-I", "scripts", *documents], cwd=ROOT, check=True)


def ship(runs: Sequence[Path], log_mels: Manifest, recordings: Manifest) -> None:
    """Measure the models of all runs, and bundle the one with the lowest log loss on *valid*."""
    seeds = [evaluate_splits(Classifier(run / "model.onnx"), log_mels) for run in runs]
    classifier, valid, test = min(seeds, key=lambda seed: seed[1].metrics.log_loss)
    recorded = {track.name for track in recordings.in_split("test")}
    from_log_mels = evaluate(
        classifier, [track for track in log_mels.in_split("test") if track.name in recorded], processes=2
    )
    from_audio = evaluate(classifier, recordings.in_split("test"), processes=2)
    split = "fault-filtered test, tracks with recordings"
    figures = (
        *card_figures(test, "GTZAN", "fault-filtered test", f"{PROTOCOL}, from log-mels"),
        *card_figures(from_audio, "GTZAN", split, f"{PROTOCOL}, from audio")[:1],
        *card_figures(from_log_mels, "GTZAN", split, f"{PROTOCOL}, from log-mels")[:1],
        *card_figures(valid, "GTZAN", "fault-filtered valid", f"{PROTOCOL}, from log-mels")[:1],
    )
    bundle(classifier.model.path, classifier.card.model_copy(update={"figures": figures}))
    evaluations = {"valid": valid, "test": test, "test, from log-mels": from_log_mels, "test, from audio": from_audio}
    content: dict[str, Any] = {
        **{name: evaluation.metrics.model_dump(mode="json") for name, evaluation in evaluations.items()},
        "seeds": [seed_summary(*seed) for seed in seeds],
        "same prediction from audio as from log-mels": agreement(
            from_log_mels, from_audio, (*recordings.in_split("test"), *log_mels.in_split("test"))
        ),
    }
    (RESULTS / "lens.json").write_text(json.dumps(content, indent=1) + "\n")


def card_figures(evaluation: Evaluation, data: str, split: str, protocol: str) -> tuple[MetricEstimate, ...]:
    """Return the metrics that a card states: accuracy, macro F1 and weighted F1 with their intervals."""
    metrics = evaluation.metrics
    figures = []
    for field in ("accuracy", "macro_f1", "weighted_f1"):
        bounds = {name: round(getattr(getattr(metrics, field), name), 4) for name in ("value", "low", "high")}
        name, tracks = ESTIMATES[field], metrics.tracks
        figures.append(MetricEstimate(metric=name, **bounds, data=data, split=split, tracks=tracks, protocol=protocol))
    return tuple(figures)


def evaluate_splits(classifier: Classifier, log_mels: Manifest) -> tuple[Classifier, Evaluation, Evaluation]:
    """Return a classifier with its evaluations on *valid* and *test*."""
    valid, test = (evaluate(classifier, log_mels.in_split(split), processes=2) for split in ("valid", "test"))
    return classifier, valid, test


def seed_summary(classifier: Classifier, valid: Evaluation, test: Evaluation) -> dict[str, Any]:
    """Return the main metrics of one training on both splits."""
    summary: dict[str, Any] = {"seed": classifier.card.training.seed}
    for split, metrics in (("valid", valid.metrics), ("test", test.metrics)):
        summary |= {
            f"{split} accuracy": round(metrics.accuracy.value, 4),
            f"{split} log loss": round(metrics.log_loss, 4),
            f"{split} calibration error": round(metrics.calibration.error, 4),
            f"{split} accuracy at 80 %": round(metrics.selection.at_80.value, 4),
        }
    return summary


def agreement(first: Evaluation, second: Evaluation, tracks: Sequence[LabelledTrack]) -> float:
    """Return the fraction of the tracks in both evaluations that have the same prediction in both."""
    names = {track.path: track.name for track in tracks}
    one, other = (
        {
            names[answer.path]: max(range(len(answer.probabilities)), key=answer.probabilities.__getitem__)
            for answer in evaluation.answers
        }
        for evaluation in (first, second)
    )
    common = one.keys() & other.keys()
    return round(sum(one[name] == other[name] for name in common) / len(common), 4)


def bundle(model: Path, card: Card) -> None:
    """Write a model with a new card into the package, and its checksum into the zoo."""
    target = ASSETS / f"{card.name}.onnx"
    write_onnx(onnx.load(model), card, target)
    zoo = ASSETS / "zoo.json"
    entries = json.loads(zoo.read_text())
    for entry in entries:
        if entry["name"] == card.name:
            entry["sha256"] = hashlib.sha256(target.read_bytes()).hexdigest()
    zoo.write_text(json.dumps(entries, indent=2) + "\n")


if __name__ == "__main__":
    main()
