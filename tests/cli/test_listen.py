import io
import json
import re
import signal
import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from rich.console import Console
from typer.testing import CliRunner, Result

from genrelens.cli.live_display import Display, clock, shown
from genrelens.cli.main import app
from genrelens.errors import AudioUnreadableError, MissingExtraError
from genrelens.live import LivePrediction
from genrelens.prediction import Score
from tests.support.audio import encode, tone
from tests.support.processes import restore_interrupts
from tests.support.streams import respond_with, serve_http

GENRELENS = [sys.executable, "-m", "genrelens.cli.main"]


@pytest.fixture
def listen(model_file: Path) -> Callable[..., Result]:
    def run(*arguments: object, piped: bytes = b"") -> Result:
        return CliRunner().invoke(app, ["listen", "--model", str(model_file), *map(str, arguments)], input=piped)

    return run


@pytest.fixture(scope="module")
def change(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """An mp3 of four low seconds and four high ones."""
    samples = np.concatenate([tone(100, 4), tone(6_000, 4)], axis=1)
    return encode(tmp_path_factory.mktemp("songs") / "a.mp3", samples, codec="libmp3lame").read_bytes()


def test_a_pipe_is_told_a_line_for_each_change(listen: Callable[..., Result], change: bytes) -> None:
    result = listen("-", piped=change)
    assert result.exit_code == 0
    first, second = result.stdout.splitlines()
    assert first.startswith("0:00 low ")
    assert second.split()[1] == "high"
    assert result.stderr == "genrelens: the pipe ended after 0:08\n"


def test_json_lines_come_twice_a_second(listen: Callable[..., Result], change: bytes) -> None:
    result = listen("-", "--json", "--top", 1, piped=change)
    answers = [LivePrediction.model_validate(json.loads(line)) for line in result.stdout.splitlines()]
    assert [answer.at for answer in answers[:16]] == pytest.approx(np.arange(1, 17) / 2)
    assert (answers[0].genre, answers[-1].genre) == ("low", "high")
    assert {len(answer.scores) for answer in answers} == {1}


@pytest.mark.parametrize(("encoding", "stored", "scale"), [("f32le", "<f4", 1), ("s16le", "<i2", 32_767)])
def test_raw_samples(listen: Callable[..., Result], encoding: str, stored: str, scale: int) -> None:
    samples = (tone(6_000, 1.2, 48_000).T * scale).astype(stored)
    piped = samples.tobytes()
    result = listen("-", "--raw", encoding, "--rate", 48_000, "--channels", 2, "--json", piped=piped)
    answers = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(answer["at"], answer["genre"], answer["level"]) for answer in answers] == [
        (0.5, "high", -6.0),
        (1.0, "high", -6.0),
        (1.2, "high", -6.0),
    ]


def test_a_radio_station(listen: Callable[..., Result], change: bytes) -> None:
    with serve_http(respond_with(200, "audio/mpeg", change[2_000:])) as address:
        result = listen(address)
    assert [line.split()[1] for line in result.stdout.splitlines()] == ["low", "high"]
    assert result.stderr.startswith(f"genrelens: {address} ended after 0:07")


def test_too_little_confidence_is_unknown(listen: Callable[..., Result], change: bytes) -> None:
    assert listen("-", "--min-confidence", 1, piped=change).stdout == "0:00 unknown\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["song.mp3"], "genrelens predict"),
        (["--raw", "f32le", "--rate", "48000"], "only a pipe"),
        (["-", "--raw", "f32le"], "--rate"),
        (["-", "--rate", "48000"], "--raw"),
        (["-", "--raw", "u8", "--rate", "48000"], "u8"),
    ],
)
def test_misuse_is_told(listen: Callable[..., Result], arguments: list[str], words: str) -> None:
    result = listen(*arguments)
    assert result.exit_code == 2
    assert words in result.stderr


@pytest.mark.parametrize(
    ("arguments", "piped", "words"),
    [
        (["-"], b"", "the pipe is not audio"),
        (["-"], b"words " * 9_999, "the pipe is not audio"),
        (["-", "--raw", "f32le", "--rate", "48000"], b"", "the pipe holds no audio"),
        (["-", "--raw", "f32le", "--rate", "48000"], bytes(400), "the pipe lasts 0.00 s"),
        (["http://127.0.0.1:1/"], b"", "cannot be reached"),
    ],
)
def test_what_cannot_be_heard_is_told_in_one_sentence(
    model_file: Path, arguments: list[str], piped: bytes, words: str
) -> None:
    command = [*GENRELENS, "listen", "--model", str(model_file), *arguments]
    result = subprocess.run(command, input=piped, capture_output=True, check=False)
    assert result.returncode == 1
    assert result.stdout == b""
    (line,) = result.stderr.decode().splitlines()
    assert line.startswith("genrelens: ")
    assert words in line


def test_ctrl_c_ends_it_quietly(model_file: Path, change: bytes) -> None:
    command = [*GENRELENS, "listen", "--model", str(model_file), "--json", "-"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, preexec_fn=restore_interrupts) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(change)
        process.stdin.flush()
        process.stdout.readline()  # it listens, and will wait for more
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
        assert process.stderr
        assert process.stderr.read() == b""


