import json
from pathlib import Path

from typer.testing import CliRunner

from genrelens.card import Figure
from genrelens.cli.main import app
from tests.conftest import make_card, make_model


def test_the_list_names_the_bundled_model() -> None:
    result = CliRunner().invoke(app, ["models", "list"])
    assert result.exit_code == 0
    assert "lens" in result.stdout


def test_a_card_in_words_and_as_json(tmp_path: Path) -> None:
    figure = Figure(
        metric="accuracy", value=0.7, low=0.6, high=0.8, data="GTZAN", split="test", tracks=290, protocol="by track"
    )
    card = make_card(figures=(figure,))
    file = make_model(tmp_path / "m.onnx", card)
    words = CliRunner().invoke(app, ["models", "show", str(file)]).stdout
    assert "Tells low sounds from high ones" in words
    assert "0.700  0.600 - 0.800" in words
    content = json.loads(CliRunner().invoke(app, ["models", "show", str(file), "--json"]).stdout)
    assert content == card.model_dump(mode="json")


def test_download_prints_where_the_file_is() -> None:
    result = CliRunner().invoke(app, ["models", "download", "lens"])
    assert result.exit_code == 0
    assert Path(result.stdout.strip()).name == "lens.onnx"
