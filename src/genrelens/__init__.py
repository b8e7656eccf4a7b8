"""GenreLens: recognise the genre of music and explain the prediction."""

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from genrelens.audio.decoder import load
    from genrelens.classifier import Classifier
    from genrelens.errors import GenrelensError
    from genrelens.features.frontend import FrontEnd, log_mel, mfcc, normalise, normalised
    from genrelens.model.card import Card
    from genrelens.model.session import Model
    from genrelens.prediction import Failure, Prediction, Score, Segment

# onnxruntime sends telemetry to its vendor unless this is set before it is imported. Set it to 0 to allow that.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

_MODULES = {
    "audio.decoder": ["load"],
    "classifier": ["Classifier"],
    "errors": ["GenrelensError"],
    "features.frontend": ["FrontEnd", "log_mel", "mfcc", "normalise", "normalised"],  # the last is the former name
    "model.card": ["Card"],
    "model.session": ["Model"],
    "prediction": ["Failure", "Prediction", "Score", "Segment"],
}

__all__ = [  # noqa: RUF022 (from audio to result)
    "Classifier", "Prediction", "Score", "Segment", "Failure", "GenrelensError",
    "Model", "Card", "FrontEnd", "load", "log_mel", "normalise", "normalised", "mfcc",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """Import a public name on first use, so that `genrelens --help` does not load onnxruntime."""
    for module, names in _MODULES.items():
        if name in names:
            return getattr(import_module(f"genrelens.{module}"), name)
    raise AttributeError(f"module 'genrelens' has no attribute {name!r}")
