import csv
import io
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from genrelens.cli.main import app
from genrelens.model.card import MusicDetector
from genrelens.prediction import Failure, Prediction
from tests.support.models import make_card, make_mapped_model
from tests.support.processes import restore_interrupts

MakeWav = Callable[..., Path]
GENRELENS: list[str | Path] = [sys.executable, "-m", "genrelens.cli.main"]


@pytest.fixture
def predict(model_file: Path) -> Callable[..., Result]:
    def run(*arguments: object) -> Result:
        return CliRunner().invoke(app, ["predict", "--model", str(model_file), *map(str, arguments)])

    return run


def test_the_table_has_a_row_per_track(predict: Callable[..., Result], wav: MakeWav) -> None:
    low, high = wav("low.wav", hz=100), wav("high.wav", hz=6_000)
    result = predict(low, high)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert re.fullmatch(rf"Low +\d+ % High \d+ % +{re.escape(str(low))}", lines[0])
    assert re.fullmatch(rf"High +\d+ % Low \d+ % +{re.escape(str(high))}", lines[1])
    assert result.stderr == ""


def test_json_has_a_line_per_track(predict: Callable[..., Result], wav: MakeWav, tmp_path: Path) -> None:
    result = predict("--json", "--top", 1, wav(), tmp_path / "missing.wav")
    assert result.exit_code == 1
    first, second = result.stdout.splitlines()
    prediction = Prediction.from_json(first)
    assert len(prediction.scores) == len(prediction.segments[0].scores) == 1
    failure = Failure.from_json(second)
    assert failure.error.type == "AudioNotFoundError"


def test_csv_has_a_row_per_track(predict: Callable[..., Result], wav: MakeWav, tmp_path: Path) -> None:
    odd = wav('with "quotes", commas.wav')
    result = predict("--csv", odd, tmp_path / "missing.wav")
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert [row["path"] for row in rows] == [str(odd), str(tmp_path / "missing.wav")]
    assert float(rows[0]["confidence"]) + float(rows[0]["confidence_2"]) == pytest.approx(1, abs=1e-3)
    assert rows[0]["error"] == rows[1]["genre"] == ""
    assert "does not exist" in rows[1]["error"]


def test_low_confidence_is_reported_as_unknown_in_each_format(predict: Callable[..., Result], wav: MakeWav) -> None:
    low = wav("low.wav", hz=100)
    table = predict("--min-confidence", 1, low).stdout
    assert re.fullmatch(rf"Unknown +Low \d+ % +{re.escape(str(low))}\n", table)
    prediction = Prediction.from_json(predict("--min-confidence", 1, "--json", low).stdout)
    assert (prediction.genre, prediction.scores[0].label) == ("unknown", "low")
    (row,) = csv.DictReader(io.StringIO(predict("--min-confidence", 1, "--csv", low).stdout))
    assert (row["genre"], row["genre_2"], row["confidence"]) == ("unknown", "low", row["confidence_2"])


def test_audio_that_is_not_music_is_unknown(wav: MakeWav, tmp_path: Path) -> None:
    detector = MusicDetector(centre=(9.0, 9.0), axes=(), usual=0.1, limit=0.2)
    model = make_mapped_model(tmp_path / "m.onnx", make_card(detector=detector))
    result = CliRunner().invoke(app, ["predict", "--model", str(model), str(wav())])
    assert re.fullmatch(r"Unknown +not music +\S+tone\.wav\n", result.stdout)


@pytest.mark.parametrize("value", ["-0.1", "1.1", "half"])
def test_an_invalid_minimum_confidence_is_refused(predict: Callable[..., Result], wav: MakeWav, value: str) -> None:
    result = predict("--min-confidence", value, wav())
    assert result.exit_code == 2
    assert "--min-confidence" in result.stderr


def test_folders_are_searched_and_each_file_is_analysed_once(
    predict: Callable[..., Result], wav: MakeWav, tmp_path: Path
) -> None:
    for name in ("a.wav", "sub/b.wav", "sub/deep/c.wav"):
        wav(f"music/{name}", seconds=1)
    (tmp_path / "music" / "notes.txt").write_text("no audio")
    result = predict("--json", tmp_path / "music", tmp_path / "music" / "a.wav", tmp_path / "music")
    assert result.exit_code == 0
    names = [Path(json.loads(line)["path"]).name for line in result.stdout.splitlines()]
    assert names == ["a.wav", "b.wav", "c.wav"]


