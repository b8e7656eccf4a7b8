"""The effect of perturbations on predictions: lost accuracy, flipped predictions, confidence, worst and best cases."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from genrelens.prediction import Failure
from genrelens.records import FrozenModel
from genrelens.train.evaluation.bootstrap import ClassIndices, Estimate, resample_weights
from genrelens.train.robustness.battery import allowed_drop
from genrelens.train.robustness.equaliser import FREQUENCIES_HZ, Equaliser
from genrelens.train.robustness.perturbations import Perturbation, Shuffle
from genrelens.train.robustness.runner import PerturbedPredictions

ALL_FAMILIES = "all"  # name of the group of all perturbations except shuffles

_EPSILON = 1e-9  # tolerance for rounding errors of fractions, and smallest probability in logarithms


class PerturbationRow(FrozenModel):
    """Effect of one perturbation.

    Attributes:
        name, family, words, strength: name, family, description and strength of the perturbation.
        accuracy: accuracy on the perturbed tracks.
        difference: accuracy minus the accuracy on the unperturbed tracks; resamples draw both together.
        flips: fraction of the tracks whose predicted label changes.
        confidence: mean confidence on the perturbed tracks minus the mean on the unperturbed tracks.
        allowed: maximum accuracy drop, or None if the perturbation has no target.
        passed: whether the drop is at most `allowed`; None without a target.
    """

    name: str
    family: str
    words: str
    strength: float
    accuracy: float
    difference: Estimate
    flips: float
    confidence: float
    allowed: float | None
    passed: bool | None


class FamilyExtremes(FrozenModel):
    """Accuracy if each track undergoes the worst, or the best, perturbation of a family, or none.

    Attributes:
        family: name of the family, or `ALL_FAMILIES`.
        changes: number of perturbations.
        worst: fraction of the tracks that are correct under every perturbation (Sturm's deflation).
        best: fraction of the tracks that are correct under at least one (his inflation).
    """

    family: str
    changes: int
    worst: float
    best: float


class FilterCurve(FrozenModel):
    """Frequency response of a filter: gains in decibels at frequencies in Hz."""

    name: str
    hz: tuple[float, ...]
    gains: tuple[float, ...]


class FilterSearch(FrozenModel):
    """All filters of a search, and the names of the filters with the lowest and the highest accuracy."""

    filters: tuple[FilterCurve, ...]
    deflating: str
    inflating: str


class TrackExtreme(FrozenModel):
    """A perturbation, and the probability of the true label after it."""

    change: str
    probability: float


class TrackRow(FrozenModel, serialize_by_alias=True, validate_by_name=True):
    """Effect of the perturbations on one track.

    Attributes:
        name: name of the track.
        truth: true label.
        predicted: label predicted without perturbation.
        probability: probability of the true label without perturbation.
        wrong: number of perturbations after which the prediction is wrong.
        worst, best: perturbations with the lowest and the highest probability of the true label.
    """

    name: str
    truth: str
    predicted: str = Field(alias="told")
    probability: float
    wrong: int
    worst: TrackExtreme
    best: TrackExtreme


class StressReport(FrozenModel):
    """Result of a stress test.

    Attributes:
        model, version: name and version of the model.
        data: name of the dataset.
        split: scheme that assigned the splits.
        side: split that was tested.
        seed: seed of splits, filters and random perturbations.
        tested: number of tracks.
        accuracy: accuracy on the unperturbed tracks.
        rows: effect of each perturbation.
        search: search for filters, if one was run.
        extremes: worst and best cases of all perturbations, then of each family.
        tracks: effect on each track, without shuffles.
        failures: one for each unreadable track.
    """

    model: str
    version: str
    data: str
    split: str
    side: str
    seed: int
    tested: int
    accuracy: Estimate
    rows: tuple[PerturbationRow, ...]
    search: FilterSearch | None
    extremes: tuple[FamilyExtremes, ...]
    tracks: tuple[TrackRow, ...]
    failures: tuple[Failure, ...]

    @property
    def targets(self) -> tuple[PerturbationRow, ...]:
        """Rows with a target."""
        return tuple(row for row in self.rows if row.passed is not None)

    @property
    def reported_rows(self) -> tuple[PerturbationRow, ...]:
        """Rows to report, shuffles last; of the filters of a search, only the two extremes."""
        tried = {curve.name for curve in self.search.filters} if self.search else set()
        extremes = {self.search.deflating, self.search.inflating} if self.search else set()
        reported = (row for row in self.rows if row.name not in tried - extremes)
        return tuple(sorted(reported, key=lambda row: row.family == Shuffle.family))

    def label(self, row: PerturbationRow) -> str:
        """Return the display name of a perturbation, or the role of an extreme filter."""
        if self.search and row.name == self.search.deflating:
            return "the deflating filter"
        if self.search and row.name == self.search.inflating:
            return "the inflating filter"
        return row.words


def perturbation_rows(
    predictions: PerturbedPredictions, truth: ClassIndices, perturbations: Sequence[Perturbation], seed: int
) -> tuple[Estimate, tuple[PerturbationRow, ...]]:
    """Return the accuracy on the unperturbed tracks, and the effect of each perturbation.

    Intervals are percentiles over bootstrap resamples of the tracks, the same before and after perturbation.

    Args:
        predictions: predictions before and after perturbation.
        truth: true class of each track, shape (tracks,).
        perturbations: perturbations in the order of the predictions.
        seed: seed of the bootstrap.
    """
    before, after = predictions.clean.argmax(axis=-1), predictions.perturbed.argmax(axis=-1)
    correct = before == truth
    differences = (after == truth[:, None]).astype(float) - correct[:, None]
    columns = np.column_stack([correct, differences])
    weights = resample_weights(len(truth), np.random.default_rng(seed))
    samples = np.concatenate([block @ columns / len(truth) for block in weights])
    accuracy, *estimates = (
        Estimate.from_samples(float(value), [column])
        for value, column in zip([correct.mean(), *differences.mean(axis=0)], samples.T, strict=True)
    )
    flips = (after != before[:, None]).mean(axis=0)
    confidence = (predictions.perturbed.max(axis=-1) - predictions.clean.max(axis=-1)[:, None]).mean(axis=0)
    rows = (
        _perturbation_row(perturbation, accuracy, difference, float(flips[index]), float(confidence[index]))
        for index, (perturbation, difference) in enumerate(zip(perturbations, estimates, strict=True))
    )
    return accuracy, tuple(rows)


def family_extremes(
    predictions: PerturbedPredictions, truth: ClassIndices, perturbations: Sequence[Perturbation]
) -> tuple[FamilyExtremes, ...]:
    """Return worst and best cases of all perturbations together, and of each family."""
    correct = predictions.perturbed.argmax(axis=-1) == truth[:, None]
    correct_clean = predictions.clean.argmax(axis=-1) == truth
    families = np.array([perturbation.family for perturbation in perturbations])
    groups = {ALL_FAMILIES: families != Shuffle.family}
    groups |= {family: families == family for family in dict.fromkeys(families.tolist())}
    return tuple(
        FamilyExtremes(
            family=family,
            changes=int(members.sum()),
            worst=float((correct_clean & correct[:, members].all(axis=1)).mean()),
            best=float((correct_clean | correct[:, members].any(axis=1)).mean()),
        )
        for family, members in groups.items()
        if members.any()
    )


def track_rows(
    predictions: PerturbedPredictions, truth: ClassIndices, perturbations: Sequence[Perturbation], labels: Sequence[str]
) -> tuple[TrackRow, ...]:
    """Return the effect on each track, without shuffles; empty if there are only shuffles."""
    columns = [index for index, perturbation in enumerate(perturbations) if not isinstance(perturbation, Shuffle)]
    if not columns:
        return ()
    names = [perturbations[column].name for column in columns]
    rows = []
    for track, true_class, clean, perturbed in zip(
        predictions.tracks, truth, predictions.clean, predictions.perturbed[:, columns], strict=True
    ):
        of_truth = perturbed[:, true_class]
        worst, best = (
            TrackExtreme(change=names[index], probability=float(of_truth[index]))
            for index in (of_truth.argmin(), of_truth.argmax())
        )
        rows.append(
            TrackRow(
                name=track.name,
                truth=track.label,
                predicted=labels[int(clean.argmax())],
                probability=float(clean[true_class]),
                wrong=int((perturbed.argmax(axis=-1) != true_class).sum()),
                worst=worst,
                best=best,
            )
        )
    return tuple(rows)


def rank_by_accuracy(predictions: PerturbedPredictions, truth: ClassIndices) -> NDArray[np.int64]:
    """Return the indices of the perturbations by ascending accuracy, and ties by log probability of the truth."""
    accuracy = (predictions.perturbed.argmax(axis=-1) == truth[:, None]).mean(axis=0)
    of_truth = np.take_along_axis(predictions.perturbed, truth[:, None, None], axis=-1)[..., 0]
    return np.lexsort((np.log(of_truth + _EPSILON).mean(axis=0), accuracy))


def filter_curve(equaliser: Equaliser) -> FilterCurve:
    """Return the frequency response of a filter."""
    return FilterCurve(name=equaliser.name, hz=FREQUENCIES_HZ, gains=equaliser.gains)


def _perturbation_row(
    perturbation: Perturbation, accuracy: Estimate, difference: Estimate, flips: float, confidence: float
) -> PerturbationRow:
    allowed = allowed_drop(perturbation)
    return PerturbationRow(
        name=perturbation.name,
        family=perturbation.family,
        words=str(perturbation),
        strength=perturbation.strength,
        accuracy=accuracy.value + difference.value,
        difference=difference,
        flips=flips,
        confidence=confidence,
        allowed=allowed,
        passed=None if allowed is None else difference.value >= -allowed - _EPSILON,
    )
