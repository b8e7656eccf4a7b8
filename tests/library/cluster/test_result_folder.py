from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from genrelens.errors import RemoteFileError, TooShortError
from genrelens.library.catalog.tracks import FileStamp
from genrelens.library.classify.results import TrackResult, failed_result
from genrelens.library.cluster import result_folder
from genrelens.library.cluster.result_folder import ResultFolder, from_table, run_settings, to_table
from genrelens.prediction import Prediction, Score
from tests.support.models import make_card

SETTINGS = run_settings(make_card(), 3)


def make_result(path: Path | str, embedding: list[float] | None = None) -> TrackResult:
    scores = (Score(label="low", score=0.75), Score(label="high", score=0.25))
    prediction = Prediction(
        path=str(path), genre="low", genres=("low",), confidence=0.75, scores=scores, segments=(), duration=3.0,
        model="tilt", version="1",
    )  # fmt: skip
    return TrackResult(
        path,
        FileStamp(10, 1234567890123456789),
        prediction,
        None if embedding is None else np.array(embedding, np.float32),
    )


def make_failure(path: Path | str) -> TrackResult:
    return failed_result(path, None, TooShortError(f"{path} lasts 0.01 s"))


def test_results_round_trip() -> None:
    results = [make_result(Path("/a/\udcff.mp3")), make_failure("s3://bucket/b.mp3"), make_result("memory://c.mp3")]
    assert from_table(to_table(results, SETTINGS)) == results


def test_embeddings_round_trip_in_half_precision() -> None:
    (result,) = from_table(to_table([make_result("s3://a", [0.1, -2.0, 1000.0])], SETTINGS))
    assert result.embedding is not None
    assert result.embedding.dtype == np.float32
    np.testing.assert_allclose(result.embedding, [0.1, -2.0, 1000.0], rtol=1e-3)


class TestFolder:
    def test_interrupted_run_keeps_the_results(self, tmp_path: Path) -> None:
        def interrupted_run() -> None:
            with ResultFolder(str(tmp_path / "out")) as folder:
                folder.add(to_table([make_result(Path("/a")), make_failure(Path("/b"))], SETTINGS))
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            interrupted_run()
        reopened = ResultFolder(str(tmp_path / "out"))
        assert reopened.paths(SETTINGS) == {"/a", "/b"}
        assert reopened.paths(SETTINGS, include_failed=False) == {"/a"}
        assert reopened.paths(run_settings(make_card(version="2"), 3)) == set()
        assert reopened.paths(run_settings(make_card(), "all")) == set()

    def test_results_are_written_in_several_files(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(result_folder, "_FILE_ROWS", 4)
        with ResultFolder(str(tmp_path)) as folder:
            for name in "abcde":
                folder.add(to_table([make_result(Path(f"/{name}/{i}")) for i in range(2)], SETTINGS))
        rows = [pq.read_table(file).num_rows for file in sorted(tmp_path.iterdir())]
        assert rows == [4, 4, 2]
        assert len(folder.paths(SETTINGS)) == 10

    def test_folder_can_be_remote(self) -> None:
        with ResultFolder("memory://results") as folder:
            folder.add(to_table([make_result("memory://a.mp3")], SETTINGS))
        (table,) = ResultFolder("memory://results").tables(SETTINGS)
        assert from_table(table) == [make_result("memory://a.mp3")]

    def test_nothing_is_written_without_results(self, tmp_path: Path) -> None:
        with ResultFolder(str(tmp_path / "out")):
            pass
        assert not (tmp_path / "out").exists()

    def test_error_names_the_damaged_file(self, tmp_path: Path) -> None:
        (tmp_path / "a.parquet").write_bytes(b"PAR1")
        with pytest.raises(RemoteFileError, match=r"a\.parquet cannot be read .*; remove it"):
            ResultFolder(str(tmp_path)).paths(SETTINGS)

    def test_error_names_the_folder_that_cannot_be_written(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_bytes(b"")
        folder = ResultFolder(str(tmp_path / "file" / "out"))
        folder.add(to_table([make_result("a://b")], SETTINGS))
        with pytest.raises(RemoteFileError, match="cannot be written"):
            folder.write()
