import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from genrelens.cli.main import app
from genrelens.features.pictures import picture_files, read_picture, remove_border
from genrelens.files import write_text
from tests.support.audio import encode, tone
from tests.support.training import make_evaluation

PICTURE_RECIPE = """
name = "pictures"
summary = "A test."
data = { split = "stratified" }
input = { kind = "picture", width = 48, height = 48 }
net = { name = "vgg", channels = [4, 8], dense = [16, 8], dropout = 0.0 }
train = { epochs = 12, batch = 4, lr = 1e-2, keep = "best" }
"""


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["data", *map(str, arguments)])


@pytest.fixture
def array(tmp_path: Path) -> str:
    """An array like GTZAN's, with a training track repeated in the validation split."""
    array = np.random.default_rng(0).integers(60, 255, (51, 128, 344), np.uint8)
    array[0] = array[12]
    np.save(tmp_path / "mels.npy", array)
    lines = [f"{tmp_path}/mels.npy#{row},x,{split}\n" for row, split in ((0, "valid"), (12, "train"), (50, "train"))]
    (tmp_path / "set.csv").write_text("path,label,split\n" + "".join(lines))
    return str(tmp_path / "set.csv")


@pytest.fixture
def tones(tmp_path: Path) -> Path:
    """Two genres of one tone each."""
    for genre, hz in (("low", 200), ("high", 4_000)):
        (tmp_path / "data" / genre).mkdir(parents=True)
        encode(tmp_path / "data" / genre / "tone.wav", tone(hz, 2), codec="pcm_s16le")
    return tmp_path / "data"


def draw(data: Path, *options: str) -> Result:
    return run("pictures", data, data.parent / "out", "-t", "1", *options)


def test_check_reports_tracks_that_are_too_short(genres: Path) -> None:
    result = run("check", genres)
    assert result.exit_code == 1  # three seconds are too short for training
    assert "24 tracks in 2 genres" in result.stdout
    assert "too short: 24" in result.stdout


def test_duplicates_are_printed_as_text_json_and_csv(array: str) -> None:
    result = run("duplicates", array, "-t", "1")
    assert result.exit_code == 1
    assert "3 tracks, 1 pairs that share audio, 1 in different splits" in result.stdout
    (row,) = map(json.loads, run("duplicates", array, "-t", "1", "--json").stdout.splitlines())
    assert (row["first"]["side"], row["second"]["side"], row["offset"]) == ("valid", "train", 0.0)
    (cells,) = csv.DictReader(io.StringIO(run("duplicates", array, "-t", "1", "--csv").stdout))
    assert cells["first.side"] == "valid"
    assert float(cells["overlap"]) == pytest.approx(30, abs=0.1)
    assert run("duplicates", array, "--json", "--csv").exit_code == 2


def test_suspects_are_printed_as_text_and_csv(tmp_path: Path) -> None:
    evaluation = make_evaluation({"a": ("jazz", 0.9), "b": ("jazz", 0.1), "c": ("rock", 0.2)})
    write_text(tmp_path / "valid.json", evaluation.model_dump_json())
    result = run("suspects", tmp_path / "valid.json")
    assert (result.exit_code, result.stdout) == (1, " 0.80  jazz 0.10, predicted rock 0.90  b\n")
    assert run("suspects", tmp_path / "valid.json", "--csv").stdout.startswith(
        "path,given,told,probability,confidence\n"
    )
    nothing = run("suspects", tmp_path / "valid.json", "--margin", "0.9")
    assert (nothing.exit_code, nothing.stdout) == (0, "nothing found\n")


def test_existing_pictures_are_skipped_unless_overwritten(tones: Path) -> None:
    result = draw(tones)
    assert result.exit_code == 0, result.output
    assert result.stdout == "2 pictures drawn, 0 already exist, 0 failed\n"
    files = picture_files(tones.parent / "out")
    assert [str(file.relative_to(tones.parent / "out")) for file in files] == ["high/tone.png", "low/tone.png"]
    assert all(read_picture(file).shape == (288, 432, 3) for file in files)
    files[0].write_text("mine")
    assert draw(tones).stdout == "0 pictures drawn, 2 already exist, 0 failed\n"
    assert files[0].read_text() == "mine"
    assert draw(tones, "--overwrite").stdout == "2 pictures drawn, 0 already exist, 0 failed\n"
    assert read_picture(files[0]).shape == (288, 432, 3)


def test_picture_with_axes_and_size(tones: Path) -> None:
    assert draw(tones, "--axes", "--size", "500x300").exit_code == 0
    picture = read_picture(tones.parent / "out" / "low" / "tone.png")
    assert picture.shape == (300, 500, 3)
    height, width, _ = remove_border(picture).shape
    assert 150 < height < 290
    assert 250 < width < 450


def test_unreadable_tracks_are_named_and_skipped(tones: Path) -> None:
    (tones / "low" / "bad.wav").write_text("no audio")
    result = draw(tones)
    assert result.exit_code == 1
    assert "bad.wav is not audio" in result.stderr
    assert result.stdout == "2 pictures drawn, 0 already exist, 1 failed\n"


@pytest.mark.parametrize("options", [["--size", "big"], ["--size", "31x40"], ["--size", "5000x40"], ["--size", "432x"]])
def test_invalid_picture_sizes_are_rejected(tones: Path, options: list[str]) -> None:
    result = draw(tones, *options)
    assert result.exit_code == 2
    assert "is not a size from 32x32 to" in result.stderr
    assert not (tones.parent / "out").exists()


def test_picture_with_axes_needs_a_larger_size(tones: Path) -> None:
    assert "is not a size from 240x160" in draw(tones, "--axes", "--size", "100x100").stderr


def test_model_trained_on_pictures_predicts_pictures(genres: Path, tmp_path: Path) -> None:
    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(app, [*arguments, "-t", "1"])

    pictures, folder = tmp_path / "pictures", tmp_path / "run"
    assert invoke("data", "pictures", str(genres), str(pictures), "--size", "300x200", "--axes").exit_code == 0
    (pictures / "low" / "broken.png").write_text("no picture")
    (tmp_path / "pictures.toml").write_text(PICTURE_RECIPE)
    training = invoke("train", str(tmp_path / "pictures.toml"), "--data", str(pictures), "--run", str(folder))
    assert training.exit_code == 0, training.output
    assert "broken.png is not a picture in PNG or JPEG format" in training.stderr
    assert (folder / "report" / "index.html").is_file()
    (pictures / "low" / "broken.png").unlink()
    model = str(folder / "model.onnx")
    files = [str(pictures / genre / "1.png") for genre in ("low", "high")]
    lines = invoke("predict", "--model", model, *files).stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["Low", "High"]
    evaluation = invoke("evaluate", model, "--data", str(pictures), "--split", "stratified")
    assert evaluation.exit_code == 0, evaluation.output
    audio = invoke("predict", "--model", model, str(genres / "low" / "1.wav"))
    assert audio.exit_code == 1
    assert "1.wav is not a picture" in audio.stderr
