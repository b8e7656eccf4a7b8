"""Samples as they come back from a lossy codec."""

import io
from dataclasses import dataclass

import av
import numpy as np
import soxr

from genrelens.audio.decoder import load
from genrelens.audio.windows import Samples


@dataclass(frozen=True)
class Codec:
    """A codec as FFmpeg calls its encoder and its container, and the rate that music is usually encoded at, in Hz."""

    encoder: str
    container: str
    rate: int


MP3 = Codec("libmp3lame", "mp3", 44_100)
OPUS = Codec("libopus", "ogg", 48_000)


def transcode(samples: Samples, rate: int, form: Codec, kbits: float) -> Samples:
    """Encode and decode.

    Both containers tell how much silence the encoder put before and after, and the decoder leaves it out: the
    result is as long as the samples, and not delayed.

    Args:
        samples: mono, shape (samples,).
        rate: in Hz.
        form: what to encode with.
        kbits: thousands of bits a second, for the one channel.
    """
    wire = soxr.resample(samples, rate, form.rate)
    back = load(_encoded(wire, form, kbits), rate)
    return np.pad(back, (0, max(0, len(samples) - len(back))))[: len(samples)]


def _encoded(samples: Samples, form: Codec, kbits: float) -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format=form.container) as output:
        stream = output.add_stream(form.encoder, rate=form.rate, layout="mono")
        assert isinstance(stream, av.AudioStream)
        stream.bit_rate = round(kbits * 1000)
        coder = stream.codec_context
        coder.open()  # which tells how many samples it takes at a time
        fitting = av.AudioResampler(coder.format, coder.layout, form.rate, coder.frame_size or None)
        for piece in [*fitting.resample(audio_frame(samples, form.rate)), *fitting.resample(None)]:
            output.mux(stream.encode(piece))
        output.mux(stream.encode(None))
    return file.getvalue()


def audio_frame(samples: Samples, rate: int) -> av.AudioFrame:
    """Mono samples as FFmpeg takes them."""
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples[None]), format="fltp", layout="mono")
    frame.sample_rate, frame.pts = rate, 0
    return frame
