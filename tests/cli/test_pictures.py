"""`genrelens data pictures`, from the command line."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from genrelens.cli.main import app
from genrelens.features.pictures import picture_files, read_picture, remove_border
from tests.support.audio import encode, tone

RECIPE = """
name = "looking"
summary = "A test."
data = { split = "stratified" }
input = { kind = "picture", width = 48, height = 48 }
net = { name = "vgg", channels = [4, 8], dense = [16, 8], dropout = 0.0 }
train = { epochs = 12, batch = 4, lr = 1e-2, keep = "best" }
"""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two genres of a tone each."""
    for genre, hz in (("low", 200), ("high", 4_000)):
        (tmp_path / "data" / genre).mkdir(parents=True)
        encode(tmp_path / "data" / genre / "tone.wav", tone(hz, 2), codec="pcm_s16le")
    return tmp_path / "data"


def draw(data: Path, *options: str) -> Result:
    return CliRunner().invoke(app, ["data", "pictures", str(data), str(data.parent / "out"), "-t", "1", *options])


def test_pictures_are_drawn_once(data: Path) -> None:
    result = draw(data)
    assert result.exit_code == 0, result.output
    assert result.stdout == "2 pictures drawn, 0 there already, 0 failed\n"
    files = picture_files(data.parent / "out")
    assert [str(file.relative_to(data.parent / "out")) for file in files] == ["high/tone.png", "low/tone.png"]
    assert all(read_picture(file).shape == (288, 432, 3) for file in files)
    files[0].write_text("mine")
    assert draw(data).stdout == "0 pictures drawn, 2 there already, 0 failed\n"
    assert files[0].read_text() == "mine"
    assert draw(data, "--overwrite").stdout == "2 pictures drawn, 0 there already, 0 failed\n"
    assert read_picture(files[0]).shape == (288, 432, 3)


def test_axes_and_size(data: Path) -> None:
    assert draw(data, "--axes", "--size", "500x300").exit_code == 0
    picture = read_picture(data.parent / "out" / "low" / "tone.png")
    assert picture.shape == (300, 500, 3)
    height, width, _ = remove_border(picture).shape
    assert 150 < height < 290
    assert 250 < width < 450


def test_bad_files_are_named_and_passed_by(data: Path) -> None:
    (data / "low" / "bad.wav").write_text("no audio")
    result = draw(data)
    assert result.exit_code == 1
    assert "bad.wav is not audio" in result.stderr
    assert result.stdout == "2 pictures drawn, 0 there already, 1 failed\n"


@pytest.mark.parametrize("options", [["--size", "big"], ["--size", "31x40"], ["--size", "5000x40"], ["--size", "432x"]])
def test_sizes_that_are_none(data: Path, options: list[str]) -> None:
    result = draw(data, *options)
    assert result.exit_code == 2
    assert "is not a size from 32x32 to" in result.stderr
    assert not (data.parent / "out").exists()


def test_axes_need_room(data: Path) -> None:
    assert "is not a size from 240x160" in draw(data, "--axes", "--size", "100x100").stderr


def test_pictures_are_learnt_from_and_told(genres: Path, tmp_path: Path) -> None:
    def run(*arguments: str) -> Result:
        return CliRunner().invoke(app, [*arguments, "-t", "1"])

    pictures, folder = tmp_path / "pictures", tmp_path / "run"
    assert run("data", "pictures", str(genres), str(pictures), "--size", "300x200", "--axes").exit_code == 0
    (pictures / "low" / "broken.png").write_text("no picture")
    (tmp_path / "looking.toml").write_text(RECIPE)
    result = run("train", str(tmp_path / "looking.toml"), "--data", str(pictures), "--run", str(folder))
    assert result.exit_code == 0, result.output
    assert "broken.png is not a picture in PNG or JPEG format" in result.stderr
    assert (folder / "report" / "index.html").is_file()
    (pictures / "low" / "broken.png").unlink()
    model = str(folder / "model.onnx")
    files = [str(pictures / genre / "1.png") for genre in ("low", "high")]
    told = run("predict", "--model", model, *files).stdout.splitlines()
    assert [line.split()[0] for line in told] == ["low", "high"]
    measured = run("evaluate", model, "--data", str(pictures), "--split", "stratified")
    assert measured.exit_code == 0, measured.output
    refused = run("predict", "--model", model, str(genres / "low" / "1.wav"))
    assert refused.exit_code == 1
    assert "1.wav is not a picture" in refused.stderr
