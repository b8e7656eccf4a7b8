"""From the recipe of a probe and data to a model: embeddings, a linear layer, and one file of both."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import onnx
from pydantic import BaseModel, ConfigDict

from genrelens.classifier import Classifier
from genrelens.errors import CacheError, TrainingError, display_name
from genrelens.files import atomic_write, write_text
from genrelens.model.card import Card
from genrelens.train.data.dataset import Dataset, LoadingOptions, load_splits
from genrelens.train.data.log_mels import LogMel
from genrelens.train.data.manifest import LabelledTrack, Manifest, Split
from genrelens.train.data.windows import network_inputs
from genrelens.train.distillation.backbone import Embedder, Embeddings, embedding_graph
from genrelens.train.distillation.graft import attach_linear_head, count_weights
from genrelens.train.distillation.probe import EmbeddedTracks, PenaltyTrial, fit_probe
from genrelens.train.environment import describe_environment
from genrelens.train.evaluation.calibration import OutputCalibration, calibrate_temperature
from genrelens.train.evaluation.evaluate import Evaluation, evaluate
from genrelens.train.export.export import write_onnx
from genrelens.train.fit.run import training_provenance
from genrelens.train.recipes.probe_recipe import ProbeRecipe

RECORD = "probe.json"


@dataclass(frozen=True)
class ProbeRequest:
    """What to fit, on what, and where to put it."""

    recipe: ProbeRecipe
    loading: LoadingOptions
    folder: Path


class ProbeRecord(BaseModel):
    """What was wanted, and what each penalty was worth on *valid*."""

    model_config = ConfigDict(frozen=True)

    recipe: ProbeRecipe
    trials: tuple[PenaltyTrial, ...]


def train_probe(request: ProbeRequest, say: Callable[[str], None]) -> Evaluation:
    """Fit a linear layer to a backbone's embeddings, and measure the exported model on *valid*; not on *test*.

    The folder then holds probe.json, environment.json, model.onnx and valid.json.

    Args:
        request: what is wanted.
        say: told in a sentence what is being done.

    Raises:
        DataError: the data cannot be used, or leaks.
        ModelError: the backbone cannot be had, or does not fit its card.
        TrainingError: the folder holds another training.
    """
    recipe, folder = request.recipe, request.folder
    if any((folder / name).exists() for name in (RECORD, "recipe.json")):
        raise TrainingError(f"{display_name(folder)} holds a training; name another with --run")
    graph = embedding_graph(recipe.backbone)
    data = load_splits(recipe, request.loading, say)
    labels = data.manifest.labels
    say(f"Fitting {recipe.name} to what {recipe.backbone.name} hears ...")
    hear = _kept(graph, request.loading.cache)
    learn, valid = (_lessons(data, side, recipe, hear, request.loading) for side in ("train", "valid"))
    layer, trials = fit_probe(learn, valid, len(labels), recipe.probe)
    logits, truth = [layer.logits(windows) for windows in valid.tracks], np.eye(len(labels), dtype=np.float32)
    confidence = OutputCalibration(*calibrate_temperature(logits, truth[valid.truth], recipe.data.labels, say))
    write_text(folder / "environment.json", describe_environment().model_dump_json(indent=1))
    write_text(folder / RECORD, ProbeRecord(recipe=recipe, trials=trials).model_dump_json(indent=1))
    whole = attach_linear_head(graph, layer)
    write_onnx(whole, _card(recipe, data.manifest, count_weights(whole), confidence), folder / "model.onnx")
    result = evaluate(Classifier(folder / "model.onnx"), data.manifest.in_split("valid"), request.loading.processes)
    write_text(folder / "valid.json", result.model_dump_json(indent=1))
    return result


def _lessons(
    data: Dataset, side: Split, recipe: ProbeRecipe, hear: Callable[[LogMel, ProbeRecipe], Embeddings], loading: LoadingOptions
) -> EmbeddedTracks:
    items: Sequence[LabelledTrack] = data.manifest.in_split(side)
    tracks = []
    with loading.progress_bars(f"Embedding {side}", len(items)) as advance:
        for item in items:
            tracks.append(hear(data.inputs[item.path], recipe))
            advance()
    return EmbeddedTracks(tracks, np.array([data.manifest.labels.index(item.label) for item in items]))


def _kept(graph: onnx.ModelProto, cache: Path) -> Callable[[LogMel, ProbeRecipe], Embeddings]:
    """What gives the embeddings of a track's windows, from the cache where it holds them."""
    embedder = Embedder(graph)
    own = hashlib.sha256(graph.SerializeToString(deterministic=True)).hexdigest()[:16]

    def hear(level: LogMel, recipe: ProbeRecipe) -> Embeddings:
        heard = hashlib.sha256(np.ascontiguousarray(level).tobytes()).hexdigest()
        file = cache / f"embeddings-{own}-{recipe.input.hop:g}" / f"{heard}.npy"
        if file.is_file():
            return np.asarray(np.load(file))
        embeddings = embedder(network_inputs(level, recipe.input))
        try:
            with atomic_write(file) as target:
                np.save(target, embeddings)
        except OSError as error:
            raise CacheError(
                f"{display_name(file.parent)} cannot keep embeddings ({error.strerror}); make room, or choose another "
                "with --cache"
            ) from error
        return embeddings

    return hear


def _card(recipe: ProbeRecipe, manifest: Manifest, parameters: int, confidence: OutputCalibration) -> Card:
    return Card(
        name=recipe.name,
        version=recipe.version,
        summary=recipe.summary,
        labels=manifest.labels,
        labelling=recipe.data.labels,
        input=recipe.input,
        temperature=confidence.temperature,
        calibration=confidence.calibration,
        parameters=parameters,
        training=training_provenance(recipe, manifest),
        licence=recipe.licence,
        package=version("genrelens"),
    )
