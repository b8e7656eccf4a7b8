import json
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from genrelens.cli.main import app, main
from tests.support.audio import encode, tone


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A low and a high tone."""
    for hz, label in ((100, "low"), (6_000, "high")):
        (tmp_path / "data" / label).mkdir(parents=True)
        encode(tmp_path / "data" / label / f"{hz}.wav", tone(hz, 2), codec="pcm_s16le")
    return tmp_path / "data"


def run(model: Path, data: Path, *arguments: str | Path) -> Result:
    common = [model, "--data", data, "--split", "none", "-p", "1"]
    return CliRunner().invoke(app, ["stress", *map(str, [*common, *arguments])])


def test_table_and_report(model_file: Path, data: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "stress"
    result = run(model_file, data, "--only", "polarity", "--only", "gain:-20", "-o", out)
    assert result.exit_code == 0, result.output
    assert "tilt 1 on 2 unperturbed tracks: accuracy 1.000" in result.stdout
    assert result.stdout.endswith("2 of 2 targets are met.\n")
    assert f"report  {out / 'index.html'}" in result.stderr
    assert (out / "index.html").is_file()


def test_json_is_the_whole_report(model_file: Path, data: Path) -> None:
    result = run(model_file, data, "--only", "noise:20", "--json", "--seed", "3")
    report = json.loads(result.stdout)
    assert (report["tested"], report["seed"], report["rows"][0]["name"]) == (2, 3, "noise:20")


def test_unknown_perturbation_suggests_the_closest_one(model_file: Path, data: Path) -> None:
    result = run(model_file, data, "--only", "tempo+4")
    assert result.exit_code == 2
    assert "'tempo:+4'" in result.stderr


def test_unreadable_track_is_named_and_the_rest_is_tested(model_file: Path, data: Path) -> None:
    (data / "low" / "broken.wav").write_bytes(b"no audio")
    result = run(model_file, data, "--only", "polarity")
    assert result.exit_code == 1
    assert "skipped: " in result.stderr
    assert "broken.wav" in result.stderr
    assert "on 2 unperturbed tracks" in result.stdout


def test_missing_model_is_an_error(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["genrelens", "stress", "nothing.onnx", "--data", str(data)])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert "nothing.onnx does not exist" in str(stopped.value.code)
