"""A training run from recipe and data to an exported, calibrated and evaluated model, in one directory."""

from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import nn

from genrelens.classifier import Classifier
from genrelens.errors import TrainingError, display_name
from genrelens.files import write_text
from genrelens.model.session import ModelInput, Probabilities, sigmoid, softmax
from genrelens.progress import Notify
from genrelens.train.data.dataset import Dataset, LoadingOptions, load_dataset
from genrelens.train.environment import describe_environment
from genrelens.train.evaluation.calibration import OutputCalibration, calibrate_outputs
from genrelens.train.evaluation.evaluate import Evaluation, build_evaluation, predict_log_mels
from genrelens.train.evaluation.multilabel import MultilabelEvaluation, build_multilabel_evaluation, evaluate_model
from genrelens.train.export import build_card, count_parameters, export_onnx, sample_windows
from genrelens.train.fit.tracking import require_tracker
from genrelens.train.fit.trainer import TrainingOptions, fit, prepare_training
from genrelens.train.recipes.recipe import PreprocessTable, Recipe


@dataclass(frozen=True)
class TrainingRequest:
    """A training to run.

    Attributes:
        recipe: the training settings.
        loading: where the data are, and how to load them.
        folder: the run directory.
        resume: whether to resume the run in that directory.
        options: devices and tracking.
    """

    recipe: Recipe
    loading: LoadingOptions
    folder: Path
    resume: bool = False
    options: TrainingOptions = field(default_factory=TrainingOptions)


@dataclass(frozen=True)
class TrainingResult:
    """A finished training: the network with its selected weights, and its evaluation on *valid*."""

    network: nn.Module
    evaluation: Evaluation | MultilabelEvaluation


def train(request: TrainingRequest, notify: Notify) -> TrainingResult:
    """Train as the recipe describes, and evaluate the exported model on *valid*; *test* is never used.

    Writes recipe.json, environment.json, metrics.jsonl, history.json, history.csv, the checkpoints, the tracker's
    files, model.onnx (unless its preprocessing is not available when serving) and valid.json to the run directory.

    Args:
        request: what to train, on which data and how.
        notify: receives messages for the user.

    Raises:
        DataError: the data cannot be used, or leak between splits.
        ModelError: pretrained weights or the teacher cannot be loaded.
        RecipeError: the recipe's network is not possible.
        TrainingError: the run directory holds another run, or the loss became NaN or infinite.
        MissingExtraError: the tracker's package is not installed.
    """
    recipe, folder = request.recipe, request.folder
    require_tracker(request.options.tracker)
    data = load_dataset(recipe, request.loading, notify)
    learn, valid = data.training_examples(recipe), data.examples("valid")

    training = prepare_training(recipe, learn, valid)  # fails before the directory is claimed
    _claim_run_directory(folder, recipe, resume=request.resume)
    write_text(folder / "environment.json", describe_environment().model_dump_json(indent=1))

    notify(f"Training {recipe.name} on {len(learn.inputs)} tracks, validating on {len(valid.inputs)} ...")
    network = fit(training, folder, request.options, notify)
    calibration = calibrate_outputs(network, recipe, data.examples("train"), valid, notify)

    evaluation: Evaluation | MultilabelEvaluation
    if recipe.preprocess == PreprocessTable():
        model = folder / "model.onnx"
        notify(f"Exporting to {display_name(model)} ...")
        card = build_card(recipe, data.manifest, count_parameters(network), calibration)
        export_onnx(network, card, sample_windows(valid, recipe), model)
        evaluation = evaluate_model(Classifier(model), data.manifest.in_split("valid"), request.loading.processes)
    else:
        notify(
            "Not exported, as [preprocess] needs libraries that are not available when serving; "
            f"the weights are in {display_name(folder)}, and the network itself is evaluated instead"
        )
        evaluation = _evaluate_network(network, recipe, data, calibration)
    write_text(folder / "valid.json", evaluation.model_dump_json(indent=1))
    return TrainingResult(network, evaluation)


def _claim_run_directory(folder: Path, recipe: Recipe, *, resume: bool) -> None:
    """Create a run directory with the recipe, or check that an existing one was started with the same recipe."""
    file = folder / "recipe.json"
    content = recipe.model_dump_json(indent=1)
    if file.exists() and not resume:
        raise TrainingError(
            f"{display_name(folder)} already holds a training run; continue it with --resume, or choose another "
            "run directory with --run"
        )
    if file.exists() and file.read_text("utf-8") != content:
        raise TrainingError(
            f"{display_name(folder)} was started with another recipe; choose another run directory with --run"
        )
    write_text(file, content)


def _evaluate_network(
    network: nn.Module, recipe: Recipe, data: Dataset, calibration: OutputCalibration
) -> Evaluation | MultilabelEvaluation:
    """Evaluate a network on *valid* without exporting it, from the loaded log-mels, and without a tree's levels."""
    tracks = data.manifest.in_split("valid")
    multilabel = recipe.data.labels == "several"

    def predict(windows: ModelInput) -> Probabilities:
        with torch.no_grad():
            logits = network(torch.from_numpy(windows)).numpy() / calibration.temperature
        return sigmoid(logits) if multilabel else softmax(logits)

    predictions = predict_log_mels(predict, recipe.input, tracks, data.inputs)
    model = (recipe.name, recipe.version, data.manifest.labels)
    if multilabel:
        return build_multilabel_evaluation(*model, calibration.thresholds, tracks, predictions)
    return build_evaluation(*model, tracks, predictions)
