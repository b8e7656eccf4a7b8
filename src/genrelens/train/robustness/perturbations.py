"""Perturbations of audio that preserve its genre; each has a name and a strength."""

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

_LOW_PASS_ORDER = 8  # 48 dB per octave
_COMPRESSOR = "threshold=0.0316:attack=10:release=150"  # from 30 dB below the peak; times in milliseconds


@dataclass(frozen=True)
class Perturbation:
    """A perturbation and its strength.

    Attributes:
        family: name of the kind of perturbation.
        sign: "+" where the strength has two directions.
        description: display text with a placeholder for the strength.
        strength: in the unit of the family.
    """

    family: ClassVar[str]
    sign: ClassVar[str] = ""
    description: ClassVar[str]

    strength: float

    @property
    def name(self) -> str:
        """Name on the command line and in results, such as "mp3:64"."""
        return f"{self.family}:{self.strength:{self.sign}g}"

    def __str__(self) -> str:
        return self.description.format(f"{self.strength:{self.sign}g}")


class AudioPerturbation(Perturbation, ABC):
    """A perturbation of samples."""

    @abstractmethod
    def apply(self, samples: Samples, rate: int, rng: np.random.Generator) -> Samples:
        """Return the perturbed samples, float32 (samples,).

        Args:
            samples: mono audio, shape (samples,).
            rate: sampling rate in Hz.
            rng: source of random numbers for perturbations that need them.
        """


class Tempo(AudioPerturbation):
    """Tempo raised by `strength` percent at the same pitch (Signalsmith Stretch, through audiomentations)."""

    family, sign, description = "tempo", "+", "tempo {} %"

    def apply(self, samples: Samples, rate: int, rng: np.random.Generator) -> Samples:  # noqa: ARG002
        """Return stretched samples, whose number differs."""
        factor = 1 + self.strength / 100
        stretch = audiomentations.TimeStretch(factor, factor, leave_length_unchanged=False, p=1)
        return np.asarray(stretch(samples, sample_rate=rate), np.float32)


class Pitch(AudioPerturbation):
    """Pitch shifted by `strength` semitones at the same tempo (Signalsmith Stretch, through audiomentations)."""

    family, sign, description = "pitch", "+", "pitch {} semitones"

    def __str__(self) -> str:
        return super().__str__().removesuffix("s" if abs(self.strength) == 1 else "")

    def apply(self, samples: Samples, rate: int, rng: np.random.Generator) -> Samples:  # noqa: ARG002
        """Return as many samples."""
        shift = audiomentations.PitchShift(self.strength, self.strength, p=1)
        return np.asarray(shift(samples, sample_rate=rate), np.float32)


class Gain(AudioPerturbation):
    """Gain of `strength` decibels; samples above full scale are not clipped."""

    family, sign, description = "gain", "+", "gain {} dB"

    def apply(self, samples: Samples, rate: int, rng: np.random.Generator) -> Samples:  # noqa: ARG002
        """Return as many samples."""
        return samples * np.float32(10 ** (self.strength / 20))


@dataclass(frozen=True)
class Polarity(AudioPerturbation):
    """Inverted polarity."""

    family = "polarity"

    strength: float = -1.0

    @property
    def name(self) -> str:
        """Name without a strength, as there is only one."""
        return self.family

    def __str__(self) -> str:
        return "polarity inverted"

    def apply(self, samples: Samples, rate: int, rng: np.random.Generator) -> Samples:  # noqa: ARG002
        """Return as many samples."""
        return -samples


