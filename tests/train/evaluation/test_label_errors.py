import pytest

from genrelens.errors import DataError
from genrelens.train.evaluation.label_errors import find_label_errors
from tests.support.training import make_evaluation


def test_what_is_as_sure_as_the_others_of_its_genre_is_doubted() -> None:
    first = make_evaluation({"a": ("jazz", 0.9), "b": ("jazz", 0.8), "c": ("jazz", 0.05), "d": ("rock", 0.2)})
    second = make_evaluation({"e": ("rock", 0.1), "f": ("rock", 0.7), "g": ("rock", 0.5)})
    found = find_label_errors([first, second], 0.3)
    # the means: jazz 0.58; rock 0.63, which g reaches by neither
    assert [(one.path, one.given, one.told) for one in found] == [("c", "jazz", "rock"), ("f", "rock", "jazz")]
    assert found[1].margin == pytest.approx(0.4)
    assert str(found[1]) == " 0.40  rock 0.30, told jazz 0.70  f"
    assert [one.path for one in find_label_errors([first, second], 0.5)] == ["c"]


def test_a_genre_without_tracks_draws_none() -> None:
    assert find_label_errors([make_evaluation({"a": ("rock", 0.9), "b": ("rock", 0.2)})], 0.0) == ()


def test_other_labels_are_refused() -> None:
    with pytest.raises(DataError, match="different labels"):
        find_label_errors(
            [make_evaluation({"a": ("jazz", 0.9)}), make_evaluation({"b": ("jazz", 0.9)}, ("jazz", "pop"))], 0.3
        )
