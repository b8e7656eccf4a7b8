"""The perturbations of a stress test, their selection by name, and the maximum accuracy drop for each."""

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
_INAUDIBLE_DROP, _SMALL_DROP = 0.02, 0.05  # maximum accuracy drop
_TRANSPARENT_KBITS = 64
_SMALL_PERCENT, _SMALL_SEMITONES = 4, 1


def perturbation_battery(rng: np.random.Generator) -> list[Perturbation]:
    """Return all perturbations; `rng` draws the filters."""
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


def allowed_drop(perturbation: Perturbation) -> float | None:
    """Return the maximum accuracy drop (0 to 1, absolute) for a perturbation, or None if it has no target."""
    match perturbation:
        case Gain() | Polarity() | Offset():
            return _INAUDIBLE_DROP
        case Transcoding(strength=kbits) if kbits >= _TRANSPARENT_KBITS:
            return _INAUDIBLE_DROP
        case Tempo(strength=percent) if abs(percent) <= _SMALL_PERCENT:
            return _SMALL_DROP
        case Pitch(strength=semitones) if abs(semitones) <= _SMALL_SEMITONES:
            return _SMALL_DROP
        case _:
            return None


def select_perturbations(perturbations: Sequence[Perturbation], names: Sequence[str]) -> list[Perturbation]:
    """Select perturbations by name ("mp3:64") or family ("mp3"). Return all of them if `names` is empty.

    Raises:
        ValueError: a name is unknown; the message suggests the closest one.
    """
    known = {name for perturbation in perturbations for name in (perturbation.name, perturbation.family)}
    if unknown := [name for name in names if name not in known]:
        closest = get_close_matches(unknown[0], sorted(known), 1, 0)
        raise ValueError(f"unknown perturbation {unknown[0]!r}; the closest is {closest[0]!r}")
    return [
        perturbation
        for perturbation in perturbations
        if not names or {perturbation.name, perturbation.family} & {*names}
    ]
