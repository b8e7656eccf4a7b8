import numpy as np
import pytest

from genrelens.errors import DataError
from genrelens.train.data.manifest import Item
from genrelens.train.evaluation.evaluate import Evaluation, Judged, evaluation
from genrelens.train.evaluation.suspects import find_suspects


def answers(rows: dict[str, tuple[str, float]], labels: tuple[str, ...] = ("jazz", "rock")) -> Evaluation:
    """An evaluation from the label of each track and the probability of jazz."""
    items = [Item(path, path, label) for path, (label, _) in rows.items()]
    judged = {path: Judged.of(np.array([[jazz, 1 - jazz]])) for path, (_, jazz) in rows.items()}
    return evaluation("any", "1", labels, items, judged)


def test_what_is_as_sure_as_the_others_of_its_genre_is_doubted() -> None:
    first = answers({"a": ("jazz", 0.9), "b": ("jazz", 0.8), "c": ("jazz", 0.05), "d": ("rock", 0.2)})
    second = answers({"e": ("rock", 0.1), "f": ("rock", 0.7), "g": ("rock", 0.5)})
    found = find_suspects([first, second], 0.3)
    # the means: jazz 0.58; rock 0.63, which g reaches by neither
    assert [(one.path, one.given, one.told) for one in found] == [("c", "jazz", "rock"), ("f", "rock", "jazz")]
    assert found[1].margin == pytest.approx(0.4)
    assert str(found[1]) == " 0.40  rock 0.30, told jazz 0.70  f"
    assert [one.path for one in find_suspects([first, second], 0.5)] == ["c"]


def test_a_genre_without_tracks_draws_none() -> None:
    assert find_suspects([answers({"a": ("rock", 0.9), "b": ("rock", 0.2)})], 0.0) == ()


def test_other_labels_are_refused() -> None:
    with pytest.raises(DataError, match="different labels"):
        find_suspects([answers({"a": ("jazz", 0.9)}), answers({"b": ("jazz", 0.9)}, ("jazz", "pop"))], 0.3)
