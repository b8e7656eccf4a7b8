import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from typer.testing import Result

from genrelens.live import LivePrediction
from tests.support.audio import encode, tone
from tests.support.processes import restore_interrupts
from tests.support.streams import respond_with, serve_http

GENRELENS = [sys.executable, "-m", "genrelens.cli.main"]


@pytest.fixture(scope="module")
def change(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return an mp3 of a low tone of four seconds, then a high one of four seconds."""
    samples = np.concatenate([tone(100, 4), tone(6_000, 4)], axis=1)
    return encode(tmp_path_factory.mktemp("songs") / "a.mp3", samples, codec="libmp3lame").read_bytes()


def test_each_change_of_genre_is_printed_on_a_line(listen: Callable[..., Result], change: bytes) -> None:
    result = listen("-", piped=change)
    assert result.exit_code == 0
    first, second = result.stdout.splitlines()
    assert first.startswith("0:00 Low ")
    assert second.split()[1] == "High"
    assert result.stderr == "genrelens: the pipe ended after 0:08\n"


def test_json_has_two_predictions_per_second(listen: Callable[..., Result], change: bytes) -> None:
    result = listen("-", "--json", "--top", 1, piped=change)
    predictions = [LivePrediction.model_validate(json.loads(line)) for line in result.stdout.splitlines()]
    assert [prediction.at for prediction in predictions[:16]] == pytest.approx(np.arange(1, 17) / 2)
    assert (predictions[0].genre, predictions[-1].genre) == ("low", "high")
    assert {len(prediction.scores) for prediction in predictions} == {1}


@pytest.mark.parametrize(("encoding", "dtype", "full_scale"), [("f32le", "<f4", 1), ("s16le", "<i2", 32_767)])
def test_raw_samples_are_read_from_a_pipe(
    listen: Callable[..., Result], encoding: str, dtype: str, full_scale: int
) -> None:
    piped = (tone(6_000, 1.2, 48_000).T * full_scale).astype(dtype).tobytes()
    result = listen("-", "--raw", encoding, "--rate", 48_000, "--channels", 2, "--json", piped=piped)
    predictions = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(prediction["at"], prediction["genre"], prediction["level"]) for prediction in predictions] == [
        (0.5, "high", -6.0),
        (1.0, "high", -6.0),
        (1.2, "high", -6.0),
    ]


def test_a_radio_stream_is_classified_from_its_url(listen: Callable[..., Result], change: bytes) -> None:
    with serve_http(respond_with(200, "audio/mpeg", change[2_000:])) as url:
        result = listen(url)
    assert [line.split()[1] for line in result.stdout.splitlines()] == ["Low", "High"]
    assert result.stderr.startswith(f"genrelens: {url} ended after 0:07")


def test_a_prediction_below_the_minimum_confidence_is_unknown(listen: Callable[..., Result], change: bytes) -> None:
    assert listen("-", "--min-confidence", 1, piped=change).stdout == "0:00 Unknown\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["song.mp3"], "genrelens predict"),
        (["--raw", "f32le", "--rate", "48000"], "--raw requires the source '-'"),
        (["-", "--raw", "f32le"], "--rate"),
        (["-", "--rate", "48000"], "--raw"),
        (["-", "--raw", "u8", "--rate", "48000"], "u8"),
    ],
)
def test_invalid_options_are_refused(listen: Callable[..., Result], arguments: list[str], message: str) -> None:
    result = listen(*arguments)
    assert result.exit_code == 2
    assert message in result.stderr


@pytest.mark.parametrize(
    ("arguments", "piped", "message"),
    [
        (["-"], b"", "the pipe is not audio"),
        (["-"], b"words " * 9_999, "the pipe is not audio"),
        (["-", "--raw", "f32le", "--rate", "48000"], b"", "the pipe contains no audio"),
        (["-", "--raw", "f32le", "--rate", "48000"], bytes(400), "the pipe lasts 0.00 s"),
        (["http://127.0.0.1:1/"], b"", "cannot be reached"),
    ],
)
def test_unusable_audio_is_reported_in_one_line(
    model_file: Path, arguments: list[str], piped: bytes, message: str
) -> None:
    command = [*GENRELENS, "listen", "--model", str(model_file), *arguments]
    result = subprocess.run(command, input=piped, capture_output=True, check=False)
    assert result.returncode == 1
    assert result.stdout == b""
    (line,) = result.stderr.decode().splitlines()
    assert line.startswith("genrelens: ")
    assert message in line


def test_an_interrupt_ends_the_command_without_a_message(model_file: Path, change: bytes) -> None:
    command = [*GENRELENS, "listen", "--model", str(model_file), "--json", "-"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, preexec_fn=restore_interrupts) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(change)
        process.stdin.flush()
        process.stdout.readline()  # the command runs, and waits for more audio
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
        assert process.stderr
        assert process.stderr.read() == b""
