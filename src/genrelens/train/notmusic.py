"""What is not music, made by numbers alone: examples that a detector of music learns from, beside its music."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

Rng = np.random.Generator
Wave = NDArray[np.float32]

_PEAK = 0.5  # of full scale, where nothing else is said
_STEP = 2.0**-15  # of 16 bits

# First and second formants of vowels (Hz), of men, after Peterson & Barney (JASA 24, 1952); the third hardly varies.
_VOWELS = ((270, 2290), (390, 1990), (530, 1840), (660, 1720), (730, 1090), (570, 840), (440, 1020), (300, 870))
_THIRD_FORMANT = 2500.0


def not_music(count: int, seconds: float, rate: int, rng: Rng) -> list[Wave]:
    """Make sounds that are not music, as many of one kind as of another.

    Noise of all colours, steady and swelling; tones, beeps, sweeps and hum; clicks; a buzz with the formants and
    the rhythm of speech, alone and in noise; and what a recorder writes where nothing is heard.

    Args:
        count: how many.
        seconds: how long each is.
        rate: in Hz.
        rng: to draw from.

    Returns:
        float32 (samples,) each, within -1 and 1.
    """
    samples = round(seconds * rate)
    return [_KINDS[number % len(_KINDS)](samples, rate, rng).astype(np.float32) for number in range(count)]


def _noise(samples: int, rate: int, rng: Rng) -> Wave:
    """Noise of any colour and band."""
    slope, low, high = rng.uniform(-3, 8), _pitch(rng, 10, 1000), _pitch(rng, 1500, rate)
    return _scaled(_coloured(rng.standard_normal(samples), rate, slope, *((low, high) if rng.random() < 0.5 else ())))


def _swelling_noise(samples: int, rate: int, rng: Rng) -> Wave:
    """The same, swelling regularly or as it comes: surf, wind, an engine, a crowd."""
    noise = _noise(samples, rate, rng)
    hz, depth, regular = _pitch(rng, 0.1, 20), rng.uniform(0.3, 1), rng.random() < 0.5
    wave = np.sin(2 * np.pi * hz * _time(samples, rate)) if regular else _wandering(samples, rate, hz, rng)
    return _scaled(noise * (1 - depth * (0.5 + 0.5 * wave)))


def _tones(samples: int, rate: int, rng: Rng) -> Wave:
    """One to three steady tones, pure or rich, with or without a little noise."""
    time = _time(samples, rate)
    wave = sum(_rich(_pitch(rng, 40, 6000) * time, rate, rng) for _ in range(rng.integers(1, 4)))
    return _scaled(wave + _faint(samples, rng))


def _hum(samples: int, rate: int, rng: Rng) -> Wave:
    """The mains, its harmonics, and noise."""
    time, ground = _time(samples, rate), rng.choice([50.0, 60.0, 100.0, 120.0])
    strengths = rng.exponential(0.7 ** np.arange(12))
    wave = sum(strength * np.sin(2 * np.pi * ground * (n + 1) * time) for n, strength in enumerate(strengths))
    return _scaled(wave + _faint(samples, rng))


def _sweeps(samples: int, rate: int, rng: Rng) -> Wave:
    """A tone that rises or falls again and again, or to and fro: sirens, chirps, tests."""
    ends = np.log([_pitch(rng, 50, 2000), _pitch(rng, 1000, rate / 2.5)])
    period, both_ways = _pitch(rng, 0.15, samples / rate), rng.random() < 0.5
    place = (_time(samples, rate) / period) % 1
    place = 1 - np.abs(2 * place - 1) if both_ways else place
    hz = np.exp(ends[0] + (ends[1] - ends[0]) * place)
    gate = place < rng.uniform(0.3, 1.5)
    return _scaled(np.sin(2 * np.pi * np.cumsum(hz) / rate) * gate + _faint(samples, rng))


def _beeps(samples: int, rate: int, rng: Rng) -> Wave:
    """A tone that is switched on and off: alarms, a telephone, pips."""
    period, share, hz = _pitch(rng, 0.2, 4), rng.uniform(0.05, 0.7), _pitch(rng, 300, 4000)
    time = _time(samples, rate)
    return _scaled(_rich(hz * time, rate, rng) * ((time / period) % 1 < share) + _faint(samples, rng))


def _clicks(samples: int, rate: int, rng: Rng) -> Wave:
    """Short bursts, regular or as they come: a clock, knocks, crackle, typing."""
    every, decay, slope = _pitch(rng, 0.05, 1.2), _pitch(rng, 0.0005, 0.05), rng.uniform(-3, 8)
    count = int(samples / rate / every) + 2
    gaps = every * (np.ones(count) if rng.random() < 0.5 else rng.exponential(size=count))
    places = (np.cumsum(gaps) * rate).astype(int)
    train = np.zeros(samples)
    train[places[places < samples]] = rng.uniform(0.5, 1)
    tail = np.exp(-np.arange(round(8 * decay * rate) + 1) / (decay * rate))
    envelope = np.convolve(train, tail)[:samples]
    return _scaled(envelope * _coloured(rng.standard_normal(samples), rate, slope) + _faint(samples, rng))


def _voice(samples: int, rate: int, rng: Rng) -> Wave:
    """A buzz or a whisper with the formants, syllables, pauses and melody of speech, without its words."""
    size, pitch, speed = rng.uniform(0.9, 1.35), _pitch(rng, 75, 260), rng.uniform(2.5, 7)
    whisper, liveliness = rng.random() < 0.15, rng.uniform(0.02, 0.25)
    syllables: list[NDArray[np.float64]] = []
    length = 0
    while length < samples:
        syllables += _syllables(rate, pitch, size, speed, liveliness, whisper, rng)
        syllables.append(np.zeros(round(rate * rng.exponential(0.25))))
        length = sum(map(len, syllables))
    return _scaled(np.concatenate(syllables)[:samples] + _faint(samples, rng))


def _voice_in_noise(samples: int, rate: int, rng: Rng) -> Wave:
    """Both at once."""
    share = rng.uniform(0.02, 0.5)
    return _scaled((1 - share) * _voice(samples, rate, rng) + share * _noise(samples, rate, rng))


def _near_silence(samples: int, rate: int, rng: Rng) -> Wave:
    """A few steps of 16 bits: dither, or the noise of a room, or the hum in it."""
    sounds = (lambda: rng.triangular(-1, 0, 1, samples), lambda: _noise(samples, rate, rng) / _PEAK)
    wave = [*sounds, lambda: _hum(samples, rate, rng) / _PEAK][rng.integers(3)]() * _pitch(rng, 1.5, 40)
    return np.asarray(np.round(wave) * _STEP)


_KINDS: tuple[Callable[[int, int, Rng], Wave], ...] = (
    _voice,
    _noise,
    _voice_in_noise,
    _swelling_noise,
    _tones,
    _voice,
    _hum,
    _sweeps,
    _beeps,
    _clicks,
    _voice_in_noise,
    _near_silence,
)


def _syllables(
    rate: int, pitch: float, size: float, speed: float, liveliness: float, whisper: bool, rng: Rng
) -> list[NDArray[np.float64]]:
    """A phrase, whose pitch falls; each syllable is a hiss, perhaps, and a vowel that glides to the next."""
    count = int(rng.integers(3, 14))
    vowels = np.array(_VOWELS)[rng.integers(len(_VOWELS), size=count + 1)] / 1.0
    melody = pitch * np.exp(np.linspace(0.1, -0.2, count) + liveliness * rng.standard_normal(count))
    parts = []
    for number in range(count):
        if rng.random() < 0.5:
            hiss = rng.standard_normal(round(rate * rng.uniform(0.03, 0.12)))
            parts.append(rng.uniform(0.05, 0.3) * np.diff(hiss, prepend=0.0) * np.hanning(len(hiss)))
        samples = round(rate / speed * rng.uniform(0.5, 1.3))
        source = rng.standard_normal(samples) if whisper else _buzz(samples, rate, melody[number], rng)
        halves = np.array_split(source, 2)
        voiced = np.concatenate([
            _formants(half, rate, size * np.array([*vowel, _THIRD_FORMANT]))
            for half, vowel in zip(halves, (vowels[number], vowels[number : number + 2].mean(axis=0)), strict=True)
        ])
        parts.append(voiced / (np.abs(voiced).max() + _STEP) * np.sin(np.linspace(0, np.pi, samples)) ** 0.5)
    return parts


def _buzz(samples: int, rate: int, pitch: float, rng: Rng) -> NDArray[np.float64]:
    """Pulses of the glottis: a falling spectrum, a gliding and slightly trembling pitch."""
    glide = pitch * np.linspace(1, rng.uniform(0.85, 1.15), samples) * (1 + 0.01 * rng.standard_normal())
    phase = np.cumsum(glide) / rate + rng.random()
    pulses = np.diff(np.floor(phase), prepend=np.floor(phase[0])) if samples else np.empty(0)
    return np.asarray(lfilter([1.0], [1.0, -0.9], pulses) + 0.01 * rng.standard_normal(samples))


def _formants(source: NDArray[np.float64], rate: int, formants: NDArray[np.float64]) -> NDArray[np.float64]:
    """Resonances in a row (Klatt, JASA 67, 1980); one above what the rate can hold is left out."""
    wave = source
    for hz in formants[formants < 0.45 * rate]:
        radius = np.exp(-np.pi * (60 + 0.05 * hz) / rate)
        angle = 2 * np.pi * hz / rate
        feedback = [1.0, -2 * radius * np.cos(angle), radius**2]
        wave = lfilter([sum(feedback)], feedback, wave)
    return wave


def _coloured(
    noise: NDArray[np.float64], rate: int, slope: float, low: float = 0.0, high: float = np.inf
) -> NDArray[np.float64]:
    """Let noise fall by `slope` decibels an octave, and nothing be left beyond the band."""
    spectrum = np.fft.rfft(noise)
    hz = np.maximum(np.fft.rfftfreq(len(noise), 1 / rate), 20.0)
    gain = hz ** (-slope / (20 * np.log10(2))) * ((hz >= low) & (hz <= high))
    return _full(np.fft.irfft(spectrum * gain, len(noise)))


def _rich(turns: NDArray[np.float64], rate: int, rng: Rng) -> NDArray[np.float64]:
    """A tone of that phase (in turns): a sine, or with all or every second harmonic."""
    step, falling = int(rng.integers(1, 3)), rng.uniform(0.8, 2.5)
    highest = rate / 2 / max(1.0, turns[-1] * rate / len(turns))
    numbers = [1] if rng.random() < 0.4 else list(range(1, max(2, min(20, int(highest))), step))
    return np.asarray(sum(np.sin(2 * np.pi * number * turns) / number**falling for number in numbers))


def _wandering(samples: int, rate: int, hz: float, rng: Rng) -> NDArray[np.float64]:
    """A random line from -1 to 1 that turns some `hz` times a second."""
    count = max(4, round(hz * samples / rate))
    return np.interp(np.linspace(0, count - 1, samples), np.arange(count), rng.uniform(-1, 1, count))


def _faint(samples: int, rng: Rng) -> NDArray[np.float64]:
    """Noise far below what is heard, or, half the time, none."""
    loudness = 10 ** rng.uniform(-5, -1.5) if rng.random() < 0.5 else 0.0
    return loudness * rng.standard_normal(samples)


def _pitch(rng: Rng, low: float, high: float) -> float:
    """A number between the two, each octave as probable."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _time(samples: int, rate: int) -> NDArray[np.float64]:
    return np.arange(samples) / rate


def _full(wave: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(wave / (np.abs(wave).max() + _STEP))


def _scaled(wave: NDArray[np.float64]) -> Wave:
    return np.asarray(_PEAK * _full(wave))
