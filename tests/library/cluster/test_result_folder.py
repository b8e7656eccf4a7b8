from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from genrelens.errors import RemoteFileError, TooShortError
from genrelens.library.catalog.tracks import FileStamp
from genrelens.library.classify.results import TrackResult, failed_result
from genrelens.library.cluster import result_folder as module
from genrelens.library.cluster.result_folder import ResultFolder, from_table, run_settings, to_table
from genrelens.prediction import Prediction, Score
from tests.support.models import make_card

ASKED = run_settings(make_card(), 3)


def told(path: Path | str, embedding: list[float] | None = None) -> TrackResult:
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


def broken(path: Path | str) -> TrackResult:
    return failed_result(path, None, TooShortError(f"{path} lasts 0.01 s"))


def test_outcomes_come_back_as_they_were() -> None:
    kept = [told(Path("/a/\udcff.mp3")), broken("s3://bucket/b.mp3"), told("memory://c.mp3")]
    assert from_table(to_table(kept, ASKED)) == kept


def test_embeddings_come_back_in_half_precision() -> None:
    (outcome,) = from_table(to_table([told("s3://a", [0.1, -2.0, 1000.0])], ASKED))
    assert outcome.embedding is not None
    assert outcome.embedding.dtype == np.float32
    np.testing.assert_allclose(outcome.embedding, [0.1, -2.0, 1000.0], rtol=1e-3)


class TestFolder:
    def test_keeps_what_was_added_though_the_run_breaks_off(self, tmp_path: Path) -> None:
        def broken_off() -> None:
            with ResultFolder(str(tmp_path / "out")) as folder:
                folder.add(to_table([told(Path("/a")), broken(Path("/b"))], ASKED))
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            broken_off()
        again = ResultFolder(str(tmp_path / "out"))
        assert again.paths(ASKED) == {"/a", "/b"}
        assert again.paths(ASKED, failed=False) == {"/a"}
        assert again.paths(run_settings(make_card(version="2"), 3)) == set()
        assert again.paths(run_settings(make_card(), "all")) == set()

    def test_is_written_file_by_file(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "_ROWS", 4)
        with ResultFolder(str(tmp_path)) as folder:
            for name in "abcde":
                folder.add(to_table([told(Path(f"/{name}/{i}")) for i in range(2)], ASKED))
        rows = [pq.read_table(file).num_rows for file in sorted(tmp_path.iterdir())]
        assert rows == [4, 4, 2]
        assert len(folder.paths(ASKED)) == 10

    def test_can_lie_at_an_address(self) -> None:
        with ResultFolder("memory://kept/outcomes") as folder:
            folder.add(to_table([told("memory://a.mp3")], ASKED))
        (table,) = ResultFolder("memory://kept/outcomes").tables(ASKED)
        assert from_table(table) == [told("memory://a.mp3")]

    def test_leaves_no_file_if_nothing_was_added(self, tmp_path: Path) -> None:
        with ResultFolder(str(tmp_path / "out")):
            pass
        assert not (tmp_path / "out").exists()

    def test_says_which_file_is_damaged(self, tmp_path: Path) -> None:
        (tmp_path / "a.parquet").write_bytes(b"PAR1")
        with pytest.raises(RemoteFileError, match=r"a\.parquet cannot be read .*; remove it"):
            ResultFolder(str(tmp_path)).paths(ASKED)

    def test_says_where_it_cannot_write(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_bytes(b"")
        folder = ResultFolder(str(tmp_path / "file" / "out"))
        folder.add(to_table([told("a://b")], ASKED))
        with pytest.raises(RemoteFileError, match="cannot be written"):
            folder.write()
