"""The front end of EfficientAT's nets, against the formulae of torch and Kaldi that they were taught with."""

import tomllib
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from genrelens.features.frontend import FrontEnd, mel_filterbank
from genrelens.features.spectral import extract_features, to_model_input
from tests.support.paths import ROOT

AUDIOSET = FrontEnd(
    rate=32_000,
    n_fft=1024,
    hop=320,
    pre_emphasis=0.97,
    window="symmetric-hann",
    window_size=800,
    center=False,
    fmax=15_000,
    mel_scale="kaldi",
    normalisation="audioset",
)


def kaldi_bands() -> NDArray[Any]:
    """As `torchaudio.compliance.kaldi.get_mel_banks` computes them, without the frequency at half the rate."""
    mels = 1127 * np.log(1 + np.arange(512) * 31.25 / 700)
    highest = 1127 * np.log(1 + 15_000 / 700)
    centres = highest / 129 * np.arange(130)
    rising = (mels - centres[:-2, None]) / (centres[1:-1] - centres[:-2])[:, None]
    falling = (centres[2:, None] - mels) / (centres[2:] - centres[1:-1])[:, None]
    return np.asarray(np.maximum(0, np.minimum(rising, falling)))


def by_torch(samples: NDArray[Any]) -> NDArray[Any]:
    """The steps of EfficientAT's `AugmentMelSTFT`; its frames are centred, with the ends mirrored."""
    wave = torch.from_numpy(samples)
    emphasised = torch.nn.functional.conv1d(wave[None, None], torch.tensor([[[-0.97, 1]]], dtype=wave.dtype))[0]
    window = torch.hann_window(800, periodic=False, dtype=wave.dtype)
    spectrum = torch.stft(
        emphasised, 1024, 320, 800, window, center=True, pad_mode="reflect", normalized=False, return_complex=True
    )
    mels = torch.from_numpy(kaldi_bands()) @ spectrum.abs()[0, :-1] ** 2
    return np.asarray(((mels + 1e-5).log() + 4.5) / 5)


def test_the_bands_are_kaldis() -> None:
    np.testing.assert_allclose(mel_filterbank(AUDIOSET)[:, :-1], kaldi_bands(), atol=1e-9)
    assert not mel_filterbank(AUDIOSET)[:, -1].any()


def test_the_frames_are_those_that_the_net_was_taught_with() -> None:
    rng = np.random.default_rng(0)
    samples = rng.standard_normal(64_000) * np.geomspace(1e-6, 1, 64_000)  # from below the logarithm's floor
    expected = by_torch(samples)
    # Frame 2 of the centred ones begins at sample 128 of the emphasised, 129 of the others.
    level = extract_features(samples[129:], ("mel",), AUDIOSET)
    ours = to_model_input(level, ("mel",), "stack", AUDIOSET)[0]
    np.testing.assert_allclose(ours[:, :190], expected[:, 2:192], atol=1e-5)
    assert expected[:, 2:192].max() > 1 > -0.9 > expected[:, 2:192].min()


def test_loudness_is_heard() -> None:
    samples = np.random.default_rng(0).standard_normal(8_000).astype(np.float32)
    loud, quiet = (
        to_model_input(extract_features(gain * samples, ("mel",), AUDIOSET), ("mel",), "stack", AUDIOSET)
        for gain in (1, 0.1)
    )
    np.testing.assert_allclose(loud - quiet, np.log(100) / 5, rtol=0.3)


def test_the_recipes_and_the_card_of_mn04_have_it() -> None:
    recipes = ROOT / "recipes"
    for file in ("mn04-finetune.toml", "backbones/mn04.toml"):
        assert FrontEnd(**tomllib.loads((recipes / file).read_text())["input"]["front_end"]) == AUDIOSET
