"""Whether a model knows what is no music: speech by espeak-ng, noise, tones and clicks by sox, against valid tracks.

    python benchmarks/notmusic.py --data gtzan:ARRAY.npy --data gtzan:FOLDER [--model MODEL] [--out FILE.json]

Needs espeak-ng and sox. The sounds are made anew each time, the same ones. AUROC is the probability that a track
of music is found more musical than a sound that is none; that of the confidence alone stands beside it.
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
from valid import judge_valid

from genrelens.classifier import Classifier
from genrelens.defaults import DEFAULT_MODEL
from genrelens.model import zoo
from genrelens.model.session import Model, music_probability
from genrelens.prediction import UNKNOWN, is_not_music

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Asked:
    """For each sound or track: how probably it is music, the confidence of its genre, whether it was unknown."""

    music: NDArray[np.float64]
    confidence: NDArray[np.float64]
    unknown: NDArray[np.bool_]


def main() -> None:
    """Measure, print, and keep."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", action="append", required=True, help="music: a data set; repeat for others")
    parser.add_argument("--split", default="fault-filtered", help="whose valid side is the music")
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results" / "notmusic.json")
    arguments = parser.parse_args()
    model = Model(zoo.find(arguments.model))
    if model.card.detector is None:
        sys.exit(f"{model.card.name} cannot tell music from what is none; train it with a net that gives maps")
    kinds, sounds = ask_sounds(Classifier(model))
    report: dict[str, Any] = {"model": model.card.name, "version": model.card.version, "sounds": {}, "music": {}}
    for kind in dict.fromkeys(kinds):
        own = sounds.unknown[np.array(kinds) == kind]
        report["sounds"][kind] = {"sounds": len(own), "predicted unknown": round(float(own.mean()), 4)}
    report["sounds"]["all"] = {"sounds": len(kinds), "predicted unknown": round(float(sounds.unknown.mean()), 4)}
    for data in arguments.data:
        name = "log-mels" if data.endswith(".npy") else "recordings"
        report["music"][name] = against(ask_valid(model, data, arguments.split), sounds)
    arguments.out.write_text(json.dumps(report, indent=1) + "\n")
    print(json.dumps(report, indent=1))


def ask_sounds(classifier: Classifier) -> tuple[list[str], Asked]:
    """What the model makes of what is no music; with the kind of each sound."""
    kinds, told = [], []
    with tempfile.TemporaryDirectory() as folder:
        for kind, _, file in make_sounds(Path(folder)):
            kinds.append(kind)
            told.append(classifier.predict(file, windows="all"))
    music = np.array([one.music for one in told], np.float64)
    unknown = np.array([one.genre == UNKNOWN for one in told])
    return kinds, Asked(music, np.array([one.confidence for one in told]), unknown)


def ask_valid(model: Model, data: str, protocol: str) -> Asked:
    """What the model makes of the music in *valid*."""
    detector = model.card.detector
    assert detector is not None
    judged = [one for _, one in judge_valid(model, data, protocol)]
    music = [music_probability(detector, float(np.mean(one.strangeness))) for one in judged if one.strangeness is not None]
    confidence = np.array([one.probabilities.mean(axis=0).max() for one in judged])
    return Asked(np.array(music), confidence, np.array([is_not_music(one) for one in music]))


def against(music: Asked, sounds: Asked) -> dict[str, float]:
    """How well the two are told apart."""
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
