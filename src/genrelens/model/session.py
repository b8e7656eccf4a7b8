"""A model file, loaded: windows in, probabilities out."""

import os
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

# What a graph may give: logits (windows, labels); and of a net that ends in a mean and a linear layer, its last
# maps (windows, channels, rows, frames) and the weights (labels, channels) that make logits of their mean.
LOGITS, MAPS, WEIGHTS = "logits", "maps", "weights"

_USUAL_MUSIC = 0.99  # how probably music the median track is

ModelInput = NDArray[np.float32]  # of windows: (windows, planes, rows, frames)
Probabilities = NDArray[np.float32]


@dataclass(frozen=True)
class ModelOutput:
    """What a model says of windows.

    Attributes:
        probabilities: of the labels, (windows, labels).
        embeddings: (windows, channels), if the graph has maps.
        strangeness: how far from music each lies, the logarithm of a distance, (windows,), if there is a detector.
    """

    probabilities: Probabilities
    embeddings: NDArray[np.float32] | None = None
    ood_scores: NDArray[np.float64] | None = None


class Model:
    """One onnxruntime session and its card; safe to call from several threads at once.

    The graph takes float32 (windows, *shape of the card's input) and gives logits (windows, labels) first. If it
    also gives maps, the mean of each over rows and frames is the embedding of a window.

    Args:
        path: of an ONNX file with a GenreLens card.
        threads: that one call may use; all cores if none is given.

    Raises:
        ModelNotFoundError: there is no such file.
        InvalidModelError: it is not an ONNX file, has no card, or its graph does not fit the card.
        NewerCardError: a later GenreLens wrote it.
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
            raise ModelNotFoundError(
                f"{display_name(path)} cannot be read ({error.strerror}); `genrelens models` lists what there is"
            ) from error
        try:
            self._session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        except _LOADING_ERRORS as error:
            raise InvalidModelError(f"{display_name(path)} is not an ONNX model, or is damaged; get the file anew") from error
        self.card: Card = read_card(self._session.get_modelmeta().custom_metadata_map, path)
        self._check_graph()

    def run(self, planes: ModelInput) -> ModelOutput:
        """All that the model says of windows (windows, planes, rows, frames), in one run of the net."""
        if self.embedding_size is None:
            return ModelOutput(self._probable(self.logits(planes)))
        logits, maps = self._run_session([self._output, MAPS], planes)
        embeddings = np.asarray(maps.mean(axis=(2, 3)))
        far = ood_scores(self.card.detector, embeddings) if self.card.detector else None
        return ModelOutput(self._probable(logits), embeddings, far)

    def logits(self, planes: ModelInput) -> NDArray[np.float32]:
        """Raw outputs, shape (windows, labels), for windows (windows, planes, rows, frames)."""
        return self._run_session([self._output], planes)[0]

    def probabilities(self, planes: ModelInput) -> Probabilities:
        """Probabilities of each label in each window, (windows, labels).

        They are the softmax of the logits over the temperature; with several labels, the sigmoid of each.
        """
        return self._probable(self.logits(planes))

    def trace(self, planes: ModelInput) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """What the logits of windows come from: their last maps, and the weights that make logits of the maps' mean.

        Args:
            planes: of windows, (windows, planes, rows, frames).

        Returns:
            Maps (windows, channels, rows, frames), coarser than the planes; and weights (labels, channels).

        Raises:
            UntraceableError: the graph does not give them; see `traceable`.
        """
        if not self.traceable:
            raise UntraceableError(
                f"{self.card.name} does not tell where its answers come from (its graph gives no maps and weights); "
                "explain it by occlusion"
            )
        maps, weights = self._run_session([MAPS, WEIGHTS], planes)
        return maps, weights

    def _run_session(self, outputs: list[str], planes: ModelInput) -> list[NDArray[np.float32]]:
        expected = self.card.input.shape
        if planes.shape[1:] != expected:
            raise ValueError(f"{self.card.name} takes windows of shape {expected}, not {planes.shape[1:]}")
        batch = np.ascontiguousarray(planes, np.float32)
        given: list[NDArray[np.float32]] = self._session.run(outputs, {self._input: batch})
        return given

    def _probable(self, logits: NDArray[np.float32]) -> Probabilities:
        scaled = logits / self.card.temperature
        return sigmoid(scaled) if self.card.labelling == "several" else softmax(scaled)

    def _check_graph(self) -> None:
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        expected = (None, *self.card.input.shape)
        fits = len(inputs) == 1 and _takes(inputs[0].shape, expected)
        if not (fits and _takes(outputs[0].shape, (None, len(self.card.labels)))):
            raise InvalidModelError(
                f"{display_name(self.path)} has a graph that does not fit its card "
                f"({inputs[0].shape} -> {outputs[0].shape}, {len(self.card.labels)} labels); export it again"
            )
        self._input, self._output = inputs[0].name, outputs[0].name
        maps = next((output.shape for output in outputs if output.name == MAPS), None)
        self.embedding_size: int | None = maps[1] if maps else None  # of an embedding, if the graph gives maps
        self.traceable = {MAPS, WEIGHTS} <= {output.name for output in outputs}  # whether it can be asked by `trace`
        detector = self.card.detector
        if detector and len(detector.centre) != self.embedding_size:
            raise InvalidModelError(
                f"{display_name(self.path)} has a detector of music that does not fit its graph "
                f"({len(detector.centre)} channels, {self.embedding_size} in the graph); export it again"
            )


def _takes(shape: list[Any], expected: tuple[int | None, ...]) -> bool:
    """Whether a shape of a graph, with names where it is free, admits the expected one, free where None."""
    return len(shape) == len(expected) and all(
        own == wanted or not isinstance(own, int) for own, wanted in zip(shape, expected, strict=True)
    )


def ood_scores(detector: MusicDetector, embeddings: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """How far from music each embedding lies, (windows,), of embeddings (windows, channels); see `MusicDetector`."""
    off = embeddings - np.array(detector.centre)
    along = off @ np.array(detector.axes).reshape(-1, len(detector.centre)).T
    rest = np.square(off).sum(axis=1) - np.square(along).sum(axis=1)
    return np.asarray(np.log(np.maximum(rest, np.finfo(np.float32).tiny)) / 2)


def music_probability(detector: MusicDetector, strange: float) -> float:
    """How probably a strangeness is that of music: a logistic curve through both distances of the detector.

    It is no frequency of anything, as no one knows how often what is no music will be asked about.
    """
    usual, limit = np.log(detector.usual), np.log(detector.limit)
    steepness = np.log(_USUAL_MUSIC / (1 - _USUAL_MUSIC)) / (limit - usual)
    return float(sigmoid(np.array(steepness * (limit - strange))))


def softmax(logits: NDArray[np.float32]) -> Probabilities:
    """Probabilities over the last axis."""
    raised = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=-1, keepdims=True), np.float32)


def sigmoid(logits: NDArray[np.float32]) -> Probabilities:
    """Probabilities of each for itself; written so that no exponential overflows."""
    return np.asarray(0.5 * (1 + np.tanh(0.5 * logits)), np.float32)
