"""Recipes on protocols: each cell trained within a budget, measured on the test once, and kept in a file."""

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
from pydantic import BaseModel, ConfigDict, ValidationError

from genrelens.errors import ManifestError, display_name
from genrelens.files import write_text
from genrelens.model.input_spec import AudioInput, PictureInput
from genrelens.model.session import Model
from genrelens.train.benchmark.budget import fit_to_budget, measure_cpu_ms
from genrelens.train.benchmark.protocols import Protocol, split_tracks, split_windows
from genrelens.progress import Notify
from genrelens.train.data.dataset import Dataset, LoadingOptions, load_inputs, read_recipe_manifest
from genrelens.train.data.log_mels import LogMel
from genrelens.train.data.manifest import SPLITS, LabelledTrack
from genrelens.train.evaluation.evaluate import Evaluation, build_evaluation, predict_log_mels
from genrelens.train.evaluation.bootstrap import Estimate
from genrelens.train.export.card import build_card
from genrelens.train.export.export import count_parameters, export_onnx, sample_windows
from genrelens.train.fit.trainer import TrainingOptions, fit, prepare_training
from genrelens.train.recipes.recipe import Recipe
from genrelens.train.report.summary import summarise_network

_NO_PICTURES = "it looks at pictures, and --pictures does not say where there are some"


class Cell(BaseModel):
    """One recipe under one protocol.

    Attributes:
        answers: what was counted, windows or tracks, and how many of them.
        epochs: that fitted into the budget, of `planned` in the recipe.
        training_seconds: of CPU time, all threads together.
        cpu_ms: of CPU time from 30 s of samples to an answer, on one thread; none for pictures.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

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
    count_parameters: int
    macs: int
    epochs: int
    planned: int
    training_seconds: float
    measure_cpu_ms: float | None
    date: str
    machine: str
    package: str


@dataclass(frozen=True)
class BenchmarkInputs:
    """Where the tracks are, where pictures of them are if anywhere, and the folder of the cells.

    Training takes as many threads as there are processes to read the tracks with.
    """

    sound: LoadingOptions
    pictures: LoadingOptions | None
    results: Path


def run_benchmark(recipes: Sequence[tuple[Recipe, Mapping[Protocol, float]]], bench: BenchmarkInputs, say: Notify) -> None:
    """Run the cells that have no result yet, one after another.

    A cell is kept when it is done: a benchmark that breaks off goes on with the next one, and several may
    work on different recipes at once.

    Args:
        recipes: what to train; how to divide the tracks, and how many seconds of CPU time each training has.
        bench: data and results.
        say: told what is done.

    Raises:
        DataError: the data cannot be read, or not be divided so.
    """
    torch.set_num_threads(bench.sound.processes)
    for recipe, budgets in recipes:
        picture = isinstance(recipe.input, PictureInput)
        loading = bench.pictures if picture else bench.sound
        if loading is None or (reason := _unfit(recipe)):
            say(f"{recipe.name} is left out: {reason if loading else _NO_PICTURES}.")
            continue
        missing = [
            protocol
            for protocol in budgets
            if not (picture and protocol == "windows")  # a picture shows all of its track
            and not cell_path(bench.results, recipe.name, protocol).is_file()
        ]
        for protocol, data in _divided(recipe, missing, loading, say):
            say(f"{recipe.name}, {protocol}: training ...")
            cell = run_cell(recipe, protocol, data, budgets[protocol])
            write_text(cell_path(bench.results, recipe.name, protocol), cell.model_dump_json(indent=1) + "\n")
            say(f"{recipe.name}, {protocol}: {cell.accuracy.value:.3f}")


def _unfit(recipe: Recipe) -> str:
    """Why a recipe has no place in the table; empty if it has."""
    if recipe.data.labels == "several":
        return "it tells several labels a track, and the table is of accuracies"
    if recipe.augment.expand > 1:
        return "no copies are made here; set augment.expand = 1 and augment.waveform = {}"
    return ""


def run_cell(recipe: Recipe, protocol: Protocol, data: Dataset, budget: float) -> Cell:
    """Train for as many epochs as the budget allows, choosing on *valid*, and measure on *test*, once."""
    fitted = fit_to_budget(recipe, data, budget)
    with TemporaryDirectory() as folder:
        before = time.process_time()
        net = fit(
            prepare_training(fitted, data.training_examples(fitted), data.examples("valid")),
            Path(folder),
            TrainingOptions(accelerator="cpu", tracker="none"),
            lambda _: None,
        )
        seconds = time.process_time() - before
        file = Path(folder) / "model.onnx"
        export_onnx(net, build_card(fitted, data.manifest, net), sample_windows(data.examples("valid"), fitted), file)
        model = Model(file)
        valid, test = (
            _measure(model, recipe, data.manifest.in_split(side), data.inputs).metrics for side in SPLITS[1:]
        )
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
            parameters=count_parameters(net),
            macs=summarise_network(net, recipe.input.shape).macs,
            epochs=fitted.train.epochs,
            planned=recipe.train.epochs,
            training_seconds=round(seconds, 1),
            cpu_ms=None if isinstance(recipe.input, PictureInput) else measure_cpu_ms(file),
            date=f"{datetime.now(UTC):%Y-%m-%d}",
            machine=f"{platform.machine()}, {platform.system()}, {os.cpu_count()} cores",
            package=version("genrelens"),
        )


def _measure(model: Model, recipe: Recipe, items: Sequence[LabelledTrack], levels: Mapping[str, LogMel]) -> Evaluation:
    answers = predict_log_mels(model.probabilities, recipe.input, items, levels)
    return build_evaluation(recipe.name, recipe.version, model.card.labels, items, answers)


def cell_path(results: Path, recipe: str, protocol: Protocol) -> Path:
    """Where a cell is kept."""
    return results / f"{recipe}.{protocol}.json"


def read_cells(results: Path) -> list[Cell]:
    """Read what `run_benchmark` kept in a folder.

    Raises:
        ManifestError: a file in it is not a cell.
    """
    cells = []
    for file in sorted(results.glob("*.json")):
        try:
            cells.append(Cell.model_validate_json(file.read_text("utf-8")))
        except (OSError, ValidationError) as error:
            raise ManifestError(
                f"{display_name(file)} is not a result of `genrelens benchmark`; delete it to run it anew"
            ) from error
    return cells


def _divided(
    recipe: Recipe, protocols: Sequence[Protocol], loading: LoadingOptions, say: Notify
) -> Iterator[tuple[Protocol, Dataset]]:
    if not protocols:
        return
    manifest = read_recipe_manifest(recipe, loading.data)
    mels = load_inputs(manifest.tracks, recipe, loading)
    for error in mels.failures.values():
        say(f"Left out: {error}.")
    manifest = replace(manifest, tracks=tuple(item for item in manifest.tracks if item.path in mels.inputs))
    for protocol in protocols:
        if protocol == "windows" and isinstance(recipe.input, AudioInput):
            yield protocol, split_windows(manifest, mels.inputs, recipe.input, recipe.seed)
        else:
            yield protocol, split_tracks(manifest, mels.inputs, protocol, recipe.seed)
