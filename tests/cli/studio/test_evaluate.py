import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from genrelens.cli.main import app
from tests.support.audio import encode, tone
from tests.support.models import make_card, make_model


@pytest.fixture
def data(tmp_path: Path) -> str:
    """Two low and two high tones, one high tone labelled as low."""
    folder = tmp_path / "data"
    for name, hz, label in (("a", 100, "low"), ("b", 6_000, "low"), ("c", 6_000, "high"), ("d", 7_000, "high")):
        (folder / label).mkdir(parents=True, exist_ok=True)
        encode(folder / label / f"{name}.wav", tone(hz, 2), codec="pcm_s16le")
    return str(folder)


def evaluate(model: Path, data: str, *arguments: str | Path) -> list[str]:
    """Return the lines of the output, with single spaces between words."""
    command = ["evaluate", model, "--data", data, "--split", "none", "-t", "1", *arguments]
    result = CliRunner().invoke(app, list(map(str, command)))
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return [" ".join(line.split()) for line in result.stdout.splitlines()]


def test_metrics_by_track_and_by_window(model_file: Path, data: str) -> None:
    lines = evaluate(model_file, data)
    assert "by track by window" in lines
    assert any(re.match(r"accuracy 0\.750 \d\.\d+ - 1\.000 0\.750 ", line) for line in lines)
    assert any(line.startswith("expected calibration error 0.") for line in lines)
    assert any(line.startswith("of a calibrated model 0.") for line in lines)
    assert any(re.match(r"accuracy at 80 % coverage 0\.750 \d\.\d+ - 1\.000 0\.\d+ ", line) for line in lines)
    assert any(line.startswith("area under risk-coverage 0.") for line in lines)
    assert "predictions 4 12" in lines
    assert "high 0.667 1.000 0.800 2" in lines
    assert "low 1 1" in lines


def test_comparison_with_a_model_and_with_a_saved_evaluation(model_file: Path, data: str, tmp_path: Path) -> None:
    other = make_model(tmp_path / "other.onnx", make_card(name="other", labels=("high", "low")))  # swapped labels
    saved = tmp_path / "other.json"
    evaluate(other, data, "--out", saved)
    for second in (other, saved):
        lines = evaluate(model_file, data, "--compare", second)
        assert "4 tracks, classified by both" in lines
        assert f"first 0.750 0.733 {model_file}" in lines
        assert f"second 0.250 0.200 {second}" in lines
        assert "correct in one model only: 3 in the first, 1 in the second; McNemar's exact test p = 0.625" in lines


def test_label_map_excludes_labels(model_file: Path, data: str, tmp_path: Path) -> None:
    labels = tmp_path / "map.toml"
    labels.write_text('[data]\nhigh = ""\n')
    assert "predictions 2 6" in evaluate(model_file, data, "--labels", labels)


def test_evaluation_without_listed_tracks(model_file: Path, data: str, tmp_path: Path) -> None:
    (tmp_path / "odd.txt").write_text("b\n")
    lines = evaluate(model_file, data, "--without", tmp_path / "odd.txt")
    assert any(line.startswith("4 0.750") and line.endswith("all") for line in lines)
    assert any(line.startswith("3 1.000") and line.endswith(f"without {tmp_path / 'odd.txt'}") for line in lines)


def test_unreadable_tracks_are_skipped_and_fail_the_command(genres: Path, model_file: Path, tmp_path: Path) -> None:
    track = next((genres / "low").iterdir())
    (tmp_path / "set.csv").write_text(f"path,label,split\n{track},low,test\nmissing.wav,high,test\n")
    result = CliRunner().invoke(app, ["evaluate", str(model_file), "--data", str(tmp_path / "set.csv")])
    assert result.exit_code == 1
    assert re.search(r"skipped: \S*missing\.wav does not exist", result.stderr)