class FakeSound(types.ModuleType):
    """A stand-in for sounddevice: a microphone that hears these pieces and is then pulled out."""

    PortAudioError = type("PortAudioError", (Exception,), {})
    samplerate = 16_000.0

    def __init__(self, *pieces: NDArray[np.float32], overflow: bool = False, fault: str = "") -> None:
        super().__init__("sounddevice")
        self.pieces, self.overflow, self.fault = pieces, overflow, fault
        self.asked: dict[str, Any] = {}

    def InputStream(self, **options: Any) -> "FakeSound":  # noqa: N802 (their name)
        self.asked = options
        if self.fault:
            raise self.PortAudioError(self.fault)
        return self

    def __enter__(self) -> None:
        for piece in self.pieces:
            status = types.SimpleNamespace(input_overflow=self.overflow)
            self.asked["callback"](piece[:, None], len(piece), None, status)
        self.asked["finished_callback"]()

    def __exit__(self, *_: object) -> None:
        pass


def pieces_of(samples: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    return np.split(samples, len(samples) // 800)


def test_a_microphone_that_is_pulled_out(listen: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    sound = FakeSound(*pieces_of(tone(100, 2.0, 16_000)[0]))
    monkeypatch.setitem(sys.modules, "sounddevice", sound)
    result = listen("--device", "3", "--json")
    assert [json.loads(line)["genre"] for line in result.stdout.splitlines()] == [
        "low"
    ] * 3  # the resampler has the rest
    assert isinstance(result.exception, AudioUnreadableError)
    assert str(result.exception) == "the microphone is gone; connect it and start again"
    assert (sound.asked["device"], sound.asked["channels"]) == (3, 1)


def test_a_microphone_that_is_faster_than_we_are(
    listen: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", FakeSound(*pieces_of(tone(100, 5.0, 16_000)[0])))
    first, *others = [json.loads(line) for line in listen("--json").stdout.splitlines()]
    assert first["missed"] == pytest.approx(2.0, abs=0.06)
    assert {answer["missed"] for answer in others} == {0.0}
    monkeypatch.setitem(sys.modules, "sounddevice", FakeSound(*pieces_of(tone(100, 1.0, 16_000)[0]), overflow=True))
    assert json.loads(listen("--json").stdout.splitlines()[0])["missed"] == 1.0


def test_a_microphone_that_is_not_there(listen: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", FakeSound(fault="Error querying device -1"))
    error = listen().exception
    assert isinstance(error, AudioUnreadableError)
    assert "(Error querying device -1); `python -m sounddevice`" in str(error)


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (ModuleNotFoundError("no", name="sounddevice"), r"needs sounddevice; install it with .*genrelens\[listen\]"),
        (OSError("PortAudio library not found"), r"needs PortAudio \(PortAudio library not found\); install it"),
    ],
)
def test_what_a_microphone_needs_is_told(
    listen: Callable[..., Result], monkeypatch: pytest.MonkeyPatch, broken: Exception, words: str
) -> None:
    def fail(name: str) -> None:
        raise broken

    monkeypatch.setattr("genrelens.cli.microphone.importlib.import_module", fail)
    error = listen().exception
    assert isinstance(error, MissingExtraError)
    assert re.search(words, str(error))


def answer(at: float, genre: str, **changes: Any) -> LivePrediction:
    scores = (Score(label="low", score=0.75), Score(label="high", score=0.25))
    plain = {"at": at, "genre": genre, "genres": (genre,), "confidence": 0.75, "music": None, "scores": scores}
    return LivePrediction.model_validate({**plain, "level": -6.0, **changes})


def drawn(*answers: LivePrediction, width: int = 60) -> list[str]:
    """What stands at a terminal after these answers."""
    console = Console(width=width, record=True, file=io.StringIO())
    display = Display(("low", "high"), 3, width)
    for one in answers:
        picture = display.drawn(one)
    console.print(picture)
    return [line.rstrip() for line in console.export_text().splitlines()]


def test_the_display_tells_what_is_now_and_what_was() -> None:
    past = [answer(0.5, "unknown", level=-120.0), answer(1.0, "low"), answer(1.5, "high"), answer(2.0, "low")]
    assert drawn(*past) == [
        "low 75 % ██████████████████",
        "high 25 %",
        "█████████████████████▋   -6 dB",
        "",
        "·███",
        "0:00 to 0:02  █ low  █ high",
    ]


def test_the_display_tells_what_is_out_of_the_ordinary() -> None:
    assert drawn(answer(0.5, "unknown", music=0.1, level=-120.0, filling=True, missed=1.25))[:3] == [
        "unknown",
        "no music",
        "silence  not yet a whole window  1.2 s were missed",
    ]


def test_the_timeline_moves_on_when_it_is_full() -> None:
    past = [answer(at / 2, "low" if at < 12 else "high") for at in range(1, 81)]
    *_, line, told = drawn(*past, width=40)
    assert line == "█" * 40
    assert told == "0:20 to 0:40  █ high"


def test_at_a_terminal_the_display_is_drawn_again_and_again() -> None:
    console = Console(width=60, file=io.StringIO(), force_terminal=True)
    with shown(("low", "high"), 3, json=False, out=console) as show:
        show(answer(0.5, "low"))
        show(answer(1.0, "high", confidence=0.5))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert text.index("50 % ") > text.index("75 % ")


@pytest.mark.parametrize(("seconds", "told"), [(0.0, "0:00"), (59.9, "0:59"), (61.0, "1:01"), (3_600.0, "1:00:00")])
def test_the_clock(seconds: float, told: str) -> None:
    assert clock(seconds) == told
