"""GenreLens: what genre a piece of music is, and why."""

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from genrelens.audio.decoder import load
    from genrelens.classifier import Classifier
    from genrelens.errors import GenrelensError
    from genrelens.features.frontend import FrontEnd, log_mel, mfcc, normalised
    from genrelens.model.card import Card
    from genrelens.model.session import Model
    from genrelens.prediction import Failure, Prediction, Score, Segment

# onnxruntime reports to its makers unless it is told not to before it is imported. Whoever wants that sets it to 0.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

_HOMES = {
    "Card": "card",
    "Classifier": "classifier",
    "Failure": "prediction",
    "FrontEnd": "frontend",
    "GenrelensError": "errors",
    "Model": "model",
    "Prediction": "prediction",
    "Score": "prediction",
    "Segment": "prediction",
    "load": "audio",
    "log_mel": "frontend",
    "mfcc": "frontend",
    "normalised": "frontend",
}

__all__ = [  # noqa: RUF022 (by trip through the house)
    "Classifier", "Prediction", "Score", "Segment", "Failure", "GenrelensError",
    "Model", "Card", "FrontEnd", "load", "log_mel", "normalised", "mfcc",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: the command line answers --help without onnxruntime."""
    if name not in _HOMES:
        raise AttributeError(f"module 'genrelens' has no attribute {name!r}")
    return getattr(import_module(f"genrelens.{_HOMES[name]}"), name)
