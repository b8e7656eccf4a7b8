import json
from pathlib import Path

from typer.testing import CliRunner

from genrelens.cli.main import app
from genrelens.model.card import Calibration, MetricEstimate, MusicDetector
from tests.support.models import make_card, make_mapped_model, make_model


def test_the_bundled_model_is_listed() -> None:
    result = CliRunner().invoke(app, ["models", "list"])
    assert result.exit_code == 0
    assert "lens" in result.stdout


def test_a_card_is_shown_as_text_or_json(tmp_path: Path) -> None:
    figure = MetricEstimate(
        metric="accuracy", value=0.7, low=0.6, high=0.8, data="GTZAN", split="test", tracks=290, protocol="by track"
    )
    card = make_card(figures=(figure,))
    file = make_model(tmp_path / "m.onnx", card)
    text = CliRunner().invoke(app, ["models", "show", str(file)]).stdout
    assert "Tells low sounds from high ones" in text
    assert "0.700  0.600 - 0.800" in text
    content = json.loads(CliRunner().invoke(app, ["models", "show", str(file), "--json"]).stdout)
    assert content == card.model_dump(mode="json")


def test_a_card_shows_calibration_and_music_detection(tmp_path: Path) -> None:
    detector = MusicDetector(centre=(0.0, 0.0), axes=(), usual=1.0, limit=2.0)
    calibration = Calibration(tracks=197, log_loss=(0.98, 0.97))
    card = make_card(temperature=0.8, calibration=calibration, detector=detector)
    text = CliRunner().invoke(app, ["models", "show", str(make_mapped_model(tmp_path / "m.onnx", card))]).stdout
    assert "calibrated  temperature 0.80, chosen on 197 tracks: log loss 0.980 to 0.970\n" in text
    assert "unknown     is predicted for audio that is not music\n" in text


def test_download_prints_the_path_of_the_model() -> None:
    result = CliRunner().invoke(app, ["models", "download", "lens"])
    assert result.exit_code == 0
    assert Path(result.stdout.strip()).name == "lens.onnx"
