"""Changes to a recording that must not change its genre: each has a name and a strength."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar

import audiomentations
import av
import numpy as np
import soxr
from numpy.typing import NDArray
from scipy.signal import butter, sosfilt

from genrelens.audio.decoder import to_mono
from genrelens.audio.windows import Samples
from genrelens.train.robustness.codecs import MP3, OPUS, Codec, audio_frame, transcode

_LOW_PASS_ORDER = 8  # 48 dB an octave
_COMPRESSOR = "threshold=0.0316:attack=10:release=150"  # from 30 dB below the peak; milliseconds


@dataclass(frozen=True)
class Perturbation:
    """What is done, and how much of it, in the unit that the kind of change is measured in."""

    family: ClassVar[str]
    sign: ClassVar[str] = ""  # "+" where both directions are there
    words: ClassVar[str]  # with a place for the strength

    strength: float

    @property
    def name(self) -> str:
        """What it is called on the command line and in results."""
        return f"{self.family}:{self.strength:{self.sign}g}"

    def __str__(self) -> str:
        return self.words.format(f"{self.strength:{self.sign}g}")


class AudioPerturbation(Perturbation, ABC):
    """A change to samples."""

    @abstractmethod
    def apply(self, samples: Samples, rate: int, rng: np.random.Generator) -> Samples:
        """The changed samples, float32 (samples,); `rng` is drawn from where chance plays a part."""


class Tempo(AudioPerturbation):
    """Played faster by `strength` percent, at the same pitch (Signalsmith Stretch, by audiomentations)."""

    family, sign, words = "tempo", "+", "tempo {} %"

    def apply(self, samples: Samples, rate: int, rng: np.random.Generator) -> Samples:  # noqa: ARG002
        """Give shorter or longer samples."""
        speed = 1 + self.strength / 100
        stretch = audiomentations.TimeStretch(speed, speed, leave_length_unchanged=False, p=1)
        return np.asarray(stretch(samples, sample_rate=rate), np.float32)


class Pitch(AudioPerturbation):
    """Transposed by `strength` semitones, at the same tempo (Signalsmith Stretch, by audiomentations)."""

    family, sign, words = "pitch", "+", "pitch {} semitones"

    def __str__(self) -> str:
        return super().__str__().removesuffix("s" if abs(self.strength) == 1 else "")

    def apply(self, samples: Samples, rate: int, rng: np.random.Generator) -> Samples:  # noqa: ARG002
        """Give as many samples."""
        shift = audiomentations.PitchShift(self.strength, self.strength, p=1)
        return np.asarray(shift(samples, sample_rate=rate), np.float32)


class Gain(AudioPerturbation):
    """Louder by `strength` decibels; what rises above full scale is not clipped."""

    family, sign, words = "gain", "+", "gain {} dB"

    def apply(self, samples: Samples, rate: int, rng: np.random.Generator) -> Samples:  # noqa: ARG002
        """Give as many samples."""
        return samples * np.float32(10 ** (self.strength / 20))


@dataclass(frozen=True)
class Polarity(AudioPerturbation):
    """All samples times -1."""

    family = "polarity"

    strength: float = -1.0

    @property
    def name(self) -> str:
        """There is one only."""
        return self.family

    def __str__(self) -> str:
        return "polarity inverted"

    def apply(self, samples: Samples, rate: int, rng: np.random.Generator) -> Samples:  # noqa: ARG002
        """Give as many samples."""
        return -samples


class Offset(AudioPerturbation):
    """Begun `strength` seconds later, but not beyond the middle: all windows lie elsewhere."""

    family, words = "offset", "begun {} s later"

    def apply(self, samples: Samples, rate: int, rng: np.random.Generator) -> Samples:  # noqa: ARG002
        """Give fewer samples."""
        return samples[min(round(self.strength * rate), len(samples) // 2) :]


class Transcoding(AudioPerturbation):
    """Encoded at `strength` kbit/s, mono, and decoded."""

    form: ClassVar[Codec]

    def apply(self, samples: Samples, rate: int, rng: np.random.Generator) -> Samples:  # noqa: ARG002
        """Give as many samples."""
        return transcode(samples, rate, self.form, self.strength)


class Mp3(Transcoding):
    """By LAME, at 44.1 kHz."""

    family, words, form = "mp3", "mp3 at {} kbit/s", MP3


class Opus(Transcoding):
    """By libopus, at 48 kHz."""

    family, words, form = "opus", "opus at {} kbit/s", OPUS


class LowPass(AudioPerturbation):
    """Without what lies above `strength` Hz: a Butterworth filter, if the rate leaves it anything to do."""

    family, words = "lowpass", "low-pass at {} Hz"

    def apply(self, samples: Samples, rate: int, rng: np.random.Generator) -> Samples:  # noqa: ARG002
        """Give as many samples."""
        if self.strength >= rate / 2:
            return samples
        return np.asarray(sosfilt(butter(_LOW_PASS_ORDER, self.strength, fs=rate, output="sos"), samples), np.float32)


class Noise(AudioPerturbation):
    """With white Gaussian noise `strength` decibels below the mean power of the track."""

    family, words = "noise", "white noise, SNR {} dB"

    def apply(self, samples: Samples, rate: int, rng: np.random.Generator) -> Samples:  # noqa: ARG002
        """Give as many samples."""
        noise = rng.standard_normal(len(samples), np.float32)
        level = np.sqrt(np.mean(np.square(samples, dtype=np.float64))) * 10 ** (-self.strength / 20)
        return samples + np.float32(level) * noise


class Compression(AudioPerturbation):
    """What is less than 30 dB below the track's peak rises `strength` times more slowly (FFmpeg's acompressor)."""

    family, words = "compression", "compression {}:1"

    def apply(self, samples: Samples, rate: int, rng: np.random.Generator) -> Samples:  # noqa: ARG002
        """Give as many samples."""
        peak = np.abs(samples).max() or np.float32(1)
        graph = av.filter.Graph()
        source = graph.add_abuffer(sample_rate=rate, format="fltp", layout="mono", time_base=Fraction(1, rate))
        graph.link_nodes(
            source, graph.add("acompressor", f"{_COMPRESSOR}:ratio={self.strength}"), graph.add("abuffersink")
        ).configure()
        graph.push(audio_frame(samples / peak, rate))
        graph.push(None)
        return np.concatenate(_pulled(graph)) * peak


class Resampling(AudioPerturbation):
    """Resampled to `strength` Hz and back."""

    family, words = "resampling", "to {} Hz and back"

    def apply(self, samples: Samples, rate: int, rng: np.random.Generator) -> Samples:  # noqa: ARG002
        """Give as many samples, but for one that rounding costs."""
        there = soxr.resample(samples, rate, self.strength)
        return np.asarray(soxr.resample(there, self.strength, rate), np.float32)


class Shuffle(Perturbation):
    """Frames of each window put in another order, in blocks of `strength` seconds; with 0, each by itself.

    Not one of those that must not matter: it tells how much of what a model hears is in the order of frames.
    """

    family, words = "shuffle", "blocks of {} s shuffled"

    def __str__(self) -> str:
        return super().__str__() if self.strength else "frames shuffled"

    def order(self, frames: int, seconds_per_frame: float, rng: np.random.Generator) -> NDArray[np.int64]:
        """Which frame stands at each place, shape (frames,)."""
        size = max(1, round(self.strength / seconds_per_frame))
        blocks = np.split(np.arange(frames), range(size, frames, size))
        return np.concatenate([blocks[number] for number in rng.permutation(len(blocks))])


def _pulled(graph: av.filter.Graph) -> list[Samples]:
    parts: list[Samples] = []
    while True:
        try:
            frame = graph.pull()
        except (av.BlockingIOError, av.EOFError):
            return parts
        assert isinstance(frame, av.AudioFrame)
        parts.append(to_mono(frame))
