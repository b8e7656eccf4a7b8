from pathlib import Path

import numpy as np
import pytest

from genrelens.errors import DataError
from genrelens.train.data.manifest import LabelledTrack
from genrelens.train.evaluation.evaluate import Predictions, TrackProbabilities, build_evaluation
from genrelens.train.evaluation.exclusions import metrics_without, read_track_list

TRACKS = [LabelledTrack(f"{name}.wav", name, label) for name, label in (("a", "jazz"), ("b", "jazz"), ("c", "rock"))]


def test_track_list_ignores_comments_and_blank_lines(tmp_path: Path) -> None:
    (tmp_path / "list.tsv").write_text("# a remark\na\tbecause\n\n  c\nelsewhere\n")
    assert read_track_list(tmp_path / "list.tsv", {"a", "b", "c"}).names == {"a", "c", "elsewhere"}


def test_unusable_track_lists_are_rejected(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        read_track_list(tmp_path / "missing.txt", {"a"})
    (tmp_path / "other.txt").write_text("z.wav\n")
    with pytest.raises(DataError, match="does not name any track"):
        read_track_list(tmp_path / "other.txt", {"z"})


def test_excluded_tracks_do_not_count() -> None:
    always_jazz = TrackProbabilities.from_windows(np.array([[0.8, 0.2]]))
    predictions = Predictions({track.path: always_jazz for track in TRACKS})
    result = build_evaluation("any", "1", ("jazz", "rock"), TRACKS, predictions)
    rest = metrics_without(result, TRACKS, {"c"})
    assert (rest.tracks, rest.accuracy.value) == (2, 1.0)
    assert metrics_without(result, TRACKS, {"z"}) == result.metrics
    with pytest.raises(DataError, match="excludes every track"):
        metrics_without(result, TRACKS, {"a", "b", "c"})
