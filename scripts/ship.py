"""Make a trained model the bundled one: measure it on the test, once, and write the figures where users look.

    python scripts/ship.py runs/lens-1 runs/lens-2 runs/lens-3 --data gtzan:ARRAY.npy --audio gtzan:FOLDER

The runs are trainings of one recipe, each with a seed of its own. All are measured; the one with the least log loss on
*valid* is bundled. Writes it with its figures into the package, its checksum into the zoo,
benchmarks/results/lens.json, MODEL_CARD.md, and the figures and pictures of other documents. The documents can be made
again with --documents-only.
"""

import argparse
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import onnx
from documents import ROOT, write_documents

from genrelens.classifier import Classifier
from genrelens.model.card import Card
from genrelens.train.data.manifest import LabelledTrack, Manifest, read_manifest
from genrelens.train.evaluation.evaluate import Evaluation, evaluate
from genrelens.train.export.export import write_onnx
from genrelens.train.export.card import card_figures

ASSETS = ROOT / "src" / "genrelens" / "assets"
RESULTS = ROOT / "benchmarks" / "results" / "lens.json"
PROTOCOL = "one answer a track, all windows"


def main() -> None:
    """Measure, then write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", type=Path, nargs="*", help="the folders of the trainings, one a seed")
    parser.add_argument("--data", help="the array of log-mels: all tracks of valid and test")
    parser.add_argument("--audio", help="the recordings, as many as there are")
    parser.add_argument("--documents-only", action="store_true", help="write the documents again from the results")
    arguments = parser.parse_args()
    if not arguments.documents_only:
        if not (arguments.runs and arguments.data and arguments.audio):
            parser.error("give the runs, --data and --audio; or --documents-only")
        ship(arguments.runs, arguments.data, arguments.audio)
    write_documents()


def ship(runs: Sequence[Path], data: str, audio: str) -> None:
    """Measure the models of all runs, and put the one that *valid* prefers into the package with its figures."""
    rows, recordings = read_manifest(data), read_manifest(audio)
    seeds = [measured(Classifier(run / "model.onnx"), rows) for run in runs]
    classifier, valid, test = min(seeds, key=lambda seed: seed[1].metrics.log_loss)
    heard = {item.name for item in recordings.in_split("test")}
    from_rows = measure(classifier, [item for item in rows.in_split("test") if item.name in heard])
    from_audio = measure(classifier, recordings.in_split("test"))
    stated = (
        *card_figures(test, "GTZAN", "fault-filtered test", f"{PROTOCOL}, from log-mels"),
        *card_figures(from_audio, "GTZAN", "fault-filtered test, tracks with recordings", f"{PROTOCOL}, from audio")[:1],
        *card_figures(from_rows, "GTZAN", "fault-filtered test, tracks with recordings", f"{PROTOCOL}, from log-mels")[:1],
        *card_figures(valid, "GTZAN", "fault-filtered valid", f"{PROTOCOL}, from log-mels")[:1],
    )
    card = classifier.card.model_copy(update={"figures": stated})
    bundle(classifier.model.path, card)
    sides = {"valid": valid, "test": test, "test, from log-mels": from_rows, "test, from audio": from_audio}
    content: dict[str, Any] = {side: result.metrics.model_dump(mode="json") for side, result in sides.items()}
    content["seeds"] = [summary(*seed) for seed in seeds]
    content["same answer from audio as from log-mels"] = agreement(
        from_rows, from_audio, recordings.in_split("test"), rows.in_split("test")
    )
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(content, indent=1) + "\n")


def measured(classifier: Classifier, rows: Manifest) -> tuple[Classifier, Evaluation, Evaluation]:
    """A model, and what it is worth on *valid* and on *test*."""
    return classifier, measure(classifier, rows.in_split("valid")), measure(classifier, rows.in_split("test"))


def summary(classifier: Classifier, valid: Evaluation, test: Evaluation) -> dict[str, Any]:
    """What one training came to."""
    sides = {"valid": valid.metrics, "test": test.metrics}
    return {
        "seed": classifier.card.training.seed,
        **{
            f"{side} {name}": round(value, 4)
            for side, own in sides.items()
            for name, value in {
                "accuracy": own.accuracy.value,
                "log loss": own.log_loss,
                "calibration error": own.calibration.error,
                "accuracy at 80 %": own.selection.at_80.value,
            }.items()
        },
    }


def measure(classifier: Classifier, items: Sequence[LabelledTrack]) -> Evaluation:
    """Ask about each track."""
    return evaluate(classifier, items, processes=2)


def agreement(rows: Evaluation, audio: Evaluation, recordings: Sequence[LabelledTrack], tracks: Sequence[LabelledTrack]) -> float:
    """The share of tracks with the same answer both ways."""
    names = {item.path: item.name for item in (*recordings, *tracks)}
    told = [
        {
            names[answer.path]: max(range(len(answer.probabilities)), key=answer.probabilities.__getitem__)
            for answer in result.answers
        }
        for result in (rows, audio)
    ]
    common = told[0].keys() & told[1].keys()
    return round(sum(told[0][name] == told[1][name] for name in common) / len(common), 4)


def bundle(model: Path, card: Card) -> None:
    """Put the file and its checksum into the package."""
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
