"""What changes do to a model's answers: accuracy lost, answers flipped, confidence shifted; the worst and the best."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from genrelens.prediction import Failure
from genrelens.train.evaluation import bootstrap
from genrelens.train.evaluation.bootstrap import Estimate
from genrelens.train.robustness.battery import allowed_loss
from genrelens.train.robustness.equaliser import Equaliser
from genrelens.train.robustness.perturbations import Perturbation, Shuffle
from genrelens.train.robustness.runner import PerturbedPredictions

ALL = "all"  # changes together, among the extremes

_ROUNDING = 1e-9  # that a share may miss what is allowed by


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PerturbationRow(_Part):
    """What one change does.

    Attributes:
        name, family, words, strength: which change.
        accuracy: of the answers about changed tracks.
        difference: that, less the accuracy on the same tracks as they are; resamples draw both together.
        flips: share of the tracks of which another label is told.
        confidence: how much higher the mean probability of the told label is.
        allowed: how much accuracy may be lost, if there is a target.
        passed: whether no more is lost.
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


class FamilyExtremes(_Part):
    """Accuracy if each track had the worst of some changes done to it, or none; and the best, or none.

    Attributes:
        family: of the changes; `ALL` is all but the shuffled ones.
        changes: how many there are.
        worst: share of the tracks told right through every change (Sturm's deflation).
        best: share told right through one at least (his inflation).
    """

    family: str
    changes: int
    worst: float
    best: float


class FilterCurve(_Part):
    """A filter that was found: its gains in decibels, joined by lines between frequencies in Hz."""

    name: str
    hz: tuple[float, ...]
    gains: tuple[float, ...]


class FilterSearch(_Part):
    """All filters that were tried, the one that deflates the score of all tracks most, and the one that inflates it."""

    filters: tuple[FilterCurve, ...]
    deflating: str
    inflating: str


class TrackExtreme(_Part):
    """A change, and the probability of the truth after it."""

    change: str
    probability: float


class TrackRow(_Part):
    """What changes do to the answer about one track; `wrong` counts those after which it is wrong."""

    name: str
    truth: str
    told: str
    probability: float
    wrong: int
    worst: TrackExtreme
    best: TrackExtreme


class StressReport(_Part):
    """What a model's answers are worth when tracks are changed in ways that leave their genre as it is.

    Attributes:
        model, version: which model.
        data, split, side, seed: which tracks, and what the draws came from.
        tested: how many there are.
        accuracy: on the tracks as they are.
        rows: of each change.
        search: for filters, if there was one.
        extremes: of all changes, then of each family.
        tracks: with the worst and the best that can be done to each, shuffles apart.
        failures: tracks that could not be heard.
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
        """The rows that may lose so much only."""
        return tuple(row for row in self.rows if row.passed is not None)

    @property
    def reported_rows(self) -> tuple[PerturbationRow, ...]:
        """The rows to tell of, shuffles last: all, but of the filters of a search only the two that were sought."""
        tried = {one.name for one in self.search.filters} if self.search else set()
        sought = {self.search.deflating, self.search.inflating} if self.search else set()
        told = (row for row in self.rows if row.name not in tried - sought)
        return tuple(sorted(told, key=lambda row: row.family == Shuffle.family))

    def label(self, row: PerturbationRow) -> str:
        """A change in words; of the two filters that were sought, which it is."""
        if self.search and row.name == self.search.deflating:
            return "the deflating filter"
        if self.search and row.name == self.search.inflating:
            return "the inflating filter"
        return row.words


def perturbation_rows(
    told: PerturbedPredictions, truth: bootstrap.ClassIndices, changes: Sequence[Perturbation], seed: int
) -> tuple[Estimate, tuple[PerturbationRow, ...]]:
    """The accuracy on tracks as they are, and what each change does to it.

    Intervals are percentiles over bootstrap resamples of the tracks, the same for plain and changed ones.

    Args:
        told: answers.
        truth: the right label of each track, shape (tracks,).
        changes: as they were asked about.
        seed: of the bootstrap.
    """
    before, after = told.plain.argmax(axis=-1), told.changed.argmax(axis=-1)
    right, differences = before == truth, (after == truth[:, None]).astype(float) - (before == truth)[:, None]
    drawn = [
        weights @ np.column_stack([right, differences]) / len(truth)
        for weights in bootstrap.resamples(len(truth), np.random.default_rng(seed))
    ]
    low, high = np.percentile(np.concatenate(drawn), [2.5, 97.5], axis=0)
    estimates = [
        Estimate(value=float(value), low=float(least), high=float(most))
        for value, least, most in zip([right.mean(), *differences.mean(axis=0)], low, high, strict=True)
    ]
    flips = (after != before[:, None]).mean(axis=0)
    confidence = (told.changed.max(axis=-1) - told.plain.max(axis=-1)[:, None]).mean(axis=0)
    rows = (
        _row(change, estimates[0], difference, float(flips[place]), float(confidence[place]))
        for place, (change, difference) in enumerate(zip(changes, estimates[1:], strict=True))
    )
    return estimates[0], tuple(rows)


def family_extremes(
    told: PerturbedPredictions, truth: bootstrap.ClassIndices, changes: Sequence[Perturbation]
) -> tuple[FamilyExtremes, ...]:
    """The accuracy if each track had the worst, and the best, of all changes done to it, and of each family's."""
    right = told.changed.argmax(axis=-1) == truth[:, None]
    plain = told.plain.argmax(axis=-1) == truth
    families = np.array([change.family for change in changes])
    groups = {ALL: families != Shuffle.family}
    groups |= {family: families == family for family in dict.fromkeys(families.tolist())}
    return tuple(
        FamilyExtremes(
            family=family,
            changes=int(members.sum()),
            worst=float((plain & right[:, members].all(axis=1)).mean()),
            best=float((plain | right[:, members].any(axis=1)).mean()),
        )
        for family, members in groups.items()
        if members.any()
    )


