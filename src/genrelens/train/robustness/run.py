"""A stress test from a model and tracks to what the changes did; with a search among filters in a second round."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from genrelens.classifier import Classifier
from genrelens.errors import ManifestError, WrongInputError, display_name
from genrelens.model.input_spec import PictureInput
from genrelens.progress import ProgressBars
from genrelens.train.data.label_map import LabelMap
from genrelens.train.data.log_mels import is_array_row
from genrelens.train.data.manifest import LabelledTrack, Manifest, Split, require_labelling
from genrelens.train.data.splits import require_splits
from genrelens.train.evaluation.bootstrap import ClassIndices
from genrelens.train.robustness import equaliser
from genrelens.train.robustness.equaliser import Equaliser
from genrelens.train.robustness.measures import (
    FilterSearch,
    StressReport,
    family_extremes,
    found_filter,
    perturbation_rows,
    rank_by_accuracy,
    track_rows,
)
from genrelens.train.robustness.perturbations import Perturbation
from genrelens.train.robustness.runner import PerturbedPredictions, predict_perturbed


@dataclass(frozen=True)
class StressSettings:
    """From what all draws follow, in how many processes tracks are heard, and who is told how far it is."""

    seed: int
    processes: int
    bar: ProgressBars


def run_stress_test(
    classifier: Classifier,
    manifest: Manifest,
    split: str,
    side: Split,
    changes: Sequence[Perturbation],
    manner: StressSettings,
) -> StressReport:
    """Do changes to the tracks of one side, and measure what a model says of them.

    If all filters of `equaliser.drawn` are among the changes, filters near the two extremes of them are tried
    in a second round.

    Args:
        classifier: the model.
        manifest: the data, on its sides.
        split: how they were drawn, for the record.
        side: the tracks to take.
        changes: what to do to each.
        manner: how.

    Raises:
        WrongInputError: the model looks at pictures.
        ManifestError: the data are no recordings, are labelled otherwise, or none could be read.
        SplitError: there are no tracks on the side.
    """
    items = _items(classifier, manifest, side)
    labels = classifier.card.labels
    told = _ask(classifier, items, changes, manner, "Listening")
    near = _near_extremes(told, _truth(told, labels), changes, manner.seed)
    if near:
        told = _joined(told, _ask(classifier, told.items, near, manner, "Searching filters"))
        changes = [*changes, *near]
    truth = _truth(told, labels)
    accuracy, rows = perturbation_rows(told, truth, changes, manner.seed)
    return StressReport(
        model=classifier.card.name,
        version=classifier.card.version,
        data=manifest.name,
        split=split,
        side=side,
        seed=manner.seed,
        tested=len(truth),
        accuracy=accuracy,
        rows=rows,
        search=_search(told, truth, changes) if near else None,
        extremes=family_extremes(told, truth, changes),
        tracks=track_rows(told, truth, changes, labels),
        failures=told.failures,
    )


def _items(classifier: Classifier, manifest: Manifest, side: Split) -> tuple[LabelledTrack, ...]:
    """The tracks, if the model can be asked about them."""
    card = classifier.card
    if isinstance(card.input, PictureInput):
        raise WrongInputError(
            f"{card.name} looks at pictures, and it is sound that is changed; give a model that hears"
        )
    if card.labelling == "several":
        raise WrongInputError(f"{card.name} tells several labels a track; give a model that tells one")
    require_splits(manifest, side)
    items = manifest.in_split(side)
    require_labelling(items, card.labelling)
    rows = [item.path for item in items if is_array_row(item.path)]
    if rows:
        raise ManifestError(
            f"{display_name(rows[0])} is a log-mel, and it is sound that is changed; give the folder of the recordings"
        )
    return LabelMap().map_tracks(items, card.labels)


def _ask(
    classifier: Classifier,
    items: Sequence[LabelledTrack],
    changes: Sequence[Perturbation],
    manner: StressSettings,
    what: str,
) -> PerturbedPredictions:
    with manner.bar(what, len(items)) as advance:
        told = predict_perturbed(
            classifier.model.path, len(classifier.card.labels), items, changes, manner.seed, manner.processes, advance
        )
    if not told.items:
        raise ManifestError("none of the tracks could be read; `genrelens data check` tells why")
    return told


def _truth(told: PerturbedPredictions, labels: Sequence[str]) -> ClassIndices:
    return np.array([labels.index(item.label) for item in told.items])


def _near_extremes(
    told: PerturbedPredictions, truth: ClassIndices, changes: Sequence[Perturbation], seed: int
) -> list[Equaliser]:
    """Filters near the one that deflates the score most and the one that inflates it most, if all were tried."""
    filters = _filters(changes)
    if len(filters) < equaliser.RANDOM_FILTERS:
        return []
    ends = _ends(told, truth, changes)
    rng = np.random.default_rng([seed, len(filters)])
    lower = equaliser.neighbouring_filters(ends[0], len(filters) + 1, rng)
    return [*lower, *equaliser.neighbouring_filters(ends[1], len(filters) + len(lower) + 1, rng)]


def _filters(changes: Sequence[Perturbation]) -> list[Equaliser]:
    return [change for change in changes if isinstance(change, Equaliser)]


def _ends(told: PerturbedPredictions, truth: ClassIndices, changes: Sequence[Perturbation]) -> tuple[Equaliser, Equaliser]:
    """The filter with the lowest score and the one with the highest."""
    ordered = _filters([changes[place] for place in rank_by_accuracy(told, truth)])
    return ordered[0], ordered[-1]


def _search(told: PerturbedPredictions, truth: ClassIndices, changes: Sequence[Perturbation]) -> FilterSearch:
    deflating, inflating = _ends(told, truth, changes)
    return FilterSearch(
        filters=tuple(found_filter(change, equaliser.POINTS_HZ) for change in _filters(changes)),
        deflating=deflating.name,
        inflating=inflating.name,
    )


def _joined(first: PerturbedPredictions, second: PerturbedPredictions) -> PerturbedPredictions:
    """Answers of two rounds about the tracks that were heard in both; in the second, no others were asked about."""
    heard = {item.path for item in second.items}
    both = [item.path in heard for item in first.items]
    return PerturbedPredictions(
        second.items,
        first.plain[both],
        np.concatenate([first.changed[both], second.changed], axis=1),
        (*first.failures, *second.failures),
    )
