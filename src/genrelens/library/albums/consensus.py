"""What the tracks of an album say together, and which of them say otherwise."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from genrelens.model.labels import LEVEL_SEPARATOR, lineage
from genrelens.prediction import UNKNOWN, Prediction, Score

MIN_AGREEMENT = 0.5  # share of an album's tracks that must be told its genre
OUTLIER_MARGIN = 0.3  # of a track's own genre over the album's, in probability, from which on it stands out


@dataclass(frozen=True)
class Consensus:
    """One answer for an album.

    Attributes:
        genres: all that is told, the most probable first, at most as many as of its tracks.
        confidence: the mean probability of the first of `genres`, 0 to 1.
        scores: the mean probability of each label, the highest first.
        agreement: share of the tracks, unknown ones left out, that are told the first of `genres`.
    """

    genres: tuple[str, ...]
    confidence: float
    scores: tuple[Score, ...]
    agreement: float


def consensus(predictions: Sequence[Prediction]) -> Consensus | None:
    """The genre with the highest mean probability, if at least half of the tracks are told it themselves.

    The mean over tracks is more often right than any one of them, and the vote keeps it from naming a genre that
    nobody hears in a mixed album (`benchmarks/albums.py`). Tracks count alike, long or short: of each, the same
    number of windows was heard. Unknown tracks are left out; if they are more than half, the album is unknown too.
    Of a tree, a genre counts as told where a part of it is.
    """
    known = _of_one_model([one for one in predictions if one.genre != UNKNOWN])
    if not known or 2 * len(known) < len(predictions):
        return None
    scores = _mean(known)
    votes = Counter(genre for one in known for genre in with_ancestors(one.genres))
    agreed = [score.label for score in scores if votes[score.label] >= MIN_AGREEMENT * len(known)]
    first = scores[0].label
    if first not in agreed:
        return None
    most = max(len(one.genres) for one in known)
    genres = tuple(agreed[:most]) if most > 1 else (_deepest(first, agreed),)
    confidence = next(score.score for score in scores if score.label == genres[0])
    return Consensus(genres, confidence, scores, votes[genres[0]] / len(known))


def is_outlier(prediction: Prediction, agreed: Consensus) -> bool:
    """Whether a track is told, with a margin, something else than its album."""
    if prediction.genre == UNKNOWN or with_ancestors(prediction.genres) & with_ancestors(agreed.genres):
        return False
    own = {score.label: score.score for score in prediction.scores}
    return own.get(prediction.genre, 0.0) - own.get(agreed.genres[0], 0.0) >= OUTLIER_MARGIN


def with_ancestors(genres: Iterable[str]) -> set[str]:
    """Genres, and what each is part of in a tree."""
    return {step for genre in genres for step in lineage(genre)}


def _of_one_model(predictions: list[Prediction]) -> list[Prediction]:
    """Those of the model that judged most: labels and probabilities of two cannot be averaged."""
    models = Counter((one.model, one.version) for one in predictions)
    most = max(models, key=models.__getitem__, default=None)
    return [one for one in predictions if (one.model, one.version) == most]


def _mean(predictions: Sequence[Prediction]) -> tuple[Score, ...]:
    totals: dict[str, float] = {}
    for one in predictions:
        for score in one.scores:
            totals[score.label] = totals.get(score.label, 0.0) + score.score
    means = (Score(label=label, score=total / len(predictions)) for label, total in totals.items())
    return tuple(sorted(means, key=lambda score: -score.score))


def _deepest(first: str, agreed: list[str]) -> str:
    """The farthest that a tree can be followed below a genre; without a tree, that genre."""
    return max((label for label in agreed if first in lineage(label)), key=lambda label: label.count(LEVEL_SEPARATOR))
