import json
from pathlib import Path

from typer.testing import CliRunner

from genrelens.cli.main import app
from genrelens.model.card import Calibration, MetricEstimate, MusicDetector
from tests.support.models import make_card, make_mapped_model, make_model


def test_the_list_names_the_bundled_model() -> None:
    result = CliRunner().invoke(app, ["models", "list"])
    assert result.exit_code == 0
    assert "lens" in result.stdout


def test_a_card_in_words_and_as_json(tmp_path: Path) -> None:
    figure = MetricEstimate(
        metric="accuracy", value=0.7, low=0.6, high=0.8, data="GTZAN", split="test", tracks=290, protocol="by track"
    )
    card = make_card(figures=(figure,))
    file = make_model(tmp_path / "m.onnx", card)
    words = CliRunner().invoke(app, ["models", "show", str(file)]).stdout
    assert "Tells low sounds from high ones" in words
    assert "0.700  0.600 - 0.800" in words
    content = json.loads(CliRunner().invoke(app, ["models", "show", str(file), "--json"]).stdout)
    assert content == card.model_dump(mode="json")


def test_a_card_tells_of_calibration_and_of_what_is_no_music(tmp_path: Path) -> None:
    detector = MusicDetector(centre=(0.0, 0.0), axes=(), usual=1.0, limit=2.0)
    calibration = Calibration(tracks=197, log_loss=(0.98, 0.97))
    card = make_card(temperature=0.8, calibration=calibration, detector=detector)
    words = CliRunner().invoke(app, ["models", "show", str(make_mapped_model(tmp_path / "m.onnx", card))]).stdout
    assert "calibrated  temperature 0.80, chosen on 197 tracks: log loss 0.980 to 0.970\n" in words
    assert "unknown     is told of what is no music\n" in words


def test_download_prints_where_the_file_is() -> None:
    result = CliRunner().invoke(app, ["models", "download", "lens"])
    assert result.exit_code == 0
    assert Path(result.stdout.strip()).name == "lens.onnx"
