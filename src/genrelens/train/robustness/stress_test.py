"""The stress test: predict all tracks before and after perturbations, and search for extreme filters."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from genrelens.classifier import Classifier
from genrelens.errors import ManifestError, WrongInputError, display_name
from genrelens.model.input_spec import PictureInput
from genrelens.progress import ProgressBars, no_progress_bars
from genrelens.train.data.label_map import LabelMap
from genrelens.train.data.log_mels import is_array_row
from genrelens.train.data.manifest import LabelledTrack, Manifest, Split, require_labelling
from genrelens.train.data.splits import require_splits
from genrelens.train.evaluation.bootstrap import ClassIndices
from genrelens.train.robustness.equaliser import RANDOM_FILTERS, Equaliser, neighbouring_filters
from genrelens.train.robustness.measures import (
    FilterSearch,
    StressReport,
    family_extremes,
    filter_curve,
    perturbation_rows,
    rank_by_accuracy,
    track_rows,
)
from genrelens.train.robustness.perturbations import Perturbation
from genrelens.train.robustness.runner import PerturbedPredictions, predict_perturbed


@dataclass(frozen=True)
class StressSettings:
    """Settings of a stress test.

    Attributes:
        seed: seed of all random numbers.
        processes: number of processes that decode, perturb and classify.
        progress_bars: opens a progress bar for each round.
    """

    seed: int
    processes: int
    progress_bars: ProgressBars = no_progress_bars


def run_stress_test(
    classifier: Classifier,
    manifest: Manifest,
    scheme: str,
    split: Split,
    perturbations: Sequence[Perturbation],
    settings: StressSettings,
) -> StressReport:
    """Perturb the tracks of a split, and compare the predictions.

    If all filters of `equaliser.random_filters` are among the perturbations, a second round tries filters near the
    two extremes of them.

    Args:
        classifier: model to test.
        manifest: dataset with assigned splits.
        scheme: scheme that assigned the splits, for the record.
        split: split to test on.
        perturbations: perturbations to apply, each on its own.
        settings: how to run the test.

    Raises:
        WrongInputError: the model takes pictures, or predicts several labels.
        ManifestError: the tracks are log-mels, are labelled in another way, or cannot be read.
        SplitError: the split is empty.
    """
    card = classifier.card
    tracks = _require_testable_tracks(classifier, manifest, split)
    predictions = _predict(classifier, tracks, perturbations, settings, "Perturbing")
    near = _filters_near_extremes(predictions, _truth(predictions, card.labels), perturbations, settings.seed)
    if near:
        second = _predict(classifier, predictions.tracks, near, settings, "Searching filters")
        predictions = _join_rounds(predictions, second)
        perturbations = [*perturbations, *near]
    truth = _truth(predictions, card.labels)
    accuracy, rows = perturbation_rows(predictions, truth, perturbations, settings.seed)
    return StressReport(
        model=card.name,
        version=card.version,
        data=manifest.name,
        split=scheme,
        side=split,
        seed=settings.seed,
        tested=len(truth),
        accuracy=accuracy,
        rows=rows,
        search=_filter_search(predictions, truth, perturbations) if near else None,
        extremes=family_extremes(predictions, truth, perturbations),
        tracks=track_rows(predictions, truth, perturbations, card.labels),
        failures=predictions.failures,
    )


def _require_testable_tracks(classifier: Classifier, manifest: Manifest, split: Split) -> tuple[LabelledTrack, ...]:
    """Return the tracks of the split, if model and tracks fit a stress test."""
    card = classifier.card
    if isinstance(card.input, PictureInput):
        raise WrongInputError(f"{card.name} takes pictures, but a stress test perturbs audio; use a model for audio")
    if card.labelling == "several":
        raise WrongInputError(f"{card.name} predicts several labels per track; use a model that predicts one")
    require_splits(manifest, split)
    tracks = manifest.in_split(split)
    require_labelling(tracks, card.labelling)
    rows = [track.path for track in tracks if is_array_row(track.path)]
    if rows:
        raise ManifestError(
            f"{display_name(rows[0])} is a log-mel, but a stress test perturbs audio; pass the folder of the recordings"
        )
    return LabelMap().map_tracks(tracks, card.labels)


def _predict(
    classifier: Classifier,
    tracks: Sequence[LabelledTrack],
    perturbations: Sequence[Perturbation],
    settings: StressSettings,
    title: str,
) -> PerturbedPredictions:
    labels = len(classifier.card.labels)
    with settings.progress_bars(title, len(tracks)) as progress:
        predictions = predict_perturbed(
            classifier.model.path, labels, tracks, perturbations, settings.seed, settings.processes, progress
        )
    if not predictions.tracks:
        raise ManifestError("none of the tracks could be read; `genrelens data check` shows why")
    return predictions


def _truth(predictions: PerturbedPredictions, labels: Sequence[str]) -> ClassIndices:
    return np.array([labels.index(track.label) for track in predictions.tracks])


def _filters_near_extremes(
    predictions: PerturbedPredictions, truth: ClassIndices, perturbations: Sequence[Perturbation], seed: int
) -> list[Equaliser]:
    """Draw filters near the ones with the lowest and the highest accuracy, if all random filters were applied."""
    count = len(_filters(perturbations))
    if count < RANDOM_FILTERS:
        return []
    lowest, highest = _extreme_filters(predictions, truth, perturbations)
    rng = np.random.default_rng([seed, count])
    near_lowest = neighbouring_filters(lowest, count + 1, rng)
    return [*near_lowest, *neighbouring_filters(highest, count + len(near_lowest) + 1, rng)]


def _filters(perturbations: Sequence[Perturbation]) -> list[Equaliser]:
    return [perturbation for perturbation in perturbations if isinstance(perturbation, Equaliser)]


def _extreme_filters(
    predictions: PerturbedPredictions, truth: ClassIndices, perturbations: Sequence[Perturbation]
) -> tuple[Equaliser, Equaliser]:
    """Return the filters with the lowest and the highest accuracy."""
    ordered = _filters([perturbations[index] for index in rank_by_accuracy(predictions, truth)])
    return ordered[0], ordered[-1]


def _filter_search(
    predictions: PerturbedPredictions, truth: ClassIndices, perturbations: Sequence[Perturbation]
) -> FilterSearch:
    deflating, inflating = _extreme_filters(predictions, truth, perturbations)
    return FilterSearch(
        filters=tuple(filter_curve(equaliser) for equaliser in _filters(perturbations)),
        deflating=deflating.name,
        inflating=inflating.name,
    )


def _join_rounds(first: PerturbedPredictions, second: PerturbedPredictions) -> PerturbedPredictions:
    """Join the predictions of both rounds for the tracks of the second, a subset of the first."""
    paths = {track.path for track in second.tracks}
    in_both = [track.path in paths for track in first.tracks]
    return PerturbedPredictions(
        second.tracks,
        first.clean[in_both],
        np.concatenate([first.perturbed[in_both], second.perturbed], axis=1),
        (*first.failures, *second.failures),
    )
