"""Linear probe (Alain & Bengio, arXiv 1610.01644): logistic regression on embeddings, penalty selected on *valid*."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from sklearn.linear_model import LogisticRegression

from genrelens.model.session import softmax
from genrelens.train.distillation.backbone import FEATURES, Embeddings
from genrelens.train.recipes.recipe import ProbeTable

LOGITS = "logits"  # output of the graph
_MIN_PROBABILITY = 1e-7  # keeps the log loss finite
_MAX_ITERATIONS = 2_000


@dataclass(frozen=True)
class LinearProbe:
    """A linear layer from embeddings to logits.

    Attributes:
        unit_length: whether embeddings are scaled to length 1 first.
        weights: shape (features, labels).
        bias: shape (labels,).
    """

    unit_length: bool
    weights: NDArray[np.float32]
    bias: NDArray[np.float32]

    def logits(self, embeddings: Embeddings) -> NDArray[np.float32]:
        """Return logits (windows, labels) of embeddings (windows, features)."""
        return scale_embeddings(embeddings, self.unit_length) @ self.weights + self.bias


@dataclass(frozen=True)
class PenaltyTrial:
    """Log loss and accuracy per track on *valid* of the probe with one penalty."""

    penalty: float
    log_loss: float
    accuracy: float


@dataclass(frozen=True)
class EmbeddedTracks:
    """Embeddings and labels of tracks.

    Attributes:
        tracks: embeddings of the windows of each track, shape (windows, features).
        truth: index of the label of each track, shape (tracks,).
    """

    tracks: Sequence[Embeddings]
    truth: NDArray[np.int64]


def fit_probe(
    train: EmbeddedTracks, valid: EmbeddedTracks, labels: int, table: ProbeTable
) -> tuple[LinearProbe, tuple[PenaltyTrial, ...]]:
    """Fit one probe per penalty to *train*, and select the one with the lowest log loss on *valid*.

    Returns:
        The selected probe, and the results of all penalties.
    """
    probes = [_fit(train, labels, table, penalty) for penalty in table.penalties]
    trials = tuple(_evaluate(probe, valid, penalty) for probe, penalty in zip(probes, table.penalties, strict=True))
    best, _ = min(zip(probes, trials, strict=True), key=lambda pair: pair[1].log_loss)
    return best, trials


def scale_embeddings(embeddings: Embeddings, unit_length: bool) -> Embeddings:
    """Scale embeddings to length 1 if `unit_length` is set; zero vectors stay zero."""
    if not unit_length:
        return embeddings
    lengths = np.linalg.norm(embeddings, axis=1, keepdims=True)
    return np.asarray(embeddings / np.where(lengths > 0, lengths, 1))


def attach_linear_head(backbone: onnx.ModelProto, probe: LinearProbe) -> onnx.ModelProto:
    """Append a probe to a graph from `embedding_graph`, by operators that are the same in all ONNX versions."""
    model = onnx.ModelProto()
    model.CopyFrom(backbone)
    graph, features = model.graph, FEATURES
    if probe.unit_length:
        graph.node.append(helper.make_node("LpNormalization", [features], ["direction"], axis=1, p=2))
        features = "direction"
    graph.initializer.append(numpy_helper.from_array(probe.weights, "head.weight"))
    graph.initializer.append(numpy_helper.from_array(probe.bias, "head.bias"))
    graph.node.append(helper.make_node("Gemm", [features, "head.weight", "head.bias"], [LOGITS]))
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info(LOGITS, TensorProto.FLOAT, ["windows", len(probe.bias)]))
    return model


def _fit(train: EmbeddedTracks, labels: int, table: ProbeTable, penalty: float) -> LinearProbe:
    """Fit to windows, weighted so that all tracks count the same however many windows they have.

    Features are standardised, so that the penalty weighs them equally.
    """
    counts = np.array([len(windows) for windows in train.tracks])
    windows = scale_embeddings(np.concatenate(train.tracks), table.unit_length).astype(np.float64)
    truth, weights = np.repeat(train.truth, counts), np.repeat(_track_weights(train.truth, table) / counts, counts)
    means, deviations = windows.mean(axis=0), np.maximum(windows.std(axis=0), 1e-6)
    regression = LogisticRegression(C=1 / (2 * penalty * weights.sum()), max_iter=_MAX_ITERATIONS)
    regression.fit((windows - means) / deviations, truth, sample_weight=weights)
    slopes, bias = _coefficients(regression, labels)
    slopes = slopes / deviations
    return LinearProbe(table.unit_length, slopes.T.astype(np.float32), (bias - slopes @ means).astype(np.float32))


def _track_weights(truth: NDArray[np.int64], table: ProbeTable) -> NDArray[np.float64]:
    if table.class_weights == "none":
        return np.ones(len(truth))
    _, indices, counts = np.unique(truth, return_inverse=True, return_counts=True)
    return np.asarray(len(truth) / len(counts) / counts[indices])


def _coefficients(regression: LogisticRegression, labels: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return slopes (labels, features) and bias (labels,); scikit-learn has a single row for two labels."""
    slopes, bias = regression.coef_, regression.intercept_
    if labels == 2:
        return np.concatenate([-slopes, slopes]) / 2, np.concatenate([-bias, bias]) / 2
    return slopes, bias


def _evaluate(probe: LinearProbe, valid: EmbeddedTracks, penalty: float) -> PenaltyTrial:
    """Evaluate per track, on the mean of the windows' probabilities, as in serving."""
    probabilities = np.stack([softmax(probe.logits(windows)).mean(axis=0) for windows in valid.tracks])
    of_truth = probabilities[np.arange(len(probabilities)), valid.truth]
    log_loss = -np.log(np.maximum(of_truth, _MIN_PROBABILITY)).mean()
    accuracy = (probabilities.argmax(axis=1) == valid.truth).mean()
    return PenaltyTrial(penalty, float(log_loss), float(accuracy))
