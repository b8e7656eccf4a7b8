"""`train`, `evaluate` and `data check`, from the command line."""

import builtins
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from genrelens.cli.main import app, main
from tests.support.recipes import make_toml


def test_train_then_evaluate_then_predict(genres: Path, tmp_path: Path) -> None:
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
    assert re.search(r"^answers +24 ", result.stdout, re.M)
    result = CliRunner().invoke(app, ["predict", "--model", model, "--json", str(genres / "low")])
    assert len(result.stdout.splitlines()) == 12


def test_evaluate_tells_what_it_could_not_read(genres: Path, model_file: Path, tmp_path: Path) -> None:
    track = next((genres / "low").iterdir())
    (tmp_path / "set.csv").write_text(f"path,label,split\n{track},low,test\nmissing.wav,high,test\n")
    result = CliRunner().invoke(app, ["evaluate", str(model_file), "--data", str(tmp_path / "set.csv")])
    assert result.exit_code == 1
    assert "missing.wav does not exist" in result.stderr


def test_data_check(genres: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["data", "check", str(genres)])
    assert result.exit_code == 1  # three seconds are too short to learn from
    assert "24 tracks in 2 genres" in result.stdout
    assert "too short: 24" in result.stdout


def test_without_the_extra_a_command_says_what_to_install(
    genres: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = builtins.__import__

    def absent(name: str, *rest: Any) -> Any:
        if name.startswith("sklearn"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", absent)
    for module in [name for name in sys.modules if name.startswith("genrelens.train")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setattr(sys, "argv", ["genrelens", "data", "check", str(genres)])
    with pytest.raises(SystemExit) as stopped:
        main()
    message = str(stopped.value.code)
    assert message.startswith("genrelens: this needs sklearn")
    assert "pip install 'genrelens[train]'" in message
