import json
import re
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from genrelens.cli.main import app, main
from tests.support.recipes import make_recipe, make_toml


def test_a_trained_model_can_be_evaluated_and_predicts(genres: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    common = ["--data", str(genres), "--threads", "1"]
    cache = ["--cache", str(tmp_path / "cache")]
    recipe = str(make_toml(tmp_path / "small.toml"))
    result = CliRunner().invoke(app, ["train", recipe, *common, *cache, "--run", str(run), "--seed", "3"])
    assert result.exit_code == 0, result.output
    assert "accuracy" in result.stdout
    assert "Training small on" in result.stderr
    model = str(run / "model.onnx")
    assert f"model   {model}" in result.stdout

    out = tmp_path / "test.json"
    arguments = ["evaluate", model, *common, "--split", "stratified", "--seed", "3", "--out", str(out)]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert "95 % interval" in result.stdout
    assert json.loads(out.read_text())["metrics"]["tracks"] == 4

    result = CliRunner().invoke(app, ["evaluate", model, *common, "--split", "none"])
    assert re.search(r"^predictions +24 ", result.stdout, re.M)
    result = CliRunner().invoke(app, ["predict", "--model", model, "--json", str(genres / "low")])
    assert len(result.stdout.splitlines()) == 12


def test_report_prints_the_path_of_the_page(tmp_path: Path) -> None:
    (tmp_path / "recipe.json").write_text(make_recipe().model_dump_json())
    result = CliRunner().invoke(app, ["report", str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert result.stdout == f"{tmp_path / 'report' / 'index.html'}\n"


def test_folder_other_than_a_run_directory_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["genrelens", "report", str(tmp_path)])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert "is not a run directory" in str(stopped.value.code)
