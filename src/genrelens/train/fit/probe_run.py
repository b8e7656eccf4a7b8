"""Training of a linear probe from its recipe: embeddings, a linear layer, and one exported model of both."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx

from genrelens.classifier import Classifier
from genrelens.errors import CacheError, TrainingError, display_name
from genrelens.files import atomic_write, write_text
from genrelens.progress import Notify
from genrelens.records import FrozenModel
from genrelens.train.data.dataset import Dataset, LoadingOptions, load_splits
from genrelens.train.data.log_mels import LogMel, network_inputs
from genrelens.train.data.manifest import Split
from genrelens.train.distillation.backbone import Embedder, Embeddings, count_weights, embedding_graph
from genrelens.train.distillation.probe import EmbeddedTracks, PenaltyTrial, attach_linear_head, fit_probe
from genrelens.train.environment import describe_environment
from genrelens.train.evaluation.calibration import OutputCalibration, calibrate_temperature
from genrelens.train.evaluation.evaluate import Evaluation, evaluate
from genrelens.train.export import build_card, write_onnx
from genrelens.train.recipes.recipe import ProbeRecipe


@dataclass(frozen=True)
class ProbeRequest:
    """Recipe and data of a probe, and the run directory to write to."""

    recipe: ProbeRecipe
    loading: LoadingOptions
    folder: Path


class ProbeRecord(FrozenModel):
    """Recipe of a trained probe, and the results of each penalty on *valid*."""

    recipe: ProbeRecipe
    trials: tuple[PenaltyTrial, ...]


def train_probe(request: ProbeRequest, notify: Notify) -> Evaluation:
    """Fit a linear layer to a backbone's embeddings, and evaluate the exported model on *valid*, not on *test*.

    Writes probe.json, environment.json, model.onnx and valid.json to the run directory.

    Args:
        request: recipe, data and run directory.
        notify: receives sentences about the progress.

    Raises:
        DataError: the data is unusable, or leaks.
        ModelError: the backbone cannot be found or downloaded, or does not match its card.
        TrainingError: the directory contains another run.
    """
    recipe, folder = request.recipe, request.folder
    if any((folder / name).exists() for name in ("probe.json", "recipe.json")):
        raise TrainingError(f"{display_name(folder)} already contains a run; choose another directory with --run")
    backbone = embedding_graph(recipe.backbone)
    data = load_splits(recipe, request.loading, notify)
    labels = data.manifest.labels
    notify(f"Fitting {recipe.name} to embeddings of {recipe.backbone.name} ...")
    embedder = _CachedEmbedder(backbone, recipe, request.loading.cache)
    train, valid = (_embed_split(data, split, embedder, request.loading) for split in ("train", "valid"))
    probe, trials = fit_probe(train, valid, len(labels), recipe.probe)
    logits, one_hot = [probe.logits(windows) for windows in valid.tracks], np.eye(len(labels), dtype=np.float32)
    calibration = OutputCalibration(*calibrate_temperature(logits, one_hot[valid.truth], recipe.data.labels, notify))
    write_text(folder / "environment.json", describe_environment().model_dump_json(indent=1))
    write_text(folder / "probe.json", ProbeRecord(recipe=recipe, trials=trials).model_dump_json(indent=1))
    model = attach_linear_head(backbone, probe)
    write_onnx(model, build_card(recipe, data.manifest, count_weights(model), calibration), folder / "model.onnx")
    result = evaluate(Classifier(folder / "model.onnx"), data.manifest.in_split("valid"), request.loading.processes)
    write_text(folder / "valid.json", result.model_dump_json(indent=1))
    return result


class _CachedEmbedder:
    """Embeddings of all windows of a track, cached by the backbone, the hop and the track's log-mel."""

    def __init__(self, backbone: onnx.ModelProto, recipe: ProbeRecipe, cache: Path) -> None:
        self._embedder, self._input = Embedder(backbone), recipe.input
        digest = hashlib.sha256(backbone.SerializeToString(deterministic=True)).hexdigest()[:16]
        self._folder = cache / f"embeddings-{digest}-{recipe.input.hop:g}"

    def __call__(self, log_mel: LogMel) -> Embeddings:
        digest = hashlib.sha256(np.ascontiguousarray(log_mel).tobytes()).hexdigest()
        file = self._folder / f"{digest}.npy"
        if file.is_file():
            return np.asarray(np.load(file))
        embeddings = self._embedder(network_inputs(log_mel, self._input))
        try:
            with atomic_write(file) as target:
                np.save(target, embeddings)
        except OSError as error:
            raise CacheError(
                f"embeddings cannot be written to {display_name(file.parent)} ({error.strerror}); free some space, "
                "or choose another folder with --cache"
            ) from error
        return embeddings


def _embed_split(data: Dataset, split: Split, embedder: _CachedEmbedder, loading: LoadingOptions) -> EmbeddedTracks:
    tracks = data.manifest.in_split(split)
    embeddings = []
    with loading.progress_bars(f"Embedding {split}", len(tracks)) as progress:
        for track in tracks:
            embeddings.append(embedder(data.inputs[track.path]))
            progress()
    return EmbeddedTracks(embeddings, np.array([data.manifest.labels.index(track.label) for track in tracks]))
