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
from genrelens.errors import CacheError, TrainingError, shown
from genrelens.files import replacing, write_text
from genrelens.model.card import Card
from genrelens.train.data.log_mels import Level
from genrelens.train.data.manifest import Item, Manifest, Side
from genrelens.train.data.tracks import DataSet, Loading, load_sides
from genrelens.train.distillation.backbone import Embedder, Embeddings, embedding_graph
from genrelens.train.distillation.probe import Lessons, Trial, fit_probe
from genrelens.train.evaluation.calibration import Confidence, calibrate
from genrelens.train.evaluation.evaluate import Evaluation, evaluate, net_windows
from genrelens.train.export.export import with_card
from genrelens.train.export.graft import graft, weights_in
from genrelens.train.fit.environment import environment
from genrelens.train.fit.run import provenance
from genrelens.train.recipes.probe_recipe import ProbeRecipe

RECORD = "probe.json"


@dataclass(frozen=True)
class ProbeRequest:
    """What to fit, on what, and where to put it."""

    recipe: ProbeRecipe
    loading: Loading
    folder: Path


class ProbeRecord(BaseModel):
    """What was wanted, and what each penalty was worth on *valid*."""

    model_config = ConfigDict(frozen=True)

    recipe: ProbeRecipe
    trials: tuple[Trial, ...]


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
        raise TrainingError(f"{shown(folder)} holds a training; name another with --run")
    graph = embedding_graph(recipe.backbone)
    data = load_sides(recipe, request.loading, say)
    labels = data.manifest.labels
    say(f"Fitting {recipe.name} to what {recipe.backbone.name} hears ...")
    hear = _kept(graph, request.loading.cache)
    learn, valid = (_lessons(data, side, recipe, hear, request.loading) for side in ("train", "valid"))
    layer, trials = fit_probe(learn, valid, len(labels), recipe.probe)
    logits, truth = [layer.logits(windows) for windows in valid.tracks], np.eye(len(labels), dtype=np.float32)
    confidence = Confidence(*calibrate(logits, truth[valid.truth], recipe.data.labels, say))
    write_text(folder / "environment.json", environment().model_dump_json(indent=1))
    write_text(folder / RECORD, ProbeRecord(recipe=recipe, trials=trials).model_dump_json(indent=1))
    whole = graft(graph, layer)
    with_card(whole, _card(recipe, data.manifest, weights_in(whole), confidence), folder / "model.onnx")
    result = evaluate(Classifier(folder / "model.onnx"), data.manifest.side("valid"), request.loading.processes)
    write_text(folder / "valid.json", result.model_dump_json(indent=1))
    return result


def _lessons(
    data: DataSet, side: Side, recipe: ProbeRecipe, hear: Callable[[Level, ProbeRecipe], Embeddings], loading: Loading
) -> Lessons:
    items: Sequence[Item] = data.manifest.side(side)
    tracks = []
    with loading.bar(f"Embedding {side}", len(items)) as advance:
        for item in items:
            tracks.append(hear(data.levels[item.path], recipe))
            advance()
    return Lessons(tracks, np.array([data.manifest.labels.index(item.label) for item in items]))


def _kept(graph: onnx.ModelProto, cache: Path) -> Callable[[Level, ProbeRecipe], Embeddings]:
    """What gives the embeddings of a track's windows, from the cache where it holds them."""
    embedder = Embedder(graph)
    own = hashlib.sha256(graph.SerializeToString(deterministic=True)).hexdigest()[:16]

    def hear(level: Level, recipe: ProbeRecipe) -> Embeddings:
        heard = hashlib.sha256(np.ascontiguousarray(level).tobytes()).hexdigest()
        file = cache / f"embeddings-{own}-{recipe.input.hop:g}" / f"{heard}.npy"
        if file.is_file():
            return np.asarray(np.load(file))
        embeddings = embedder(net_windows(level, recipe.input))
        try:
            with replacing(file) as target:
                np.save(target, embeddings)
        except OSError as error:
            raise CacheError(
                f"{shown(file.parent)} cannot keep embeddings ({error.strerror}); make room, or choose another "
                "with --cache"
            ) from error
        return embeddings

    return hear


def _card(recipe: ProbeRecipe, manifest: Manifest, parameters: int, confidence: Confidence) -> Card:
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
        training=provenance(recipe, manifest),
        licence=recipe.licence,
        package=version("genrelens"),
    )
