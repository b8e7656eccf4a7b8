import pytest
from hypothesis import given
from hypothesis import strategies as st

from genrelens.library.albums.consensus import Consensus, consensus, is_outlier
from genrelens.prediction import UNKNOWN, Prediction, Score

LABELS = ("jazz", "metal", "rock")


def predict(genre: str | tuple[str, ...] = "", model: str = "m", /, **probabilities: float) -> Prediction:
    scores = sorted(
        (Score(label=label.replace("__", "---"), score=score) for label, score in probabilities.items()),
        key=lambda score: -score.score,
    )
    genres = (genre,) if isinstance(genre, str) and genre else genre or (scores[0].label,)
    return Prediction(
        path="a.mp3",
        genre=genres[0],
        genres=genres,
        confidence=scores[0].score,
        scores=tuple(scores),
        segments=(),
        duration=1.0,
        model=model,
        version="1",
    )


def test_mean_decides_if_votes_are_tied() -> None:
    sure, unsure = predict(rock=0.9, metal=0.1), predict(rock=0.45, metal=0.55)
    assert consensus([sure, unsure]) == Consensus(
        ("rock",), 0.675, (Score(label="rock", score=0.675), Score(label="metal", score=0.325)), 0.5
    )


def test_mixed_album_has_no_consensus() -> None:
    mixed = [
        predict(jazz=0.8, rock=0.2),
        predict(rock=0.6, metal=0.4),
        predict(metal=0.6, rock=0.4),
        predict(rock=0.1, jazz=0.9),
    ]
    assert consensus(mixed) is not None  # half of the tracks are jazz
    assert consensus([*mixed, predict(rock=0.6, metal=0.4)]) is None


def test_consensus_must_be_the_genre_of_some_tracks() -> None:
    """The mean of jazz and metal is rock, which neither track is."""
    assert consensus([predict(jazz=0.55, rock=0.45), predict(metal=0.55, rock=0.45)]) is None


def test_unknown_tracks_are_excluded_unless_they_are_the_majority() -> None:
    rock, speech = predict(rock=0.9, metal=0.1), predict(UNKNOWN, metal=0.9, rock=0.1)
    agreed = consensus([rock, speech])
    assert agreed is not None
    assert (agreed.genres, agreed.confidence, agreed.agreement) == (("rock",), 0.9, 1.0)
    assert consensus([rock, speech, speech]) is None
    assert consensus([speech]) is None
    assert consensus([]) is None


def test_multilabel_albums_have_several_genres() -> None:
    two, one = predict(("rock", "jazz"), rock=0.9, jazz=0.8), predict(("rock",), rock=0.9, jazz=0.1, metal=0.2)
    assert getattr(consensus([two, one]), "genres", ()) == ("rock", "jazz")
    assert getattr(consensus([two, one, one]), "genres", ()) == ("rock",)


def test_tree_is_followed_as_deep_as_the_tracks_agree() -> None:
    metal = predict("Rock---Metal", Rock=0.9, Rock__Metal=0.8, Rock__Pop=0.1, Jazz=0.1)
    pop = predict("Rock---Pop", Rock=0.9, Rock__Metal=0.2, Rock__Pop=0.7, Jazz=0.1)
    rock = predict("Rock", Rock=0.9, Rock__Metal=0.45, Rock__Pop=0.45, Jazz=0.1)
    assert getattr(consensus([metal, metal, pop]), "genres", ()) == ("Rock---Metal",)
    assert getattr(consensus([metal, pop, rock]), "genres", ()) == ("Rock",)


def test_predictions_of_two_models_are_not_mixed() -> None:
    agreed = consensus([predict(rock=0.9, jazz=0.1), predict(rock=0.7, jazz=0.3), predict("polka", "other", polka=1.0)])
    assert agreed is not None
    assert agreed.confidence == pytest.approx(0.8)


@given(st.lists(st.lists(st.floats(0.01, 1), min_size=3, max_size=3), min_size=1, max_size=8))
def test_order_of_the_tracks_does_not_matter(rows: list[list[float]]) -> None:
    tracks = [predict(**dict(zip(LABELS, [value / sum(row) for value in row], strict=True))) for row in rows]
    agreed, reversed_order = consensus(tracks), consensus(tracks[::-1])
    assert (agreed is None) == (reversed_order is None)
    if agreed and reversed_order:
        assert agreed.confidence == pytest.approx(reversed_order.confidence)
        assert sum(track.genre == agreed.genres[0] for track in tracks) * 2 >= len(tracks)
        assert agreed.confidence == pytest.approx(max(score.score for score in agreed.scores))


def test_outlier_exceeds_the_margin() -> None:
    rock = Consensus(("rock",), 0.9, (), 1.0)
    assert is_outlier(predict(jazz=0.6, rock=0.2), rock)
    assert not is_outlier(predict(jazz=0.45, rock=0.4), rock)
    assert not is_outlier(predict(rock=0.9, jazz=0.1), rock)
    assert not is_outlier(predict(UNKNOWN, jazz=0.9, rock=0.1), rock)


def test_sibling_genre_is_not_an_outlier() -> None:
    metal = Consensus(("Rock---Metal",), 0.9, (), 1.0)
    assert not is_outlier(predict("Rock---Pop", Rock__Pop=0.9, Rock__Metal=0.1), metal)
    assert is_outlier(predict("Jazz", Jazz=0.9, Rock__Metal=0.1), metal)
