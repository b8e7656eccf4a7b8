"""Sound from a microphone."""

import importlib
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from genrelens.audio.decoder import Samples
from genrelens.audio.ring_buffer import Backlog
from genrelens.errors import AudioUnreadableError, MissingExtraError

_LONGEST_WAIT = 10.0  # s without a sample, after which a microphone is gone
_BEHIND = 3.0  # s that may wait to be heard


def microphone(device: str | None, miss: Callable[[float], None]) -> Iterator[tuple[int, Samples]]:
    """The rate in Hz and mono samples, for as long as the microphone is there.

    Args:
        device: a number or a part of a name; the system's default if none is given.
        miss: told of seconds that came while there was no time to hear them.

    Raises:
        MissingExtraError: what it needs is not installed.
        AudioUnreadableError: there is no microphone, it is not ours to hear, or it is gone.
    """
    sounddevice = _library()
    backlog: Backlog[Samples] = Backlog(_BEHIND)
    news = threading.Event()  # sound has come, or no more will
    ended = threading.Event()

    def take(samples: Samples, frames: int, _time: Any, status: Any) -> None:
        if status.input_overflow:
            backlog.miss(frames / rate)  # at least
        backlog.put(samples[:, 0].copy(), frames / rate)
        news.set()

    def end() -> None:
        ended.set()
        news.set()

    try:
        stream = sounddevice.InputStream(
            device=int(device) if device and device.isdecimal() else device,
            channels=1,
            dtype="float32",
            callback=take,
            finished_callback=end,
        )
        rate = round(stream.samplerate)
        with stream:
            gone = False
            while not gone:
                gone = not news.wait(_LONGEST_WAIT) or ended.is_set()
                news.clear()
                pieces, missed = backlog.take()
                miss(missed)
                if pieces:
                    yield rate, np.concatenate(pieces)
    except (sounddevice.PortAudioError, ValueError) as error:
        raise AudioUnreadableError(
            f"the microphone cannot be heard ({error}); `python -m sounddevice` lists what there is for --device"
        ) from error
    raise AudioUnreadableError("the microphone is gone; connect it and start again")


def _library() -> Any:
    try:
        return importlib.import_module("sounddevice")
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"a microphone needs {error.name}; install it with `pip install 'genrelens[listen]'`"
        ) from error
    except OSError as error:  # the library that it stands on
        raise MissingExtraError(
            f"a microphone needs PortAudio ({error}); install it, on Debian with `apt install libportaudio2`"
        ) from error
