import csv
import io
import sys
from pathlib import Path

import pyarrow.parquet
import pytest

from genrelens.prediction import Prediction
from tests.support.library import RunLibrary


def test_csv_has_a_row_per_track(library: RunLibrary, tmp_path: Path) -> None:
    table = tmp_path / "out.csv"
    assert library("export", table).stdout == f"2 tracks written to {table}\n"
    rows = list(csv.DictReader(io.StringIO(table.read_text())))
    assert [row["genre"] for row in rows] == ["high", "low"]


def test_json_lines_are_predictions(library: RunLibrary, tmp_path: Path) -> None:
    library("export", tmp_path / "lines", "--format", "jsonl", "--genre", "low")
    (line,) = (tmp_path / "lines").read_text().splitlines()
    assert Prediction.from_json(line).genre == "low"


def test_parquet_includes_the_embeddings(library: RunLibrary, tmp_path: Path) -> None:
    library("export", tmp_path / "out.parquet")
    columns = pyarrow.parquet.read_table(tmp_path / "out.parquet").to_pydict()
    assert columns["genre"] == ["high", "low"]
    assert [len(embedding) for embedding in columns["embedding"]] == [2, 2]
    assert columns["scores"][0][0]["label"] == "high"


def test_an_unsupported_extension_is_refused(library: RunLibrary, tmp_path: Path) -> None:
    assert library("export", tmp_path / "out.txt").exit_code == 2


def test_without_pyarrow_the_extra_is_named_and_nothing_is_written(
    library: RunLibrary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "genrelens.library.catalog.parquet", raising=False)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    refused = library("export", tmp_path / "out.parquet")
    assert "pip install 'genrelens[library]'" in str(refused.exception)
    assert list(tmp_path.iterdir()) == []