class Offset(AudioPerturbation):
    """Start `strength` seconds later, but at most at the middle; all windows shift."""

    family, description = "offset", "start offset {} s"

    def apply(self, samples: Samples, rate: int, rng: np.random.Generator) -> Samples:  # noqa: ARG002
        """Return fewer samples."""
        return samples[min(round(self.strength * rate), len(samples) // 2) :]


class Transcoding(AudioPerturbation):
    """Encoding at `strength` kbit/s, mono, and decoding."""

    codec: ClassVar[Codec]

    def apply(self, samples: Samples, rate: int, rng: np.random.Generator) -> Samples:  # noqa: ARG002
        """Return as many samples."""
        return transcode(samples, rate, self.codec, self.strength)


class Mp3(Transcoding):
    """MP3 by LAME at 44.1 kHz."""

    family, description, codec = "mp3", "mp3 at {} kbit/s", MP3


class Opus(Transcoding):
    """Opus by libopus at 48 kHz."""

    family, description, codec = "opus", "opus at {} kbit/s", OPUS


class LowPass(AudioPerturbation):
    """Butterworth low-pass filter at `strength` Hz; without effect if the sampling rate is too low for it."""

    family, description = "lowpass", "low-pass at {} Hz"

    def apply(self, samples: Samples, rate: int, rng: np.random.Generator) -> Samples:  # noqa: ARG002
        """Return as many samples."""
        if self.strength >= rate / 2:
            return samples
        return np.asarray(sosfilt(butter(_LOW_PASS_ORDER, self.strength, fs=rate, output="sos"), samples), np.float32)


class Noise(AudioPerturbation):
    """White Gaussian noise `strength` decibels below the mean power of the track."""

    family, description = "noise", "white noise, SNR {} dB"

    def apply(self, samples: Samples, rate: int, rng: np.random.Generator) -> Samples:  # noqa: ARG002
        """Return as many samples."""
        noise = rng.standard_normal(len(samples), np.float32)
        amplitude = np.sqrt(np.mean(np.square(samples, dtype=np.float64))) * 10 ** (-self.strength / 20)
        return samples + np.float32(amplitude) * noise


class Compression(AudioPerturbation):
    """Dynamic range compression of ratio `strength` from 30 dB below the track's peak (FFmpeg's acompressor)."""

    family, description = "compression", "compression {}:1"

    def apply(self, samples: Samples, rate: int, rng: np.random.Generator) -> Samples:  # noqa: ARG002
        """Return as many samples."""
        peak = np.abs(samples).max() or np.float32(1)
        graph = av.filter.Graph()
        source = graph.add_abuffer(sample_rate=rate, format="fltp", layout="mono", time_base=Fraction(1, rate))
        compressor = graph.add("acompressor", f"{_COMPRESSOR}:ratio={self.strength}")
        graph.link_nodes(source, compressor, graph.add("abuffersink")).configure()
        graph.push(audio_frame(samples / peak, rate))
        graph.push(None)
        return np.concatenate(_pull_samples(graph)) * peak


class Resampling(AudioPerturbation):
    """Resampling to `strength` Hz and back."""

    family, description = "resampling", "to {} Hz and back"

    def apply(self, samples: Samples, rate: int, rng: np.random.Generator) -> Samples:  # noqa: ARG002
        """Return as many samples, or one less due to rounding."""
        resampled = soxr.resample(samples, rate, self.strength)
        return np.asarray(soxr.resample(resampled, self.strength, rate), np.float32)


class Shuffle(Perturbation):
    """Shuffled frames within each window, in blocks of `strength` seconds, or singly for 0.

    Unlike the other perturbations, it is not expected to preserve the genre: it shows how much a model relies on the
    temporal order of frames.
    """

    family, description = "shuffle", "blocks of {} s shuffled"

    def __str__(self) -> str:
        return super().__str__() if self.strength else "frames shuffled"

    def order(self, frames: int, seconds_per_frame: float, rng: np.random.Generator) -> NDArray[np.int64]:
        """Return the source frame of each position, shape (frames,)."""
        size = max(1, round(self.strength / seconds_per_frame))
        blocks = np.split(np.arange(frames), range(size, frames, size))
        return np.concatenate([blocks[number] for number in rng.permutation(len(blocks))])


def _pull_samples(graph: av.filter.Graph) -> list[Samples]:
    parts: list[Samples] = []
    while True:
        try:
            frame = graph.pull()
        except (av.BlockingIOError, av.EOFError):
            return parts
        assert isinstance(frame, av.AudioFrame)
        parts.append(to_mono(frame))
