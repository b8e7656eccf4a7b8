"""Model cards of trained networks: labels, input, calibration, provenance and metrics."""

import platform
from datetime import UTC, datetime
from importlib.metadata import version

from torch import nn

from genrelens.model.card import Card, MetricEstimate, TrainingRecord
from genrelens.train.data.manifest import Manifest
from genrelens.train.evaluation.calibration import UNCALIBRATED, OutputCalibration
from genrelens.train.evaluation.evaluate import Evaluation
from genrelens.train.export.export import count_parameters
from genrelens.train.recipes.recipe import ProbeRecipe, Recipe


def build_card(
    recipe: Recipe, manifest: Manifest, network: nn.Module, calibration: OutputCalibration = UNCALIBRATED
) -> Card:
    """Build the card of a network that was trained with `recipe` on the tracks of `manifest`."""
    return Card(
        name=recipe.name,
        version=recipe.version,
        summary=recipe.summary,
        labels=manifest.labels,
        labelling=recipe.data.labels,
        thresholds=calibration.thresholds,
        input=recipe.input,
        temperature=calibration.temperature,
        calibration=calibration.calibration,
        detector=calibration.detector,
        parameters=count_parameters(network),
        training=training_provenance(recipe, manifest),
        licence=recipe.licence,
        package=version("genrelens"),
    )


def training_provenance(recipe: Recipe | ProbeRecipe, manifest: Manifest) -> TrainingRecord:
    """Return the provenance of weights that have just been trained on this machine."""
    return TrainingRecord(
        recipe=recipe.name,
        data=manifest.name,
        split=recipe.data.split,
        tracks=len(manifest.in_split("train")),
        seed=recipe.seed,
        date=f"{datetime.now(UTC):%Y-%m-%d}",
        machine=f"{platform.machine()}, {platform.system()}",
    )


def card_figures(evaluation: Evaluation, data: str, split: str, protocol: str) -> tuple[MetricEstimate, ...]:
    """Return the metrics that a card states: accuracy, macro F1 and weighted F1 with their intervals.

    Args:
        evaluation: the evaluation of the model.
        data: name of the dataset.
        split: the split that was evaluated.
        protocol: description of the evaluation protocol.
    """
    metrics = evaluation.metrics
    return tuple(
        MetricEstimate(
            metric=name,
            value=round(estimate.value, 4),
            low=round(estimate.low, 4),
            high=round(estimate.high, 4),
            data=data,
            split=split,
            tracks=metrics.tracks,
            protocol=protocol,
        )
        for name, estimate in (
            ("accuracy", metrics.accuracy),
            ("macro F1", metrics.macro_f1),
            ("weighted F1", metrics.weighted_f1),
        )
    )
