import pytest

from genrelens.errors import DataError
from genrelens.train.evaluation.label_errors import find_label_errors
from tests.support.training import make_evaluation


def test_label_is_suspect_if_another_genre_reaches_its_mean_probability() -> None:
    first = make_evaluation({"a": ("jazz", 0.9), "b": ("jazz", 0.8), "c": ("jazz", 0.05), "d": ("rock", 0.2)})
    second = make_evaluation({"e": ("rock", 0.1), "f": ("rock", 0.7), "g": ("rock", 0.5)})
    suspects = find_label_errors([first, second], 0.3)
    # The means are 0.58 for jazz and 0.63 for rock; g reaches neither.
    assert [(suspect.path, suspect.given, suspect.predicted) for suspect in suspects] == [
        ("c", "jazz", "rock"),
        ("f", "rock", "jazz"),
    ]
    assert suspects[1].margin == pytest.approx(0.4)
    assert str(suspects[1]) == " 0.40  rock 0.30, predicted jazz 0.70  f"
    assert [suspect.path for suspect in find_label_errors([first, second], 0.5)] == ["c"]


def test_genre_without_tracks_is_never_suspected() -> None:
    assert find_label_errors([make_evaluation({"a": ("rock", 0.9), "b": ("rock", 0.2)})], 0.0) == ()


def test_evaluations_with_different_labels_are_rejected() -> None:
    with pytest.raises(DataError, match="different labels"):
        find_label_errors(
            [make_evaluation({"a": ("jazz", 0.9)}), make_evaluation({"b": ("jazz", 0.9)}, ("jazz", "pop"))], 0.3
        )
