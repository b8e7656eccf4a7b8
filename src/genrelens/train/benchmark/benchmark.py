"""Benchmark of recipes under several protocols: train within a budget, test once, and save each result."""

import os
import platform
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from pydantic import ValidationError

from genrelens.errors import ManifestError, display_name
from genrelens.files import write_text
from genrelens.model.input_spec import AudioInput, PictureInput
from genrelens.model.session import Model
from genrelens.progress import Notify
from genrelens.records import FrozenModel
from genrelens.train.benchmark.budget import fit_to_budget, measure_cpu_ms
from genrelens.train.benchmark.protocols import Protocol, split_tracks, split_windows
from genrelens.train.data.dataset import Dataset, LoadingOptions, load_inputs, read_recipe_manifest
from genrelens.train.data.manifest import Split
from genrelens.train.evaluation.bootstrap import Estimate
from genrelens.train.evaluation.evaluate import build_evaluation, predict_log_mels
from genrelens.train.evaluation.metrics import Metrics
from genrelens.train.export import build_card, count_parameters, export_onnx, sample_windows
from genrelens.train.fit.trainer import TrainingOptions, fit, prepare_training
from genrelens.train.recipes.recipe import Recipe
from genrelens.train.report.summary import summarise_network


class Cell(FrozenModel):
    """Result of one recipe under one protocol.

    Attributes:
        recipe: name of the recipe.
        protocol: way to split the tracks.
        data: name of the dataset.
        claim: figures that the authors of the method report.
        seed: seed of the recipe.
        budget: seconds of CPU time for training.
        answers: unit of the predictions, "windows" or "tracks", and the number of predictions.
        accuracy, macro_f1, log_loss: metrics on *test*.
        valid_accuracy: accuracy on *valid*.
        parameters: number of parameters.
        macs: multiply-accumulate operations per window.
        epochs: number of epochs that fitted into the budget.
        planned: number of epochs in the recipe.
        training_seconds: CPU time of the training run in seconds, over all threads.
        cpu_ms: CPU time in milliseconds from 30 s of samples to a prediction on one thread; None for pictures.
        date: date of the run.
        machine: description of the machine.
        package: version of GenreLens.
    """

    recipe: str
    protocol: Protocol
    data: str
    claim: str
    seed: int
    budget: float
    answers: tuple[str, int]
    accuracy: Estimate
    macro_f1: Estimate
    log_loss: float
    valid_accuracy: float
    parameters: int
    macs: int
    epochs: int
    planned: int
    training_seconds: float
    cpu_ms: float | None
    date: str
    machine: str
    package: str


@dataclass(frozen=True)
class BenchmarkInputs:
    """Data of a benchmark and the folder of its results.

    Training uses as many threads as there are processes to read the tracks.

    Attributes:
        sound: the tracks as audio or log-mels.
        pictures: the tracks as pictures, if available.
        results: folder of the cells.
    """

    sound: LoadingOptions
    pictures: LoadingOptions | None
    results: Path


def run_benchmark(
    recipes: Sequence[tuple[Recipe, Mapping[Protocol, float]]], inputs: BenchmarkInputs, notify: Notify
) -> None:
    """Run the cells that have no result yet, one after another.

    Each cell is saved when it is finished: an interrupted benchmark resumes with the next one, and several
    processes may work on different recipes at once.

    Args:
        recipes: recipes to train, with a budget in seconds of CPU time for each protocol.
        inputs: data and folder of the results.
        notify: receives progress messages.

    Raises:
        DataError: the data cannot be read, or cannot be split under a protocol.
    """
    torch.set_num_threads(inputs.sound.processes)
    for recipe, budgets in recipes:
        picture = isinstance(recipe.input, PictureInput)
        loading = inputs.pictures if picture else inputs.sound
        if loading is None:
            notify(f"{recipe.name} is skipped: its input is pictures, but --pictures is not given")
            continue
        if obstacle := _obstacle(recipe):
            notify(f"{recipe.name} is skipped: {obstacle}")
            continue
        missing = [
            protocol
            for protocol in budgets
            if not (picture and protocol == "windows")  # a picture shows the whole track
            and not cell_path(inputs.results, recipe.name, protocol).is_file()
        ]
        for protocol, data in _datasets(recipe, missing, loading, notify):
            notify(f"{recipe.name}, {protocol}: training ...")
            cell = run_cell(recipe, protocol, data, budgets[protocol])
            write_text(cell_path(inputs.results, recipe.name, protocol), cell.model_dump_json(indent=1) + "\n")
            notify(f"{recipe.name}, {protocol}: accuracy {cell.accuracy.value:.3f}")


