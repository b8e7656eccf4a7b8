"""A model file, loaded: windows in, probabilities out."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as state

from genrelens.card import Card, read_card
from genrelens.errors import InvalidModelError, ModelNotFoundError, shown

_LOADING_ERRORS = (state.Fail, state.InvalidArgument, state.InvalidGraph, state.InvalidProtobuf, state.NotImplemented)

Planes = NDArray[np.float32]  # of windows: (windows, planes, rows, frames)
Probabilities = NDArray[np.float32]


class Model:
    """One onnxruntime session and its card; safe to call from several threads at once.

    The graph takes float32 (windows, *shape of the card's input) and gives logits (windows, labels) first.

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
                f"{shown(path)} cannot be read ({error.strerror}); `genrelens models` lists what there is"
            ) from error
        try:
            self._session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        except _LOADING_ERRORS as error:
            raise InvalidModelError(f"{shown(path)} is not an ONNX model, or is damaged; get the file anew") from error
        self.card: Card = read_card(self._session.get_modelmeta().custom_metadata_map, path)
        self._check_graph()

    def logits(self, planes: Planes) -> NDArray[np.float32]:
        """Raw outputs, shape (windows, labels), for windows (windows, planes, rows, frames)."""
        expected = self.card.input.shape
        if planes.shape[1:] != expected:
            raise ValueError(f"{self.card.name} takes windows of shape {expected}, not {planes.shape[1:]}")
        batch = np.ascontiguousarray(planes, np.float32)
        outputs: NDArray[np.float32] = self._session.run([self._output], {self._input: batch})[0]
        return outputs

    def probabilities(self, planes: Planes) -> Probabilities:
        """Probabilities of each label in each window, (windows, labels).

        They are the softmax of the logits over the temperature; with several labels, the sigmoid of each.
        """
        logits = self.logits(planes) / self.card.temperature
        return sigmoid(logits) if self.card.labelling == "several" else softmax(logits)

    def _check_graph(self) -> None:
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        expected = (None, *self.card.input.shape)
        fits = len(inputs) == 1 and _takes(inputs[0].shape, expected)
        if not (fits and _takes(outputs[0].shape, (None, len(self.card.labels)))):
            raise InvalidModelError(
                f"{shown(self.path)} has a graph that does not fit its card "
                f"({inputs[0].shape} -> {outputs[0].shape}, {len(self.card.labels)} labels); export it again"
            )
        self._input, self._output = inputs[0].name, outputs[0].name


def _takes(shape: list[Any], expected: tuple[int | None, ...]) -> bool:
    """Whether a shape of a graph, with names where it is free, admits the expected one, free where None."""
    return len(shape) == len(expected) and all(
        own == wanted or not isinstance(own, int) for own, wanted in zip(shape, expected, strict=True)
    )


def softmax(logits: NDArray[np.float32]) -> Probabilities:
    """Probabilities over the last axis."""
    raised = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=-1, keepdims=True), np.float32)


def sigmoid(logits: NDArray[np.float32]) -> Probabilities:
    """Probabilities of each for itself; written so that no exponential overflows."""
    return np.asarray(0.5 * (1 + np.tanh(0.5 * logits)), np.float32)
