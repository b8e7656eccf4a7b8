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


def test_the_table_lists_the_strongest_moments(run: Callable[..., Result], track: Path) -> None:
    result = run("--genre", "high")
    assert result.exit_code == 0
    prediction, _, heading, first, *others = result.stdout.splitlines()
    assert re.fullmatch(rf"Low  \d+ %  {re.escape(str(track))}", prediction)
    assert heading == "strongest evidence for High (cam)"
    start, end, evidence = re.fullmatch(r" +([\d.]+) - +([\d.]+) s +([+-][\d.]+) logits", first).groups()  # type: ignore[union-attr]
    assert float(start) == pytest.approx(3, abs=0.15)
    assert float(end) == pytest.approx(6, abs=0.15)
    assert float(evidence) > 0.1
    assert others == []


def test_the_predicted_genre_is_explained_by_default(run: Callable[..., Result]) -> None:
    assert _explanations(run()) == [("Low", "cam")]


def test_given_genres_are_explained_once_each(run: Callable[..., Result]) -> None:
    result = run("--genre", "low", "--genre", "high", "--genre", "low", "--method", "occlusion")
    assert _explanations(result) == [("Low", "occlusion"), ("High", "occlusion")]


def _explanations(result: Result) -> list[tuple[str, str]]:
    """Return the genre and the method of each explanation in a table."""
    return re.findall(r"^strongest evidence for (\w+) \((\w+)\)$", result.stdout, re.M)


@pytest.mark.parametrize(("options", "expected"), [((), ["low", "high"]), (("--genre", "high"), ["high"])])
def test_json_has_all_genres_or_the_given_ones(
    run: Callable[..., Result], tmp_path: Path, options: tuple[str, ...], expected: list[str]
) -> None:
    file = tmp_path / "new folder" / "out.json"
    result = run("-o", file, *options)
    assert (result.exit_code, result.stdout) == (0, "")
    assert str(file) in result.stderr
    explained = TrackExplanation.from_json(file.read_text())
    assert [explanation.genre for explanation in explained.explanations] == expected
    assert explained.prediction.genre == "low"


def test_the_heatmap_grows_with_the_number_of_genres(run: Callable[..., Result], tmp_path: Path) -> None:
    file = tmp_path / "out.PNG"
    assert run("-o", file).exit_code == 0
    default = read_picture(file)
    assert run("-o", file, "--genre", "low", "--genre", "high").exit_code == 0
    assert read_picture(file).shape[0] > default.shape[0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("-o", "out.txt"), "neither a .png nor a .json"),
        (("--genre", "polka"), "polka"),
        (("--method", "magic"), "magic"),
    ],
)
def test_an_invalid_value_is_refused(run: Callable[..., Result], arguments: tuple[str, ...], message: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert message in result.stderr


def test_errors_are_left_to_the_entry_point(run: Callable[..., Result], track: Path, tmp_path: Path) -> None:
    bare = make_model(tmp_path / "bare.onnx")
    assert isinstance(run("--model", bare, "--method", "cam").exception, ModelError)
    track.unlink()
    assert isinstance(run().exception, AudioNotFoundError)


def test_silence_has_no_evidence(run: Callable[..., Result], track: Path) -> None:
    encode_with_event(track, 0, 0, seconds=2)
    assert run("--genre", "high").stdout.endswith("strongest evidence for High (cam)\n    none\n")
