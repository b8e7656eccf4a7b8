import json
import re
import sys
import types
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from typer.testing import Result

from genrelens.errors import AudioUnreadableError, MissingExtraError
from tests.support.audio import tone

Listen = Callable[..., Result]


class FakeSoundDevice(types.ModuleType):
    """A stand-in for the module sounddevice: a microphone that records `pieces` and is then disconnected."""

    PortAudioError = type("PortAudioError", (Exception,), {})
    samplerate = 16_000.0

    def __init__(self, *pieces: NDArray[np.float32], overflow: bool = False, fault: str = "") -> None:
        super().__init__("sounddevice")
        self.pieces, self.overflow, self.fault = pieces, overflow, fault
        self.options: dict[str, Any] = {}

    def InputStream(self, **options: Any) -> "FakeSoundDevice":  # noqa: N802 (sounddevice's name)
        self.options = options
        if self.fault:
            raise self.PortAudioError(self.fault)
        return self

    def __enter__(self) -> None:
        for piece in self.pieces:
            status = types.SimpleNamespace(input_overflow=self.overflow)
            self.options["callback"](piece[:, None], len(piece), None, status)
        self.options["finished_callback"]()

    def __exit__(self, *_: object) -> None:
        pass


def tone_pieces(seconds: float) -> list[NDArray[np.float32]]:
    """Return a low tone in pieces of 50 ms."""
    samples = tone(100, seconds, 16_000)[0]
    return np.split(samples, len(samples) // 800)


def test_a_disconnected_microphone_is_an_error(listen: Listen, monkeypatch: pytest.MonkeyPatch) -> None:
    device = FakeSoundDevice(*tone_pieces(2.0))
    monkeypatch.setitem(sys.modules, "sounddevice", device)
    result = listen("--device", "3", "--json")
    # The resampler has not returned the last of four half seconds.
    assert [json.loads(line)["genre"] for line in result.stdout.splitlines()] == ["low"] * 3
    assert isinstance(result.exception, AudioUnreadableError)
    assert str(result.exception) == "the microphone was disconnected; connect it and start again"
    assert (device.options["device"], device.options["channels"]) == (3, 1)


def test_audio_that_arrives_faster_than_it_is_processed_is_counted_as_missed(
    listen: Listen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", FakeSoundDevice(*tone_pieces(5.0)))
    first, *others = [json.loads(line) for line in listen("--json").stdout.splitlines()]
    assert first["missed"] == pytest.approx(2.0, abs=0.06)
    assert {prediction["missed"] for prediction in others} == {0.0}


def test_audio_that_the_driver_dropped_is_counted_as_missed(listen: Listen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", FakeSoundDevice(*tone_pieces(1.0), overflow=True))
    assert json.loads(listen("--json").stdout.splitlines()[0])["missed"] == 1.0


def test_a_missing_microphone_is_an_error(listen: Listen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", FakeSoundDevice(fault="Error querying device -1"))
    error = listen().exception
    assert isinstance(error, AudioUnreadableError)
    assert "(Error querying device -1); `python -m sounddevice`" in str(error)


@pytest.mark.parametrize(
    ("cause", "message"),
    [
        (ModuleNotFoundError("no", name="sounddevice"), r"needs sounddevice; install it with .*genrelens\[listen\]"),
        (OSError("PortAudio library not found"), r"needs PortAudio \(PortAudio library not found\); install it"),
    ],
)
def test_a_missing_library_is_named_with_its_installation(
    listen: Listen, monkeypatch: pytest.MonkeyPatch, cause: Exception, message: str
) -> None:
    def fail(name: str) -> None:
        raise cause

    monkeypatch.setattr("genrelens.cli.microphone.importlib.import_module", fail)
    error = listen().exception
    assert isinstance(error, MissingExtraError)
    assert re.search(message, str(error))
