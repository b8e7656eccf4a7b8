import pytest
import typer

from genrelens.cli.studio.options import parse_settings


def test_settings_are_parsed_as_toml_or_else_kept_as_strings() -> None:
    settings = ["train.lr=1e-3", "net.widths=[1, 2]", "data.split=fault-filtered", "net.weights=", "a.b=true"]
    assert parse_settings(settings) == {
        "train.lr": 1e-3,
        "net.widths": [1, 2],
        "data.split": "fault-filtered",
        "net.weights": "",
        "a.b": True,
    }
    with pytest.raises(typer.BadParameter, match=r"'train\.lr' has no =; write KEY=VALUE"):
        parse_settings(["train.lr"])
