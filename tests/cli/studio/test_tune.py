import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from genrelens.cli.main import app
from genrelens.train.search import tune
from tests.support.recipes import make_toml


def test_a_search_prints_its_trials_and_writes_the_best_recipe(
    genres: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tune, "write_report", lambda *_: None)  # its figures take longer than the trial
    recipe = make_toml(tmp_path / "small.toml")
    with recipe.open("a") as file:
        file.write('\n[tune]\n"train.lr" = { low = 0.001, high = 0.1 }\n')
    arguments = ["tune", str(recipe), "--trials", "1", "--study", str(tmp_path / "study"), "--data", str(genres)]
    arguments += ["--cache", str(tmp_path / "cache"), "--threads", "1", "--accelerator", "cpu"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert "Trial 0: log loss on valid" in result.stderr
    assert "train.lr" in result.stdout
    assert f"best    {tmp_path / 'study' / 'best.toml'}" in result.stdout
    content = tomllib.loads((tmp_path / "study" / "best.toml").read_text())
    assert content["name"] == "small-tuned"
    assert "tune" not in content
