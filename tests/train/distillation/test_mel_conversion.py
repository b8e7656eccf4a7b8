import numpy as np
import pytest
import torch

from genrelens.features.frontend import FrontEnd, band_centres, hz_to_band, mel_decibels, mel_power, noise_power
from genrelens.train.distillation.mel_conversion import LogMelConverter

SOURCE = FrontEnd(hop=1920, center=False)
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


@pytest.mark.parametrize("front_end", [SOURCE, AUDIOSET, FrontEnd(mel_scale="htk", window="hamming")])
def test_noise_power_matches_measured_noise(front_end: FrontEnd) -> None:
    noise = np.random.default_rng(0).standard_normal(front_end.rate * 20)
    measured = mel_power(noise, front_end).mean(axis=1)
    predicted = noise_power(front_end) / front_end.rate  # standard deviation 1, spread over the whole rate
    wide = predicted > 0
    assert np.abs(10 * np.log10(measured[wide] / predicted[wide])).max() < 1


def test_band_centres_are_at_integer_positions() -> None:
    np.testing.assert_allclose(hz_to_band(band_centres(AUDIOSET), AUDIOSET), np.arange(128), atol=1e-9)


def coloured_noise(rate: int) -> np.ndarray:
    """Ten seconds of noise that falls by 6 dB per octave above 300 Hz, and is nearly silent in the last third."""
    rng = np.random.default_rng(1)
    spectrum = np.fft.rfft(rng.standard_normal(10 * rate))
    hz = np.fft.rfftfreq(10 * rate, 1 / rate)
    samples = np.fft.irfft(spectrum / np.maximum(1, hz / 300) * (hz < 10_000))
    samples[len(samples) * 2 // 3 :] *= 1e-2
    return np.asarray(samples)


def test_converted_log_mel_matches_the_target_front_end() -> None:
    """The same noise at both rates has the same level in all bands and frames, except for its fluctuation."""
    frames = AUDIOSET.frames(10 * AUDIOSET.rate)
    own = torch.from_numpy(mel_decibels(coloured_noise(SOURCE.rate), SOURCE)).float()[None]
    converted = LogMelConverter(SOURCE, AUDIOSET, frames)(own, torch.Generator().manual_seed(1))[0].numpy()
    measured = mel_decibels(coloured_noise(AUDIOSET.rate), AUDIOSET)
    assert converted.shape == measured.shape
    below = band_centres(AUDIOSET) < 9_000
    covered = noise_power(AUDIOSET) > 0
    for part in (slice(0, 600), slice(700, None)):
        difference = (converted - measured)[below & covered, part].mean(axis=1)
        assert difference.std() < 1.0
    loud, soft = ((converted[below & covered, part]).mean() for part in (slice(0, 600), slice(700, None)))
    assert loud - soft == pytest.approx(40, abs=1.5)


def test_bands_above_the_source_are_silent_and_level_is_ignored() -> None:
    log_mels = torch.rand(2, 128, 20) * -60
    convert = LogMelConverter(SOURCE, AUDIOSET, 100)
    quiet, loud = (convert(log_mels + gain, torch.Generator().manual_seed(3)) for gain in (0.0, 30.0))
    torch.testing.assert_close(quiet, loud)
    above = band_centres(AUDIOSET) > SOURCE.highest
    assert quiet[:, above].max() < -50
    assert quiet[:, ~above][:, 20:].min() > -90