def track_rows(
    told: PerturbedPredictions, truth: bootstrap.ClassIndices, changes: Sequence[Perturbation], labels: Sequence[str]
) -> tuple[TrackRow, ...]:
    """For each track, the change that leaves the truth least probable, and the one that leaves it most."""
    counted = [place for place, change in enumerate(changes) if not isinstance(change, Shuffle)]
    if not counted:
        return ()
    names = [changes[place].name for place in counted]
    rows = []
    for item, right, plain, changed in zip(told.items, truth, told.plain, told.changed[:, counted], strict=True):
        own = changed[:, right]
        least, most = (
            TrackExtreme(change=names[at], probability=float(own[at])) for at in (own.argmin(), own.argmax())
        )
        rows.append(
            TrackRow(
                name=item.name,
                truth=item.label,
                told=labels[int(plain.argmax())],
                probability=float(plain[right]),
                wrong=int((changed.argmax(axis=-1) != right).sum()),
                worst=least,
                best=most,
            )
        )
    return tuple(rows)


def rank_by_accuracy(told: PerturbedPredictions, truth: bootstrap.ClassIndices) -> NDArray[np.int64]:
    """Places of the changes from the lowest accuracy to the highest; where it is the same, by the truth's odds."""
    right = (told.changed.argmax(axis=-1) == truth[:, None]).mean(axis=0)
    own = np.take_along_axis(told.changed, truth[:, None, None], axis=-1)[..., 0]
    return np.lexsort((np.log(own + _ROUNDING).mean(axis=0), right))


def found_filter(equaliser: Equaliser, points: Sequence[float]) -> FilterCurve:
    """A filter for the record."""
    return FilterCurve(name=equaliser.name, hz=tuple(points), gains=equaliser.gains)


def _row(
    change: Perturbation, plain: Estimate, difference: Estimate, flips: float, confidence: float
) -> PerturbationRow:
    most = allowed_loss(change)
    return PerturbationRow(
        name=change.name,
        family=change.family,
        words=str(change),
        strength=change.strength,
        accuracy=plain.value + difference.value,
        difference=difference,
        flips=flips,
        confidence=confidence,
        allowed=most,
        passed=None if most is None else difference.value >= -most - _ROUNDING,
    )
