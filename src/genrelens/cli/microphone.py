"""Audio from a microphone."""

import importlib
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from genrelens.audio.decoder import Samples
from genrelens.audio.ring_buffer import RingBuffer
from genrelens.errors import AudioUnreadableError, MissingExtraError

_SAMPLE_TIMEOUT = 10.0  # s without a sample after which the microphone counts as disconnected
_BUFFERED = 3.0  # s of audio that may wait to be processed


def microphone(device: str | None, miss: Callable[[float], None]) -> Iterator[tuple[int, Samples]]:
    """Yield the sampling rate in Hz and mono samples, shape (samples,), until the microphone is disconnected.

    Args:
        device: number or part of the name of the device; default: the system's default device.
        miss: receives the seconds of audio that were dropped because processing was too slow.

    Raises:
        MissingExtraError: sounddevice or PortAudio is not installed.
        AudioUnreadableError: no microphone is available, access is denied, or it was disconnected.
    """
    sounddevice = _import_sounddevice()
    buffer: RingBuffer[Samples] = RingBuffer(_BUFFERED)
    wake = threading.Event()  # samples arrived, or the stream ended
    ended = threading.Event()

    def receive(samples: Samples, frames: int, _time: Any, status: Any) -> None:
        if status.input_overflow:
            buffer.add_lost(frames / rate)  # at least; PortAudio does not report how many
        buffer.put(samples[:, 0].copy(), frames / rate)
        wake.set()

    def end() -> None:
        ended.set()
        wake.set()

    try:
        stream = sounddevice.InputStream(
            device=int(device) if device and device.isdecimal() else device,
            channels=1,
            dtype="float32",
            callback=receive,
            finished_callback=end,
        )
        rate = round(stream.samplerate)
        with stream:
            disconnected = False
            while not disconnected:
                disconnected = not wake.wait(_SAMPLE_TIMEOUT) or ended.is_set()
                wake.clear()
                pieces, missed = buffer.take_all()
                miss(missed)
                if pieces:
                    yield rate, np.concatenate(pieces)
    except (sounddevice.PortAudioError, ValueError) as error:
        raise AudioUnreadableError(
            f"the microphone cannot be opened ({error}); `python -m sounddevice` lists the values for --device"
        ) from error
    raise AudioUnreadableError("the microphone was disconnected; connect it and start again")


def _import_sounddevice() -> Any:
    try:
        return importlib.import_module("sounddevice")
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"a microphone needs {error.name}; install it with `pip install 'genrelens[listen]'`"
        ) from error
    except OSError as error:  # PortAudio itself is missing
        raise MissingExtraError(
            f"a microphone needs PortAudio ({error}); install it, on Debian with `apt install libportaudio2`"
        ) from error
