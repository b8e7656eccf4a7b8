import pytest
from hypothesis import given
from hypothesis import strategies as st

from genrelens.library.albums.consensus import Consensus, consensus, is_outlier
from genrelens.prediction import UNKNOWN, Prediction, Score

LABELS = ("jazz", "metal", "rock")


def said(genre: str | tuple[str, ...] = "", model: str = "m", /, **probabilities: float) -> Prediction:
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


def test_the_mean_decides_where_the_tracks_are_split() -> None:
    sure, unsure = said(rock=0.9, metal=0.1), said(rock=0.45, metal=0.55)
    assert consensus([sure, unsure]) == Consensus(
        ("rock",), 0.675, (Score(label="rock", score=0.675), Score(label="metal", score=0.325)), 0.5
    )


def test_tracks_of_many_genres_agree_on_none() -> None:
    mixed = [said(jazz=0.8, rock=0.2), said(rock=0.6, metal=0.4), said(metal=0.6, rock=0.4), said(rock=0.1, jazz=0.9)]
    assert consensus(mixed) is not None  # half of them are jazz
    assert consensus([*mixed, said(rock=0.6, metal=0.4)]) is None


def test_the_genre_must_be_told_of_the_tracks_themselves() -> None:
    """The mean of jazz and metal is rock, which nobody hears."""
    assert consensus([said(jazz=0.55, rock=0.45), said(metal=0.55, rock=0.45)]) is None


def test_unknown_tracks_are_left_out_until_they_are_most() -> None:
    rock, speech = said(rock=0.9, metal=0.1), said(UNKNOWN, metal=0.9, rock=0.1)
    agreed = consensus([rock, speech])
    assert agreed is not None
    assert (agreed.genres, agreed.confidence, agreed.agreement) == (("rock",), 0.9, 1.0)
    assert consensus([rock, speech, speech]) is None
    assert consensus([speech]) is None
    assert consensus([]) is None


def test_several_genres_are_told_if_the_tracks_are_told_several() -> None:
    both, one = said(("rock", "jazz"), rock=0.9, jazz=0.8), said(("rock",), rock=0.9, jazz=0.1, metal=0.2)
    assert getattr(consensus([both, one]), "genres", ()) == ("rock", "jazz")
    assert getattr(consensus([both, one, one]), "genres", ()) == ("rock",)


def test_a_tree_is_followed_as_far_as_the_tracks_agree() -> None:
    metal = said("Rock---Metal", Rock=0.9, Rock__Metal=0.8, Rock__Pop=0.1, Jazz=0.1)
    pop = said("Rock---Pop", Rock=0.9, Rock__Metal=0.2, Rock__Pop=0.7, Jazz=0.1)
    rock = said("Rock", Rock=0.9, Rock__Metal=0.45, Rock__Pop=0.45, Jazz=0.1)
    assert getattr(consensus([metal, metal, pop]), "genres", ()) == ("Rock---Metal",)
    assert getattr(consensus([metal, pop, rock]), "genres", ()) == ("Rock",)


def test_answers_of_two_models_are_not_mixed() -> None:
    agreed = consensus([said(rock=0.9, jazz=0.1), said(rock=0.7, jazz=0.3), said("polka", "other", polka=1.0)])
    assert agreed is not None
    assert agreed.confidence == pytest.approx(0.8)


@given(st.lists(st.lists(st.floats(0.01, 1), min_size=3, max_size=3), min_size=1, max_size=8))
def test_the_order_of_the_tracks_does_not_matter(rows: list[list[float]]) -> None:
    tracks = [said(**dict(zip(LABELS, [value / sum(row) for value in row], strict=True))) for row in rows]
    agreed, turned = consensus(tracks), consensus(tracks[::-1])
    assert (agreed is None) == (turned is None)
    if agreed and turned:
        assert agreed.confidence == pytest.approx(turned.confidence)
        assert sum(track.genre == agreed.genres[0] for track in tracks) * 2 >= len(tracks)
        assert agreed.confidence == pytest.approx(max(score.score for score in agreed.scores))


def test_a_track_stands_out_by_a_margin() -> None:
    rock = Consensus(("rock",), 0.9, (), 1.0)
    assert is_outlier(said(jazz=0.6, rock=0.2), rock)
    assert not is_outlier(said(jazz=0.45, rock=0.4), rock)
    assert not is_outlier(said(rock=0.9, jazz=0.1), rock)
    assert not is_outlier(said(UNKNOWN, jazz=0.9, rock=0.1), rock)


def test_another_part_of_the_same_genre_does_not_stand_out() -> None:
    metal = Consensus(("Rock---Metal",), 0.9, (), 1.0)
    assert not is_outlier(said("Rock---Pop", Rock__Pop=0.9, Rock__Metal=0.1), metal)
    assert is_outlier(said("Jazz", Jazz=0.9, Rock__Metal=0.1), metal)
