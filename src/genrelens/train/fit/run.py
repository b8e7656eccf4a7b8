"""From a recipe and data to a model: what `genrelens train` does, step by step, in one folder."""

import platform
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import torch
from torch import Tensor, nn

from genrelens.classifier import Classifier
from genrelens.errors import TrainingError, display_name
from genrelens.files import write_text
from genrelens.model.card import Card, MetricEstimate, TrainingRecord
from genrelens.model.session import ModelInput, Probabilities, sigmoid, softmax
from genrelens.train import networks
from genrelens.train.data.batches import TrackWindows
from genrelens.train.data.dataset import Dataset, Examples, LoadingOptions, load_dataset
from genrelens.train.data.manifest import Manifest
from genrelens.train.distillation.teacher import build_teacher
from genrelens.train.environment import describe_environment
from genrelens.train.evaluation.calibration import UNCALIBRATED, OutputCalibration, calibrate_outputs
from genrelens.train.evaluation.evaluate import Evaluation, build_evaluation, predict_log_mels
from genrelens.train.evaluation.multilabel import MultilabelEvaluation, build_multilabel_evaluation, evaluate_model
from genrelens.train.export.export import count_parameters, export_onnx
from genrelens.train.fit.fit import TrainingOptions, fit
from genrelens.train.fit.tracking import require_tracker as require_tracking
from genrelens.train.recipes.probe_recipe import ProbeRecipe
from genrelens.train.recipes.recipe import PreprocessTable, Recipe

_PROVING_TRACKS = 4  # whose windows prove an export


@dataclass(frozen=True)
class TrainingRequest:
    """What to train, on what, and where to put it."""

    recipe: Recipe
    loading: LoadingOptions
    folder: Path
    resume: bool = False
    options: TrainingOptions = field(default_factory=TrainingOptions)


def train(request: TrainingRequest, say: Callable[[str], None]) -> Evaluation | MultilabelEvaluation:
    """Train as a recipe says, and measure the exported model on *valid*; *test* is not looked at.

    The folder then holds recipe.json, environment.json, metrics.jsonl, history.json and history.csv, the
    checkpoints, what tracks the training, model.onnx (but for a net that needs more than serving has) and
    valid.json.

    Args:
        request: what is wanted; with `resume`, the training in the folder is gone on with.
        say: told in a sentence what is being done.

    Raises:
        DataError: the data cannot be used, or leaks.
        TrainingError: the folder holds another training, the recipe is impossible, or the loss is lost.
        MissingExtraError: what is to track the training is not installed.
    """
    recipe = request.recipe
    require_tracking(request.options.tracker)
    data = load_dataset(recipe, request.loading, say)
    manifest, labels = data.manifest, len(data.manifest.labels)
    networks.build(recipe.net, labels, recipe.input.shape)  # an impossible recipe claims no folder
    build_teacher(recipe)
    claim_run_directory(request.folder, recipe, resume=request.resume)
    write_text(request.folder / "environment.json", describe_environment().model_dump_json(indent=1))
    learn, valid = data.training_examples(recipe), data.examples("valid")
    say(f"Training {recipe.name} on {len(learn.inputs)} tracks, choosing on {len(valid.inputs)} ...")
    net = fit(recipe, learn, valid, labels, request.folder, request.options, say)
    confidence = calibrate_outputs(net, recipe, data.examples("train"), valid, say)
    if recipe.preprocess == PreprocessTable():
        model = request.folder / "model.onnx"
        say(f"Exporting to {display_name(model)} ...")
        export_onnx(net, build_card(recipe, manifest, net, confidence), sample_windows(valid, recipe), model)
        result = evaluate_model(Classifier(model), manifest.in_split("valid"), request.loading.processes)
    else:
        say(
            "Not exported: [preprocess] needs libraries that serving does not have. "
            f"The weights are in {display_name(request.folder)}, and what follows was measured with the net itself."
        )
        result = evaluate_network(net, recipe, data, confidence)
    write_text(request.folder / "valid.json", result.model_dump_json(indent=1))
    return result


def evaluate_network(net: nn.Module, recipe: Recipe, data: Dataset, confidence: OutputCalibration) -> Evaluation | MultilabelEvaluation:
    """Measure a net on *valid*, from levels, without exporting it; nothing is said of the levels of a tree."""
    labels, items = data.manifest.labels, data.manifest.in_split("valid")

    def judge(windows: ModelInput) -> Probabilities:
        with torch.no_grad():
            logits = net(torch.from_numpy(windows)).numpy() / confidence.temperature
        return sigmoid(logits) if recipe.data.labels == "several" else softmax(logits)

    answers = predict_log_mels(judge, recipe.input, items, data.inputs)
    if recipe.data.labels == "several":
        return build_multilabel_evaluation(recipe.name, recipe.version, labels, confidence.thresholds, items, answers)
    return build_evaluation(recipe.name, recipe.version, labels, items, answers.judged)


def sample_windows(tracks: Examples, recipe: Recipe) -> Tensor:
    """Windows of a few tracks, to prove an export on."""
    few = TrackWindows(tracks.inputs[:_PROVING_TRACKS], tracks.targets[:_PROVING_TRACKS], recipe)
    return torch.cat([windows for windows, _ in few])


def claim_run_directory(folder: Path, recipe: Recipe, *, resume: bool) -> None:
    """Make the folder of a training, or see that it is this recipe's.

    Raises:
        TrainingError: it holds a training already and is not to be resumed, or that of another recipe.
    """
    file = folder / "recipe.json"
    content = recipe.model_dump_json(indent=1)
    if file.exists() and not resume:
        raise TrainingError(f"{display_name(folder)} holds a training; go on with --resume, or name another with --run")
    if file.exists() and file.read_text("utf-8") != content:
        raise TrainingError(f"{display_name(folder)} was begun with another recipe; name another folder with --run")
    write_text(file, content)


def build_card(recipe: Recipe, manifest: Manifest, net: nn.Module, confidence: OutputCalibration = UNCALIBRATED) -> Card:
    """Say what the net is, where it came from, and what its probabilities mean."""
    return Card(
        name=recipe.name,
        version=recipe.version,
        summary=recipe.summary,
        labels=manifest.labels,
        labelling=recipe.data.labels,
        thresholds=confidence.thresholds,
        input=recipe.input,
        temperature=confidence.temperature,
        calibration=confidence.calibration,
        detector=confidence.detector,
        parameters=count_parameters(net),
        training=training_provenance(recipe, manifest),
        licence=recipe.licence,
        package=version("genrelens"),
    )


def training_provenance(recipe: Recipe | ProbeRecipe, manifest: Manifest) -> TrainingRecord:
    """Where weights came from that are trained here and now."""
    return TrainingRecord(
        recipe=recipe.name,
        data=manifest.name,
        split=recipe.data.split,
        tracks=len(manifest.in_split("train")),
        seed=recipe.seed,
        date=f"{datetime.now(UTC):%Y-%m-%d}",
        machine=f"{platform.machine()}, {platform.system()}",
    )


def card_figures(result: Evaluation, data: str, side: str, protocol: str) -> tuple[MetricEstimate, ...]:
    """The measures that a card states."""
    return tuple(
        MetricEstimate(
            metric=name,
            value=round(estimate.value, 4),
            low=round(estimate.low, 4),
            high=round(estimate.high, 4),
            data=data,
            split=side,
            tracks=result.metrics.tracks,
            protocol=protocol,
        )
        for name, estimate in (
            ("accuracy", result.metrics.accuracy),
            ("macro F1", result.metrics.macro_f1),
            ("weighted F1", result.metrics.weighted_f1),
        )
    )
