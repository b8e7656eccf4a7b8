"""`genrelens evaluate` and `genrelens report`, where they are more than what they call."""

import re
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from genrelens.cli.evaluate import evaluate
from genrelens.cli.main import main
from genrelens.cli.report import report
from tests.support.audio import encode, tone
from tests.support.models import make_card, make_model
from tests.support.recipes import make_recipe

app = typer.Typer()
app.command("evaluate")(evaluate)
app.command("report")(report)


@pytest.fixture
def data(tmp_path: Path) -> str:
    """Two low tracks and two high ones, one of them called low."""
    folder = tmp_path / "data"
    for name, hz, label in (("a", 100, "low"), ("b", 6_000, "low"), ("c", 6_000, "high"), ("d", 7_000, "high")):
        (folder / label).mkdir(parents=True, exist_ok=True)
        encode(folder / label / f"{name}.wav", tone(hz, 2), codec="pcm_s16le")
    return str(folder)


def run(*arguments: str | Path) -> str:
    result = CliRunner().invoke(app, [*map(str, arguments), *(("-t", "1") if arguments[0] == "evaluate" else ())])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


def lines(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines()]


def test_measures_by_track_and_by_window(model_file: Path, data: str) -> None:
    told = lines(run("evaluate", model_file, "--data", data, "--split", "none"))
    assert "by track by window" in told
    assert any(re.match(r"accuracy 0\.750 \d\.\d+ - 1\.000 0\.750 ", line) for line in told)
    assert any(line.startswith("expected calibration error 0.") for line in told)
    assert any(line.startswith("of a perfect model 0.") for line in told)
    assert any(re.match(r"accuracy at 80 % coverage 0\.750 \d\.\d+ - 1\.000 0\.\d+ ", line) for line in told)
    assert any(line.startswith("area under risk-coverage 0.") for line in told)
    assert "answers 4 12" in told
    assert "high 0.667 1.000 0.800 2" in told
    assert "low 1 1" in told


def test_two_models_are_compared(model_file: Path, data: str, tmp_path: Path) -> None:
    other = make_model(tmp_path / "other.onnx", make_card(name="other", labels=("high", "low")))  # always wrong
    common = ["--data", data, "--split", "none"]
    kept = tmp_path / "other.json"
    run("evaluate", other, *common, "--out", kept)
    for compared in (other, kept):
        told = lines(run("evaluate", model_file, *common, "--compare", compared))
        assert "4 tracks, answered by both" in told
        assert f"first 0.750 0.733 {model_file}" in told
        assert f"second 0.250 0.200 {compared}" in told
        assert "right by one alone: 3 by the first, 1 by the second; McNemar's exact test p = 0.625" in told


def test_a_label_map(model_file: Path, data: str, tmp_path: Path) -> None:
    labels = tmp_path / "map.toml"
    labels.write_text('[data]\nhigh = ""\n')
    assert "answers 2 6" in lines(run("evaluate", model_file, "--data", data, "--split", "none", "--labels", labels))


def test_without_tracks(model_file: Path, data: str, tmp_path: Path) -> None:
    (tmp_path / "odd.txt").write_text("b\n")
    told = lines(run("evaluate", model_file, "--data", data, "--split", "none", "--without", tmp_path / "odd.txt"))
    assert any(line.startswith("4 0.750") and line.endswith("all") for line in told)
    assert any(line.startswith("3 1.000") and line.endswith(f"without {tmp_path / 'odd.txt'}") for line in told)


def test_report_names_the_page(tmp_path: Path) -> None:
    (tmp_path / "recipe.json").write_text(make_recipe().model_dump_json())
    assert run("report", tmp_path) == f"{tmp_path / 'report' / 'index.html'}\n"


def test_report_of_what_is_no_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["genrelens", "report", str(tmp_path)])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert "is not a run directory" in str(stopped.value.code)


def test_tracks_that_cannot_be_read_are_reported(genres: Path, model_file: Path, tmp_path: Path) -> None:
    track = next((genres / "low").iterdir())
    (tmp_path / "set.csv").write_text(f"path,label,split\n{track},low,test\nmissing.wav,high,test\n")
    result = CliRunner().invoke(app, ["evaluate", str(model_file), "--data", str(tmp_path / "set.csv")])
    assert result.exit_code == 1
    assert "missing.wav does not exist" in result.stderr
