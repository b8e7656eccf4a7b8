"""What nets that learnt from other audio are worth here: asked as they are, with a linear probe, fine-tuned; and lens.

    python benchmarks/backbones.py --audio gtzan:FOLDER --fine-tuned runs/mn04-finetune-*

Measures on the tracks of *valid* and *test* (fault-filtered) of which there are recordings, one answer a track from all
windows, and writes benchmarks/results/backbones.json. *Test* is read once, for what docs/backbones.md states.
"""

import argparse
import json
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from genrelens import workers, zoo
from genrelens.classifier import Classifier
from genrelens.train.evaluate import Evaluation, ask_levels, evaluation
from genrelens.train.manifest import Item, read_manifest
from genrelens.train.mels import Analysis, default_cache, load_mels

RESULTS = Path(__file__).parent / "results" / "backbones.json"
SIDES = ("valid", "test")
FULLY_RECORDED = ("blues", "classical", "jazz", "rock")  # all of their recordings are at hand


def main() -> None:
    """Measure, then write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--audio", required=True, help="the recordings, as gtzan:FOLDER")
    parser.add_argument("--fine-tuned", type=Path, nargs="*", default=[], help="folders of mn04-finetune, one a seed")
    parser.add_argument("--cache", type=Path, default=default_cache(), help="where log-mels are kept")
    arguments = parser.parse_args()
    models = {"lens": zoo.find("lens"), "zero-shot": zoo.find("mn04-audioset"), "probe": zoo.find("mn04")}
    models |= {f"fine-tuned, {run.name}": run / "model.onnx" for run in arguments.fine_tuned}
    manifest = read_manifest(arguments.audio)
    content = {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "machine": f"{platform.machine()}, {workers.cores()} cores",
        "data": "GTZAN, fault-filtered lists, tracks with recordings",
        "models": {
            name: measured(Classifier(file), {side: manifest.side(side) for side in SIDES}, arguments.cache)  # type: ignore[arg-type]
            for name, file in models.items()
        },
    }
    RESULTS.write_text(json.dumps(content, indent=1) + "\n")


def measured(classifier: Classifier, sides: dict[str, Sequence[Item]], cache: Path) -> dict[str, Any]:
    """What a model is, and what it is worth on each side."""
    card = classifier.card
    results = {side: heard(classifier, items, cache) for side, items in sides.items()}
    return {
        "licence": card.licence,
        "parameters": card.parameters,
        "megabytes": round(classifier.model.path.stat().st_size / 1e6, 2),
        "trained": card.training.model_dump(mode="json"),
        **{side: figures(result) for side, result in results.items()},
    }


def heard(classifier: Classifier, items: Sequence[Item], cache: Path) -> Evaluation:
    """Let a model hear all windows of each track."""
    card = classifier.card
    mels = load_mels(items, Analysis.of(card.sound), cache, workers.cores())
    answers = ask_levels(classifier.model.probabilities, card.sound, items, mels.levels)
    return evaluation(card.name, card.version, card.labels, items, answers.judged)


def figures(result: Evaluation) -> dict[str, Any]:
    """The measures, and how many of the four genres that are recorded in full were right."""
    four = [answer for answer in result.answers if answer.truth in FULLY_RECORDED]
    right = sum(result.labels[answer.probabilities.index(max(answer.probabilities))] == answer.truth for answer in four)
    return {
        **result.metrics.model_dump(mode="json", exclude={"confusion"}),
        "four genres": {"tracks": len(four), "accuracy": round(right / len(four), 4)},
    }


if __name__ == "__main__":
    main()
