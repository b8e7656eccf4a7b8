"""mn04 and its front end, against the published release where that is available, and against its formulae."""

import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray

from genrelens.errors import InvalidModelError, RecipeError
from genrelens.features.frontend import FrontEnd, mel_filterbank
from genrelens.features.spectral import extract_features, to_model_input
from genrelens.train.networks.mn import Mn
from genrelens.train.networks.pretrained import load_checkpoint
from tests.support.backbones import AUDIOSET
from tests.support.paths import DATA, ROOT

TEACHERS = DATA.parent / "teachers"


@pytest.mark.data
def test_outputs_match_the_published_network() -> None:
    network = Mn(527, (1, 128, 1000))
    network.load_state_dict(dict(load_checkpoint(str(TEACHERS / "mn04_as_mAP_432.pt"))), strict=True)
    windows = torch.randn(2, 1, 128, 998, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        outputs = network.eval()(windows).numpy(), network.embed(windows).numpy()
    published = onnxruntime.InferenceSession(str(TEACHERS / "mn04_as.onnx"), providers=["CPUExecutionProvider"])
    for actual, expected in zip(outputs, published.run(["logits", "emb"], {"mel": windows.numpy()}), strict=True):
        np.testing.assert_allclose(actual, expected, atol=1e-4)


def test_all_but_the_last_layer_is_loaded_from_the_checkpoint(tmp_path: Path) -> None:
    pretrained = Mn(7, (1, 128, 100))
    torch.save(pretrained.state_dict(), tmp_path / "mn.pt")
    network = Mn(3, (1, 128, 100), weights=str(tmp_path / "mn.pt"))
    mels = torch.randn(1, 1, 128, 64)
    torch.testing.assert_close(network.eval().embed(mels), pretrained.eval().embed(mels))
    assert network(mels).shape == (1, 3)


def test_a_checkpoint_of_another_network_or_input_is_refused(tmp_path: Path) -> None:
    torch.save({"conv1.weight": torch.zeros(3)}, tmp_path / "other.pt")
    with pytest.raises(InvalidModelError, match="another network than Mn"):
        Mn(3, (1, 128, 100), weights=str(tmp_path / "other.pt"))
    torch.save(Mn(3, (1, 128, 100)).state_dict(), tmp_path / "mn.pt")
    with pytest.raises(InvalidModelError, match="is \\(8, 1, 3, 3\\), not \\(8, 2, 3, 3\\)"):
        Mn(3, (2, 128, 100), weights=str(tmp_path / "mn.pt"))


def test_frozen_blocks_keep_their_weights_and_batch_statistics(tmp_path: Path) -> None:
    torch.save(Mn(7, (1, 128, 100)).state_dict(), tmp_path / "mn.pt")
    network = Mn(3, (1, 128, 100), weights=str(tmp_path / "mn.pt"), frozen=7).train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    optimiser = torch.optim.SGD((p for p in network.parameters() if p.requires_grad), lr=0.1)
    network(torch.randn(4, 1, 128, 64)).square().sum().backward()
    optimiser.step()
    changed = {name for name, value in network.state_dict().items() if not value.equal(before[name])}
    assert {name.split(".")[1] for name in changed if name.startswith("features.")} == {str(n) for n in range(7, 17)}
    with pytest.raises(RecipeError, match=r"net\.frozen keeps pretrained weights"):
        Mn(3, (1, 128, 100), frozen=7)


def kaldi_filterbank() -> NDArray[Any]:
    """Return the filters of `torchaudio.compliance.kaldi.get_mel_banks`, (bands, bins) without the highest bin."""
    mels = 1127 * np.log(1 + np.arange(512) * 31.25 / 700)
    highest = 1127 * np.log(1 + 15_000 / 700)
    centres = highest / 129 * np.arange(130)
    rising = (mels - centres[:-2, None]) / (centres[1:-1] - centres[:-2])[:, None]
    falling = (centres[2:, None] - mels) / (centres[2:] - centres[1:-1])[:, None]
    return np.asarray(np.maximum(0, np.minimum(rising, falling)))


def augment_mel_stft(samples: NDArray[Any]) -> NDArray[Any]:
    """Return the log-mel of EfficientAT's `AugmentMelSTFT`: centred frames, with the ends of the track mirrored."""
    wave = torch.from_numpy(samples)
    emphasised = torch.nn.functional.conv1d(wave[None, None], torch.tensor([[[-0.97, 1]]], dtype=wave.dtype))[0]
    window = torch.hann_window(800, periodic=False, dtype=wave.dtype)
    spectrum = torch.stft(
        emphasised, 1024, 320, 800, window, center=True, pad_mode="reflect", normalized=False, return_complex=True
    )
    mels = torch.from_numpy(kaldi_filterbank()) @ spectrum.abs()[0, :-1] ** 2
    return np.asarray(((mels + 1e-5).log() + 4.5) / 5)


def log_mel(samples: NDArray[Any]) -> NDArray[Any]:
    """Return the input of mn04 for samples at 32 kHz, (bands, frames)."""
    return np.asarray(to_model_input(extract_features(samples, ("mel",), AUDIOSET), ("mel",), "stack", AUDIOSET)[0])


def test_mel_bands_are_those_of_kaldi() -> None:
    np.testing.assert_allclose(mel_filterbank(AUDIOSET)[:, :-1], kaldi_filterbank(), atol=1e-9)
    assert not mel_filterbank(AUDIOSET)[:, -1].any()


def test_frames_are_those_of_the_published_front_end() -> None:
    rng = np.random.default_rng(0)
    samples = rng.standard_normal(64_000) * np.geomspace(1e-6, 1, 64_000)  # from below the floor of the logarithm
    expected = augment_mel_stft(samples)
    # Centred frame 2 begins at sample 128 of the emphasised signal, which is sample 129 of the original.
    actual = log_mel(samples[129:])
    np.testing.assert_allclose(actual[:, :190], expected[:, 2:192], atol=1e-5)
    assert expected[:, 2:192].max() > 1 > -0.9 > expected[:, 2:192].min()


def test_the_log_mel_depends_on_loudness() -> None:
    samples = np.random.default_rng(0).standard_normal(8_000).astype(np.float32)
    np.testing.assert_allclose(log_mel(samples) - log_mel(0.1 * samples), np.log(100) / 5, rtol=0.3)


@pytest.mark.parametrize("recipe", ["mn04-finetune.toml", "backbones/mn04.toml"])
def test_recipes_of_mn04_use_its_front_end(recipe: str) -> None:
    content = tomllib.loads((ROOT / "recipes" / recipe).read_text())
    assert FrontEnd(**content["input"]["front_end"]) == AUDIOSET
