import re
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from genrelens.cli.explain import explain
from genrelens.errors import AudioNotFoundError, ModelError
from genrelens.explain.explanation import TrackExplanation
from genrelens.features.pictures import read_picture
from tests.support.audio import encode_with_event
from tests.support.models import make_card, make_model, make_traceable_model

app = typer.Typer()
app.command()(explain)


@pytest.fixture
def track(tmp_path: Path) -> Path:
    return encode_with_event(tmp_path / "planted.wav", 3, 6, seconds=8)


@pytest.fixture
def run(tmp_path: Path, track: Path) -> Callable[..., Result]:
    model = make_traceable_model(tmp_path / "model.onnx", make_card())

    def run(*arguments: object) -> Result:
        return CliRunner().invoke(app, [str(track), "--model", str(model), *map(str, arguments)])

    return run


def test_a_table_of_the_strongest_moments(run: Callable[..., Result], track: Path) -> None:
    result = run("--genre", "high")
    assert result.exit_code == 0
    told, _, heading, first, *others = result.stdout.splitlines()
    assert re.fullmatch(rf"low  \d+ %  {re.escape(str(track))}", told)
    assert heading == "what speaks most for high, by cam"
    start, end, evidence = re.fullmatch(r" +([\d.]+) - +([\d.]+) s +([+-][\d.]+) logits", first).groups()  # type: ignore[union-attr]
    assert float(start) == pytest.approx(3, abs=0.15)
    assert float(end) == pytest.approx(6, abs=0.15)
    assert float(evidence) > 0.1
    assert others == []  # nothing else speaks for it


def test_what_is_told_is_explained_unless_told_otherwise(run: Callable[..., Result]) -> None:
    assert re.findall(r"for (\w+), by (\w+)", run().stdout) == [("low", "cam")]
    asked = run("--genre", "low", "--genre", "high", "--genre", "low", "--method", "occlusion")
    assert re.findall(r"for (\w+), by (\w+)", asked.stdout) == [("low", "occlusion"), ("high", "occlusion")]


def test_json_of_all_genres_or_of_those_asked_for(run: Callable[..., Result], tmp_path: Path) -> None:
    for genres, expected in (((), ["low", "high"]), (("--genre", "high"), ["high"])):
        file = tmp_path / "new folder" / "out.json"
        result = run("-o", file, *genres)
        assert (result.exit_code, result.stdout) == (0, "")
        assert str(file) in result.stderr
        explained = TrackExplanation.from_json(file.read_text())
        assert [one.genre for one in explained.explanations] == expected
        assert explained.prediction.genre == "low"


def test_a_picture(run: Callable[..., Result], tmp_path: Path) -> None:
    file = tmp_path / "out.PNG"
    assert run("-o", file).exit_code == 0
    one = read_picture(file)
    assert run("-o", file, "--genre", "low", "--genre", "high").exit_code == 0
    assert read_picture(file).shape[0] > one.shape[0]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("-o", "out.txt"), "neither a .png nor a .json"),
        (("--genre", "polka"), "polka"),
        (("--method", "magic"), "magic"),
    ],
)
def test_misuse(run: Callable[..., Result], arguments: tuple[str, ...], words: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert words in result.stderr


def test_errors_are_left_to_the_entry(run: Callable[..., Result], track: Path, tmp_path: Path) -> None:
    bare = make_model(tmp_path / "bare.onnx")
    assert isinstance(run("--model", bare, "--method", "cam").exception, ModelError)
    track.unlink()
    assert isinstance(run().exception, AudioNotFoundError)


def test_of_silence_nothing_is_told(run: Callable[..., Result], track: Path) -> None:
    encode_with_event(track, 0, 0, seconds=2)
    silent = run("--genre", "high")
    assert silent.stdout.endswith("what speaks for high, by cam\n    nothing\n")
