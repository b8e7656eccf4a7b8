import numpy as np
import pytest
import torch

from genrelens.features.frontend import FrontEnd, band_centres, hz_to_band, mel_decibels, mel_power, noise_power
from genrelens.train.distillation.mel_conversion import LogMelConverter

OWN = FrontEnd(hop=1920, center=False)
AUDIOSET = FrontEnd(
    rate=32_000,
    n_fft=1024,
    hop=320,
    pre_emphasis=0.97,
    window="symmetric-hann",
    window_size=800,
    center=False,
    fmax=15_000.0,
    mel_scale="kaldi",
    normalisation="audioset",
)


@pytest.mark.parametrize("front_end", [OWN, AUDIOSET, FrontEnd(mel_scale="htk", window="hamming")])
def test_noise_has_the_power_that_is_foretold(front_end: FrontEnd) -> None:
    noise = np.random.default_rng(0).standard_normal(front_end.rate * 20)
    heard = mel_power(noise, front_end).mean(axis=1)
    foretold = noise_power(front_end) / front_end.rate  # of deviation 1, spread over all of the rate
    wide = foretold > 0
    assert np.abs(10 * np.log10(heard[wide] / foretold[wide])).max() < 1


def test_a_band_lies_at_its_own_place() -> None:
    np.testing.assert_allclose(hz_to_band(band_centres(AUDIOSET), AUDIOSET), np.arange(128), atol=1e-9)


def coloured_noise(rate: int) -> np.ndarray:
    """Ten seconds that fall by 6 dB an octave above 300 Hz, and are silent for the last third."""
    rng = np.random.default_rng(1)
    spectrum = np.fft.rfft(rng.standard_normal(10 * rate))
    hz = np.fft.rfftfreq(10 * rate, 1 / rate)
    samples = np.fft.irfft(spectrum / np.maximum(1, hz / 300) * (hz < 10_000))
    samples[len(samples) * 2 // 3 :] *= 1e-2
    return np.asarray(samples)


def test_it_sounds_as_the_other_front_end_would_have_heard_it() -> None:
    """The same noise, made at both rates, is the same in all bands and frames but for how it moves."""
    frames = AUDIOSET.frames(10 * AUDIOSET.rate)
    own = torch.from_numpy(mel_decibels(coloured_noise(OWN.rate), OWN)).float()[None]
    guessed = LogMelConverter(OWN, AUDIOSET, frames)(own, torch.Generator().manual_seed(1))[0].numpy()
    heard = mel_decibels(coloured_noise(AUDIOSET.rate), AUDIOSET)
    assert guessed.shape == heard.shape
    below = band_centres(AUDIOSET) < 9_000
    told = noise_power(AUDIOSET) > 0
    for part in (slice(0, 600), slice(700, None)):
        difference = (guessed - heard)[below & told, part].mean(axis=1)
        assert difference.std() < 1.0
    loud, soft = ((guessed[below & told, part]).mean() for part in (slice(0, 600), slice(700, None)))
    assert loud - soft == pytest.approx(40, abs=1.5)


def test_it_is_silent_above_the_own_bands_and_deaf_to_loudness() -> None:
    level = torch.rand(2, 128, 20) * -60
    resound = LogMelConverter(OWN, AUDIOSET, 100)
    heard, louder = (resound(level + gain, torch.Generator().manual_seed(3)) for gain in (0.0, 30.0))
    torch.testing.assert_close(heard, louder)
    above = band_centres(AUDIOSET) > OWN.highest
    assert heard[:, above].max() < -50
    assert heard[:, ~above][:, 20:].min() > -90
