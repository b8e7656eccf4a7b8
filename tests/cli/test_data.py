"""`genrelens data duplicates` and `genrelens data suspects`, as a user sees them."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from genrelens.cli.main import app
from genrelens.files import write_text
from tests.support.training import make_evaluation


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["data", *map(str, arguments)])


@pytest.fixture
def array(tmp_path: Path) -> str:
    """As GTZAN's array, the first track of train there again as one of valid."""
    array = np.random.default_rng(0).integers(60, 255, (51, 128, 344), np.uint8)
    array[0] = array[12]
    np.save(tmp_path / "mels.npy", array)
    lines = [f"{tmp_path}/mels.npy#{row},x,{side}\n" for row, side in ((0, "valid"), (12, "train"), (50, "train"))]
    (tmp_path / "set.csv").write_text("path,label,split\n" + "".join(lines))
    return str(tmp_path / "set.csv")


def test_duplicates(array: str) -> None:
    told = run("duplicates", array, "-t", "1")
    assert told.exit_code == 1
    assert "3 tracks, 1 pairs that share audio, 1 in different splits" in told.stdout
    (row,) = map(json.loads, run("duplicates", array, "-t", "1", "--json").stdout.splitlines())
    assert (row["first"]["side"], row["second"]["side"], row["offset"]) == ("valid", "train", 0.0)
    (cells,) = csv.DictReader(io.StringIO(run("duplicates", array, "-t", "1", "--csv").stdout))
    assert cells["first.side"] == "valid"
    assert float(cells["overlap"]) == pytest.approx(30, abs=0.1)
    assert run("duplicates", array, "--json", "--csv").exit_code == 2


def test_suspects(tmp_path: Path) -> None:
    result = make_evaluation({"a": ("jazz", 0.9), "b": ("jazz", 0.1), "c": ("rock", 0.2)})
    write_text(tmp_path / "valid.json", result.model_dump_json())
    told = run("suspects", tmp_path / "valid.json")
    assert (told.exit_code, told.stdout) == (1, " 0.80  jazz 0.10, told rock 0.90  b\n")
    assert run("suspects", tmp_path / "valid.json", "--csv").stdout.startswith(
        "path,given,told,probability,confidence\n"
    )
    clean = run("suspects", tmp_path / "valid.json", "--margin", "0.9")
    assert (clean.exit_code, clean.stdout) == (0, "nothing found\n")


def test_check_reports_tracks_that_are_too_short(genres: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["data", "check", str(genres)])
    assert result.exit_code == 1  # three seconds are too short to learn from
    assert "24 tracks in 2 genres" in result.stdout
    assert "too short: 24" in result.stdout