def test_a_folder_without_audio_is_a_failure(predict: Callable[..., Result], tmp_path: Path) -> None:
    result = predict(tmp_path)
    assert result.exit_code == 1
    assert "contains no audio files" in result.stderr


def test_an_unreadable_folder_is_reported_and_the_rest_is_analysed(
    predict: Callable[..., Result], wav: MakeWav, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wav("music/open/a.wav", seconds=1)
    wav("music/closed/b.wav", seconds=1)
    scan = os.scandir

    def refuse(path: str) -> object:  # simulated, because root may read everything
        if Path(path).name == "closed":
            raise PermissionError(13, "Permission denied", path)
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    result = predict(tmp_path / "music")
    assert result.exit_code == 1
    assert len(result.stdout.splitlines()) == 1
    assert "closed cannot be read (Permission denied)" in result.stderr


def test_warnings_and_failures_go_to_stderr(predict: Callable[..., Result], wav: MakeWav, tmp_path: Path) -> None:
    bad = tmp_path / "bad.mp3"
    bad.write_text("no music")
    result = predict(wav(seconds=0.5), bad)
    assert result.exit_code == 1
    assert len(result.stdout.splitlines()) == 1
    assert "only 0.5 s of audio" in result.stderr
    assert "bad.mp3 is not audio" in result.stderr


def test_many_files_are_analysed_by_worker_processes(model_file: Path, wav: MakeWav, tmp_path: Path) -> None:
    for hz in range(100, 700, 100):
        wav(f"music/{hz}.wav", hz=hz, seconds=1)
    command = [*GENRELENS, "predict", "--model", model_file, "--threads", "2", "--json", tmp_path / "music"]
    process = subprocess.run(command, capture_output=True, text=True, check=True)
    assert [json.loads(line)["genre"] for line in process.stdout.splitlines()] == ["low"] * 6
    assert process.stderr == ""


def test_paths_that_are_not_unicode_are_printed_unchanged(model_file: Path, wav: MakeWav, tmp_path: Path) -> None:
    odd = os.fsencode(tmp_path) + b"/\xff\n\xf0\x9f\x8e\xb7.wav"
    wav().rename(os.fsdecode(odd))
    for kind in ("--json", "--csv", "--quiet"):
        command = [*GENRELENS, "predict", "--model", model_file, kind, Path(os.fsdecode(odd))]
        process = subprocess.run(command, capture_output=True, check=True)
        if kind == "--json":
            assert os.fsencode(json.loads(process.stdout)["path"]) == odd
        elif kind == "--csv":
            assert b"\xff" in process.stdout
        else:
            assert len(process.stdout.splitlines()) == 1


def test_an_interrupt_ends_all_processes_without_a_traceback(model_file: Path, wav: MakeWav, tmp_path: Path) -> None:
    for number in range(40):
        wav(f"music/{number}.wav", seconds=60)
    command = [
        *GENRELENS,
        "predict",
        "--model",
        model_file,
        "--windows",
        "all",
        "--json",
        "-t",
        "2",
        tmp_path / "music",
    ]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,  # readline would otherwise read ahead, which communicate does not return
        start_new_session=True,
        preexec_fn=restore_interrupts,
    ) as process:
        assert process.stdout
        process.stdout.readline()
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the workers as well
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err == b""
    for line in out.splitlines():
        json.loads(line)


def test_a_closed_pipe_ends_the_command_quietly(model_file: Path, wav: MakeWav, tmp_path: Path) -> None:
    for number in range(30):
        wav(f"music/{number}.wav", seconds=1)
    command = [
        *GENRELENS,
        "predict",
        "--model",
        model_file,
        "--json",
        "--windows",
        "all",
        "-t",
        "2",
        tmp_path / "music",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(60) == 1


def test_a_terminal_shows_colours_bars_and_progress(model_file: Path, wav: MakeWav, tmp_path: Path) -> None:
    for number in range(8):
        wav(f"music/{number}.wav", hz=100, seconds=20)
    master, slave = os.openpty()
    command = [*GENRELENS, "predict", "--model", model_file, "--windows", "all", "-t", "1", tmp_path / "music"]
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "200"}
    with subprocess.Popen(command, stdout=slave, stderr=slave, env=environment) as process:
        os.close(slave)
        output = b""
        while True:
            try:
                chunk = os.read(master, 65_536)
            except OSError:
                break
            if not chunk:
                break
            output += chunk
    text = output.decode()
    assert process.returncode == 0
    assert text.count("music/") == 8
    assert "█" in text
    assert "\x1b[" in text
    assert "Analysing" in text
