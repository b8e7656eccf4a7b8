"""Detection of audio that is not music: speech by espeak-ng, noise, tones and clicks by sox, against valid tracks.

    python benchmarks/notmusic.py --data gtzan:ARRAY.npy --data gtzan:FOLDER [--model MODEL] [--out FILE.json]

Needs espeak-ng and sox. The sounds are generated each time, deterministically. AUROC is the probability that a music
track has a higher probability of music than a sound that is not music; the same is reported for the confidence alone.
"""

import argparse
import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score
from sounds import make_sounds
from valid import classify_valid

from genrelens.classifier import Classifier
from genrelens.defaults import DEFAULT_MODEL
from genrelens.model import zoo
from genrelens.model.session import Model, music_probability
from genrelens.prediction import UNKNOWN, is_not_music

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Results:
    """Probability of music, confidence of the genre, and whether the prediction is unknown, per sound or track."""

    music: NDArray[np.float64]
    confidence: NDArray[np.float64]
    unknown: NDArray[np.bool_]


def main() -> None:
    """Measure, print and save."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", action="append", required=True, help="music: a dataset; repeatable")
    parser.add_argument("--split", default="fault-filtered", help="the split whose valid part is the music")
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results" / "notmusic.json")
    arguments = parser.parse_args()
    model = Model(zoo.find(arguments.model))
    if model.card.detector is None:
        sys.exit(f"{model.card.name} has no music detector; train it with a network that exports its feature maps")
    kinds, sounds = classify_sounds(Classifier(model))
    report: dict[str, Any] = {"model": model.card.name, "version": model.card.version, "sounds": {}, "music": {}}
    for kind in dict.fromkeys(kinds):
        unknown = sounds.unknown[np.array(kinds) == kind]
        report["sounds"][kind] = {"sounds": len(unknown), "predicted unknown": round(float(unknown.mean()), 4)}
    report["sounds"]["all"] = {"sounds": len(kinds), "predicted unknown": round(float(sounds.unknown.mean()), 4)}
    for data in arguments.data:
        name = "log-mels" if data.endswith(".npy") else "recordings"
        report["music"][name] = compare(classify_music(model, data, arguments.split), sounds)
    arguments.out.write_text(json.dumps(report, indent=1) + "\n")
    print(json.dumps(report, indent=1))


def classify_sounds(classifier: Classifier) -> tuple[list[str], Results]:
    """Classify the sounds that are not music; return the kind of each, and the results."""
    kinds, predictions = [], []
    with tempfile.TemporaryDirectory() as folder:
        for kind, _, file in make_sounds(Path(folder)):
            kinds.append(kind)
            predictions.append(classifier.predict(file, windows="all"))
    music = np.array([prediction.music for prediction in predictions], np.float64)
    unknown = np.array([prediction.genre == UNKNOWN for prediction in predictions])
    return kinds, Results(music, np.array([prediction.confidence for prediction in predictions]), unknown)


def classify_music(model: Model, data: str, protocol: str) -> Results:
    """Classify the music of *valid*."""
    detector = model.card.detector
    assert detector is not None
    outputs = [output for _, output in classify_valid(model, data, protocol)]
    scores = [output.ood_scores for output in outputs if output.ood_scores is not None]
    music = [music_probability(detector, float(np.mean(score))) for score in scores]
    confidence = np.array([output.probabilities.mean(axis=0).max() for output in outputs])
    return Results(np.array(music), confidence, np.array([is_not_music(probability) for probability in music]))


def compare(music: Results, sounds: Results) -> dict[str, float]:
    """Return how well music and other sounds are separated."""
    truth = np.repeat([1, 0], [len(music.music), len(sounds.music)])
    return {
        "tracks": len(music.music),
        "predicted unknown": round(float(music.unknown.mean()), 4),
        "AUROC": round(float(roc_auc_score(truth, np.concatenate([music.music, sounds.music]))), 4),
        "AUROC of the confidence": round(
            float(roc_auc_score(truth, np.concatenate([music.confidence, sounds.confidence]))), 4
        ),
    }


if __name__ == "__main__":
    main()
