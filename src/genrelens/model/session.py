"""An ONNX model file in onnxruntime: windows in, probabilities and embeddings out."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as state

from genrelens.errors import InvalidModelError, ModelNotFoundError, UntraceableError, display_name
from genrelens.model.card import Card, MusicDetector, read_card

_LOADING_ERRORS = (state.Fail, state.InvalidArgument, state.InvalidGraph, state.InvalidProtobuf, state.NotImplemented)

# Outputs of a graph. Every graph outputs logits (windows, labels). A graph that ends in global average pooling and a
# linear layer may also output its last feature maps (windows, channels, rows, frames) and the weights of the linear
# layer (labels, channels).
LOGITS, MAPS, WEIGHTS = "logits", "maps", "weights"

_USUAL_MUSIC = 0.99  # probability of music at the distance of the median track

ModelInput = NDArray[np.float32]  # (windows, channels, rows, frames)
Probabilities = NDArray[np.float32]


@dataclass(frozen=True)
class ModelOutput:
    """The output of a model for a number of windows. Slices and concatenates along the windows.

    Attributes:
        probabilities: probability of each label, shape (windows, labels).
        embeddings: mean of each feature map, shape (windows, channels), if the graph outputs feature maps.
        ood_scores: out-of-distribution scores, shape (windows,), if the model has a music detector: the logarithm of
            the distance of each embedding from the embeddings of music.
    """

    probabilities: Probabilities
    embeddings: NDArray[np.float32] | None = None
    ood_scores: NDArray[np.float64] | None = None

    def __getitem__(self, windows: slice) -> "ModelOutput":
        return ModelOutput(
            self.probabilities[windows],
            None if self.embeddings is None else self.embeddings[windows],
            None if self.ood_scores is None else self.ood_scores[windows],
        )

    @classmethod
    def concatenate(cls, outputs: Sequence["ModelOutput"]) -> "ModelOutput":
        """Join one or more outputs of the same model."""
        embeddings = [output.embeddings for output in outputs if output.embeddings is not None]
        ood_scores = [output.ood_scores for output in outputs if output.ood_scores is not None]
        return cls(
            np.concatenate([output.probabilities for output in outputs]),
            np.concatenate(embeddings) if embeddings else None,
            np.concatenate(ood_scores) if ood_scores else None,
        )


class Model:
    """An onnxruntime session and the card of its model; safe to call from several threads.

    The graph takes float32 (windows, *shape of the card's input), and its first output is the logits
    (windows, labels). If it also outputs feature maps, their means over rows and frames are the embeddings.

    Args:
        path: ONNX file with a GenreLens card.
        threads: number of threads that one call may use; all cores by default.

    Attributes:
        path, card: the ONNX file and its model card.
        embedding_size: number of channels of an embedding; None if the graph does not output feature maps.
        traceable: whether the graph outputs what `trace` needs.

    Raises:
        ModelNotFoundError: the file cannot be read.
        InvalidModelError: the file is not an ONNX file, has no card, or its graph does not match the card.
        NewerCardError: a later GenreLens wrote the file.
    """

    def __init__(self, path: str | os.PathLike[str], *, threads: int | None = None) -> None:
        self.path = Path(path)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or 0
        options.log_severity_level = 4
        # Threads that spin between calls would take the cores from the processes that decode.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            content = self.path.read_bytes()
        except OSError as error:
            reason = f"cannot be read ({error.strerror}); `genrelens models` lists the known models"
            raise ModelNotFoundError(f"{display_name(path)} {reason}") from error
        try:
            self._session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        except _LOADING_ERRORS as error:
            reason = "is not an ONNX model, or is damaged; get the file again"
            raise InvalidModelError(f"{display_name(path)} {reason}") from error
        self.card: Card = read_card(self._session.get_modelmeta().custom_metadata_map, path)
        self._check_graph()

    def run(self, inputs: ModelInput) -> ModelOutput:
        """Return all outputs for windows (windows, channels, rows, frames), in one run of the graph."""
        if self.embedding_size is None:
            return ModelOutput(self._to_probabilities(self.logits(inputs)))
        logits, maps = self._run_session([self._output, MAPS], inputs)
        embeddings = np.asarray(maps.mean(axis=(2, 3)))
        scores = ood_scores(self.card.detector, embeddings) if self.card.detector else None
        return ModelOutput(self._to_probabilities(logits), embeddings, scores)

    def logits(self, inputs: ModelInput) -> NDArray[np.float32]:
        """Return the raw outputs, shape (windows, labels), for windows (windows, channels, rows, frames)."""
        return self._run_session([self._output], inputs)[0]

    def probabilities(self, inputs: ModelInput) -> Probabilities:
        """Return the probability of each label in each window, shape (windows, labels).

        The probabilities are the softmax of the logits over the temperature; for a multi-label model, their sigmoid.
        """
        return self._to_probabilities(self.logits(inputs))

    def trace(self, inputs: ModelInput) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the last feature maps of windows, and the weights that turn the means of the maps into logits.

        Returns:
            Feature maps, shape (windows, channels, rows, frames), coarser than the input; and weights, shape
            (labels, channels).

        Raises:
            UntraceableError: the graph does not output them; see `traceable`.
        """
        if not self.traceable:
            missing = "(its graph outputs no feature maps and weights); explain it by occlusion"
            raise UntraceableError(f"{self.card.name} does not support class activation maps {missing}")
        maps, weights = self._run_session([MAPS, WEIGHTS], inputs)
        return maps, weights

    def _run_session(self, outputs: list[str], inputs: ModelInput) -> list[NDArray[np.float32]]:
        expected = self.card.input.shape
        if inputs.shape[1:] != expected:
            raise ValueError(f"{self.card.name} takes windows of shape {expected}, not {inputs.shape[1:]}")
        batch = np.ascontiguousarray(inputs, np.float32)
        results: list[NDArray[np.float32]] = self._session.run(outputs, {self._input: batch})
        return results

    def _to_probabilities(self, logits: NDArray[np.float32]) -> Probabilities:
        scaled = logits / self.card.temperature
        return sigmoid(scaled) if self.card.labelling == "several" else softmax(scaled)

    def _check_graph(self) -> None:
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        name, labels, detector = display_name(self.path), len(self.card.labels), self.card.detector
        input_matches = len(inputs) == 1 and _matches(inputs[0].shape, (None, *self.card.input.shape))
        if not (input_matches and _matches(outputs[0].shape, (None, labels))):
            shapes = f"{inputs[0].shape} -> {outputs[0].shape}, {labels} labels"
            raise InvalidModelError(f"{name} has a graph that does not match its card ({shapes}); export it again")
        self._input, self._output = inputs[0].name, outputs[0].name
        maps_shape = next((output.shape for output in outputs if output.name == MAPS), None)
        self.embedding_size: int | None = maps_shape[1] if maps_shape else None
        self.traceable = {MAPS, WEIGHTS} <= {output.name for output in outputs}
        if detector and len(detector.centre) != self.embedding_size:
            sizes = f"({len(detector.centre)} channels, {self.embedding_size} in the graph)"
            raise InvalidModelError(
                f"{name} has a music detector that does not match its graph {sizes}; export it again"
            )


def _matches(shape: list[Any], expected: tuple[int | None, ...]) -> bool:
    """Return whether a graph shape, with names for free axes, admits the expected shape, with None for any size."""
    if len(shape) != len(expected):
        return False
    return all(size == wanted or not isinstance(size, int) for size, wanted in zip(shape, expected, strict=True))


def ood_scores(detector: MusicDetector, embeddings: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Return the out-of-distribution score of each embedding, shape (windows,), for embeddings (windows, channels).

    The score is the logarithm of the distance from music; see `MusicDetector`.
    """
    centred = embeddings - np.array(detector.centre)
    along_axes = centred @ np.array(detector.axes).reshape(-1, len(detector.centre)).T
    residual = np.square(centred).sum(axis=1) - np.square(along_axes).sum(axis=1)
    return np.asarray(np.log(np.maximum(residual, np.finfo(np.float32).tiny)) / 2)


def music_probability(detector: MusicDetector, ood_score: float) -> float:
    """Return the probability of music for an out-of-distribution score.

    It follows a logistic curve through the two distances of the detector, and is not a calibrated frequency: the
    fraction of inputs that are not music is unknown.
    """
    usual, limit = np.log(detector.usual), np.log(detector.limit)
    steepness = np.log(_USUAL_MUSIC / (1 - _USUAL_MUSIC)) / (limit - usual)
    return float(sigmoid(np.array(steepness * (limit - ood_score))))


def softmax(logits: NDArray[np.float32]) -> Probabilities:
    """Return the softmax over the last axis."""
    exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(exponentials / exponentials.sum(axis=-1, keepdims=True), np.float32)


def sigmoid(logits: NDArray[np.float32]) -> Probabilities:
    """Return the sigmoid of each element, by a formula in which no exponential overflows."""
    return np.asarray(0.5 * (1 + np.tanh(0.5 * logits)), np.float32)
