from pathlib import Path

import numpy as np
import pytest

from genrelens.errors import DataError
from genrelens.train.data.manifest import LabelledTrack
from genrelens.train.evaluation.evaluate import TrackProbabilities, build_evaluation
from genrelens.train.evaluation.exclusions import evaluate_without, read_track_names

ITEMS = [LabelledTrack(f"{name}.wav", name, label) for name, label in (("a", "jazz"), ("b", "jazz"), ("c", "rock"))]


def test_names_with_remarks(tmp_path: Path) -> None:
    (tmp_path / "list.tsv").write_text("# a remark\na\tbecause\n\n  c\nelsewhere\n")
    assert read_track_names(tmp_path / "list.tsv", {"a", "b", "c"}).names == {"a", "c", "elsewhere"}


def test_lists_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        read_track_names(tmp_path / "missing.txt", {"a"})
    (tmp_path / "other.txt").write_text("z.wav\n")
    with pytest.raises(DataError, match="names no track"):
        read_track_names(tmp_path / "other.txt", {"z"})


def test_the_rest_is_measured() -> None:
    judged = {item.path: TrackProbabilities.of(np.array([[0.8, 0.2]])) for item in ITEMS}  # all are told as jazz
    result = build_evaluation("any", "1", ("jazz", "rock"), ITEMS, judged)
    rest = evaluate_without(result, ITEMS, {"c"})
    assert (rest.tracks, rest.accuracy.value) == (2, 1.0)
    assert evaluate_without(result, ITEMS, {"z"}) == result.metrics
    with pytest.raises(DataError, match="no track is left"):
        evaluate_without(result, ITEMS, {"a", "b", "c"})
