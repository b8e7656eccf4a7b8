"""Round trips of samples through lossy codecs."""

import io
from dataclasses import dataclass

import av
import numpy as np
import soxr

from genrelens.audio.decoder import load
from genrelens.audio.windows import Samples


@dataclass(frozen=True)
class Codec:
    """A lossy codec.

    Attributes:
        encoder: FFmpeg's name of the encoder.
        container: FFmpeg's name of the container.
        rate: usual sampling rate of music in Hz.
    """

    encoder: str
    container: str
    rate: int


MP3 = Codec("libmp3lame", "mp3", 44_100)
OPUS = Codec("libopus", "ogg", 48_000)


def transcode(samples: Samples, rate: int, codec: Codec, kbits: float) -> Samples:
    """Encode and decode samples; the result has the same length and no delay.

    Both containers store the silence that the encoder adds before and after, and the decoder removes it.

    Args:
        samples: mono audio, shape (samples,).
        rate: sampling rate in Hz.
        codec: codec to encode with.
        kbits: bit rate in kbit/s.
    """
    resampled = soxr.resample(samples, rate, codec.rate)
    decoded = load(_encode(resampled, codec, kbits), rate)
    return np.pad(decoded, (0, max(0, len(samples) - len(decoded))))[: len(samples)]


def _encode(samples: Samples, codec: Codec, kbits: float) -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format=codec.container) as output:
        stream = output.add_stream(codec.encoder, rate=codec.rate, layout="mono")
        assert isinstance(stream, av.AudioStream)
        stream.bit_rate = round(kbits * 1000)
        encoder = stream.codec_context
        encoder.open()  # sets `frame_size`
        resampler = av.AudioResampler(encoder.format, encoder.layout, codec.rate, encoder.frame_size or None)
        for frame in [*resampler.resample(audio_frame(samples, codec.rate)), *resampler.resample(None)]:
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return file.getvalue()


def audio_frame(samples: Samples, rate: int) -> av.AudioFrame:
    """Wrap mono samples at `rate` Hz in a frame of FFmpeg."""
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples[None]), format="fltp", layout="mono")
    frame.sample_rate, frame.pts = rate, 0
    return frame
