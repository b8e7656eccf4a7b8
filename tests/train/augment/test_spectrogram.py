import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from genrelens.features.frontend import FrontEnd, log_mel, mel_filterbank
from genrelens.train.augment import spectrogram
from genrelens.train.recipes.recipe import AugmentTable

FRONT_END = FrontEnd(hop=1024)
ALL = AugmentTable(
    shift=2, equaliser=6, tilt=6, low_pass=0.5, noise=0.5, time_masks=2, time_mask=5, band_masks=2, band_mask=9
)


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def augment(original: torch.Tensor, table: AugmentTable, seed: int) -> torch.Tensor:
    augmented = spectrogram.augment_log_mels(original, table, FRONT_END, rng(seed))
    return spectrogram.mask(augmented[:, None], table, rng(seed))[:, 0]


def log_mels(windows: int = 4) -> torch.Tensor:
    noise = np.random.default_rng(0).standard_normal((windows, 22_050))
    return torch.from_numpy(log_mel(noise, FRONT_END).astype(np.float32))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31))
def test_augmentation_is_determined_by_the_generator(seed: int) -> None:
    original = log_mels()
    once, again = (augment(original, ALL, seed) for _ in range(2))
    assert once.shape == original.shape
    assert torch.isfinite(once).all()
    assert torch.equal(once, again)
    assert not torch.equal(once, original)


def test_default_settings_change_nothing() -> None:
    original = log_mels()
    table = AugmentTable()
    assert spectrogram.augment_log_mels(original, table, FRONT_END, rng()) is original
    assert spectrogram.mask(original, table, rng()) is original


def test_time_stretch_changes_the_speed() -> None:
    ramp = torch.arange(200.0).expand(64, 3, 200)
    assert spectrogram.stretched_frames(100, 0.5) == 151
    stretched = spectrogram.time_stretch(ramp, 100, 0.5, rng())
    rates = stretched[:, 0, 99] / 99
    assert rates.min() > 1 / 1.5 - 1e-4
    assert rates.max() < 1.5 + 1e-4
    assert rates.std() > 0.1
    torch.testing.assert_close(stretched[:, 1], rates[:, None] * torch.arange(100.0))


@pytest.mark.parametrize("semitones", [-3, 0, 2])
def test_band_positions_transpose(semitones: float) -> None:
    ratio = 2 ** (semitones / 12)

    def peak(hz: float) -> int:
        wave = np.sin(2 * np.pi * hz * np.arange(22_050) / 22_050)
        return int(log_mel(wave, FRONT_END).mean(axis=1).argmax())

    positions = spectrogram.band_positions(torch.tensor([1 / ratio]), FRONT_END)[0]
    for hz in (500.0, 1_000.0, 3_000.0):
        assert positions[peak(hz * ratio)] == pytest.approx(peak(hz), abs=1.01)


def test_band_positions_without_a_shift_are_the_bands() -> None:
    positions = spectrogram.band_positions(torch.ones(1), FRONT_END)[0]
    torch.testing.assert_close(positions, torch.arange(128.0), atol=1e-3, rtol=0)
    assert mel_filterbank(FRONT_END).shape[0] == 128


def test_filters_are_constant_over_time_and_noise_only_adds() -> None:
    original = log_mels()
    for filtered in (
        spectrogram.equalise(original, 6, rng()),
        spectrogram.tilt(original, 6, rng()),
        spectrogram.low_pass(original, 1.0, rng()),
    ):
        difference = filtered - original
        torch.testing.assert_close(difference, difference[:, :, :1].expand_as(difference), atol=1e-3, rtol=0)
        assert difference.abs().max() > 1
    assert (spectrogram.low_pass(original, 1.0, rng()) <= original).all()
    assert (spectrogram.add_noise(original, 1.0, rng()) >= original - 1e-4).all()
    torch.testing.assert_close(spectrogram.add_noise(original, 0.0, rng()), original)


def test_masks_cover_whole_bands_and_frames() -> None:
    ones = torch.ones(50, 2, 128, 60)
    table = AugmentTable(band_masks=1, band_mask=20, time_masks=1, time_mask=10)
    masked, other = spectrogram.mask(ones, table, rng()).unbind(dim=1)
    assert torch.equal(masked, other)  # all channels alike
    masked_bands = (masked == 0).all(dim=2).sum(dim=1)
    masked_frames = (masked == 0).all(dim=1).sum(dim=1)
    assert 5 < masked_bands.float().mean() < 15
    assert 2 < masked_frames.float().mean() < 8
    assert masked_bands.max() <= 21
    assert masked_frames.max() <= 11


def test_mixup_mixes_windows_and_targets_equally() -> None:
    windows = torch.eye(8)[:, None].repeat(1, 3, 1)  # window i is 1 only in column i
    mixed, targets = spectrogram.mixup(windows, torch.eye(8), 0.3, 0.5, rng(1))
    torch.testing.assert_close(mixed[:, 0], targets)
    torch.testing.assert_close(targets.sum(dim=1), torch.ones(8))
    assert (targets.diagonal() >= 0.5).all()
    assert 1 <= (targets.diagonal() < 1).sum() < 8
    same, _ = spectrogram.mixup(windows, torch.eye(8), 0.3, 0.0, rng(1))
    assert torch.equal(same, windows)


def test_overlay_adds_powers_and_weights_targets() -> None:
    original = torch.full((64, 4, 6), -60.0)
    for window in range(64):
        original[window, window % 4] = 0.0
    targets = torch.eye(4)[torch.arange(64) % 4]
    overlaid, mixed = spectrogram.overlay(original, targets, 1.0, rng())
    torch.testing.assert_close(mixed.sum(dim=1), torch.ones(64))
    for window in range(64):
        label = window % 4
        other = int((mixed[window] - torch.eye(4)[label]).argmax())
        if other == label or mixed[window, label] == 1:
            continue
        louder = overlaid[window, other, 0] - overlaid[window, label, 0]
        assert -10.1 <= louder <= 10.1
        assert mixed[window, other].item() == pytest.approx(1 / (1 + 10 ** (-louder.item() / 10)), abs=0.01)


def test_overlay_affects_the_given_fraction() -> None:
    original, targets = torch.rand(400, 3, 3) * -60.0, torch.eye(400)
    overlaid, mixed = spectrogram.overlay(original, targets, 0.25, rng())
    changed = (overlaid != original).flatten(1).any(dim=1)
    assert 60 <= changed.sum() <= 140
    assert torch.equal(mixed[~changed], targets[~changed])
