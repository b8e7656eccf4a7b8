"""All changes of a stress test, which of them are asked for, and how much they may cost."""

from collections.abc import Sequence
from difflib import get_close_matches

import numpy as np

from genrelens.train.robustness.equaliser import random_filters
from genrelens.train.robustness.perturbations import (
    Compression,
    Gain,
    LowPass,
    Mp3,
    Noise,
    Offset,
    Opus,
    Perturbation,
    Pitch,
    Polarity,
    Resampling,
    Shuffle,
    Tempo,
    Transcoding,
)

_KBITS = (128, 96, 64, 32)
_INAUDIBLE, _SMALL = 0.02, 0.05  # loss of accuracy that is allowed
_TRANSPARENT_KBITS = 64
_SMALL_PERCENT, _SMALL_SEMITONES = 4, 1


def perturbation_battery(rng: np.random.Generator) -> list[Perturbation]:
    """Every change; `rng` draws the filters."""
    return [
        *(Tempo(percent) for percent in (-6, -4, -2, 2, 4, 6)),
        *(Pitch(semitones) for semitones in (-2, -1, 1, 2)),
        *(Gain(decibels) for decibels in (-20, -6, 6)),
        Polarity(),
        *(Offset(seconds) for seconds in (0.04, 0.5, 2)),
        *(Mp3(kbits) for kbits in _KBITS),
        *(Opus(kbits) for kbits in _KBITS),
        *(LowPass(hz) for hz in (8000, 4000)),
        *(Noise(decibels) for decibels in (40, 30, 20, 10)),
        *(Compression(ratio) for ratio in (2, 4, 8)),
        *(Resampling(hz) for hz in (48_000, 44_100, 16_000)),
        *random_filters(rng),
        *(Shuffle(seconds) for seconds in (1, 0)),
    ]


def allowed_loss(change: Perturbation) -> float | None:
    """How much accuracy a model may lose to a change, as a share; none where there is no target."""
    match change:
        case Gain() | Polarity() | Offset():
            return _INAUDIBLE
        case Transcoding(strength=kbits) if kbits >= _TRANSPARENT_KBITS:
            return _INAUDIBLE
        case Tempo(strength=percent) if abs(percent) <= _SMALL_PERCENT:
            return _SMALL
        case Pitch(strength=semitones) if abs(semitones) <= _SMALL_SEMITONES:
            return _SMALL
        case _:
            return None


def select_perturbations(changes: Sequence[Perturbation], only: Sequence[str]) -> list[Perturbation]:
    """The changes that are named, each by itself ("mp3:64") or with all of its kind ("mp3"); all if none is.

    Raises:
        ValueError: there is none of that name; the message tells the nearest.
    """
    known = {name for change in changes for name in (change.name, change.family)}
    for name in only:
        if name not in known:
            near = get_close_matches(name, sorted(known), 1, 0)
            raise ValueError(f"there is no transformation {name!r}; the nearest is {near[0]!r}")
    return [change for change in changes if not only or {change.name, change.family} & {*only}]