def _obstacle(recipe: Recipe) -> str:
    """Return why a recipe cannot be benchmarked, or an empty string."""
    if recipe.data.labels == "several":
        return "it predicts several labels per track, and the table compares accuracies"
    if recipe.augment.expand > 1:
        return "benchmarks do not create augmented copies; set augment.expand = 1 and augment.waveform = {}"
    return ""


def run_cell(recipe: Recipe, protocol: Protocol, data: Dataset, budget: float) -> Cell:
    """Train for as many epochs as the budget allows, select weights on *valid*, and evaluate on *test* once."""
    fitted = fit_to_budget(recipe, data, budget)
    valid_examples = data.examples("valid")
    options = TrainingOptions(accelerator="cpu", tracker="none")
    with TemporaryDirectory() as folder:
        before = time.process_time()
        training = prepare_training(fitted, data.training_examples(fitted), valid_examples)
        network = fit(training, Path(folder), options, lambda _: None)
        seconds = time.process_time() - before
        file = Path(folder) / "model.onnx"
        card = build_card(fitted, data.manifest, count_parameters(network))
        export_onnx(network, card, sample_windows(valid_examples, fitted), file)
        valid, test = (_evaluate(Model(file), recipe, data, split) for split in ("valid", "test"))
        return Cell(
            recipe=recipe.name,
            protocol=protocol,
            data=data.manifest.name,
            claim=recipe.claim,
            seed=recipe.seed,
            budget=budget,
            answers=("windows" if protocol == "windows" else "tracks", test.tracks),
            accuracy=test.accuracy,
            macro_f1=test.macro_f1,
            log_loss=test.log_loss,
            valid_accuracy=valid.accuracy.value,
            parameters=count_parameters(network),
            macs=summarise_network(network, recipe.input.shape).macs,
            epochs=fitted.train.epochs,
            planned=recipe.train.epochs,
            training_seconds=round(seconds, 1),
            cpu_ms=None if isinstance(recipe.input, PictureInput) else measure_cpu_ms(file),
            date=f"{datetime.now(UTC):%Y-%m-%d}",
            machine=f"{platform.machine()}, {platform.system()}, {os.cpu_count()} cores",
            package=version("genrelens"),
        )


def _evaluate(model: Model, recipe: Recipe, data: Dataset, split: Split) -> Metrics:
    tracks = data.manifest.in_split(split)
    predictions = predict_log_mels(model.probabilities, recipe.input, tracks, data.inputs)
    return build_evaluation(recipe.name, recipe.version, model.card.labels, tracks, predictions).metrics


def cell_path(results: Path, recipe: str, protocol: Protocol) -> Path:
    """Return the file of a cell."""
    return results / f"{recipe}.{protocol}.json"


def read_cells(results: Path) -> list[Cell]:
    """Read the cells in a folder of results.

    Raises:
        ManifestError: a file in it is not a cell.
    """
    cells = []
    for file in sorted(results.glob("*.json")):
        try:
            cells.append(Cell.model_validate_json(file.read_text("utf-8")))
        except (OSError, ValidationError) as error:
            raise ManifestError(
                f"{display_name(file)} is not a result of `genrelens benchmark`; delete it to run it again"
            ) from error
    return cells


def _datasets(
    recipe: Recipe, protocols: Sequence[Protocol], loading: LoadingOptions, notify: Notify
) -> Iterator[tuple[Protocol, Dataset]]:
    """Load the tracks once, and yield them split under each protocol."""
    if not protocols:
        return
    manifest = read_recipe_manifest(recipe, loading.data)
    loaded = load_inputs(manifest.tracks, recipe, loading)
    for error in loaded.failures.values():
        notify(f"Skipped: {error}")
    manifest = replace(manifest, tracks=tuple(track for track in manifest.tracks if track.path in loaded.inputs))
    for protocol in protocols:
        if protocol == "windows" and isinstance(recipe.input, AudioInput):
            yield protocol, split_windows(manifest, loaded.inputs, recipe.input, recipe.seed)
        else:
            yield protocol, split_tracks(manifest, loaded.inputs, protocol, recipe.seed)
