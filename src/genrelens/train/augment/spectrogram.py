"""Data augmentation of log-mels and of normalised windows.

All functions draw from a given generator. Augmentations before normalisation take log-mels in decibels, a tensor of
shape (windows, n_mels, frames); masks and mixup take normalised windows as networks do, (windows, channels, rows,
frames).
"""

import torch
from torch import Tensor
from torch.nn import functional

from genrelens.features.frontend import FrontEnd, band_centres, hz_to_band
from genrelens.train.recipes.recipe import AugmentTable

_CURVE_POINTS = 8  # control points of an equaliser curve
_NOISE_DB = (-75.0, -40.0)  # range of the noise floor, relative to the window's maximum
_OVERLAY_DB = 10.0  # maximum difference in level between two overlaid windows
_CUTOFF = (0.55, 0.95)  # range of the low-pass cutoff, as a fraction of the bands
_ROLL_OFF = (1.0, 4.0)  # range of the low-pass slope, in decibels per band


def augment_log_mels(log_mels: Tensor, table: AugmentTable, front_end: FrontEnd, rng: torch.Generator) -> Tensor:
    """Apply pitch shift, equaliser, tilt, low-pass filter and noise to log-mels in decibels."""
    if table.shift:
        log_mels = pitch_shift(log_mels, table.shift, front_end, rng)
    if table.equaliser:
        log_mels = equalise(log_mels, table.equaliser, rng)
    if table.tilt:
        log_mels = tilt(log_mels, table.tilt, rng)
    if table.low_pass:
        log_mels = low_pass(log_mels, table.low_pass, rng)
    if table.noise:
        log_mels = add_noise(log_mels, table.noise, rng)
    return log_mels


def overlay(log_mels: Tensor, targets: Tensor, fraction: float, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Add the power of another window of the batch to a fraction of the windows.

    Unlike with `mixup`, the result corresponds to real audio: two tracks played together.

    Returns:
        The log-mels, and the targets (windows, labels), weighted by the peak power of the two windows.
    """
    chosen = torch.rand(len(log_mels), generator=rng) < fraction
    other = torch.randperm(len(log_mels), generator=rng)
    gains = _OVERLAY_DB * (2 * torch.rand(len(log_mels), generator=rng) - 1)
    peaks = log_mels.amax(dim=(1, 2))
    second = log_mels[other] + (peaks - peaks[other] + gains)[:, None, None]
    overlaid = torch.where(chosen[:, None, None], _add_powers(log_mels, second), log_mels)
    weights = torch.where(chosen, 1 / (1 + 10 ** (gains / 10)), 1.0)[:, None]
    return overlaid, weights * targets + (1 - weights) * targets[other]


def mask(windows: Tensor, table: AugmentTable, rng: torch.Generator) -> Tensor:
    """Apply time and frequency masks to all channels of normalised windows; masked values become the mean, 0."""
    for axis, count, max_width in ((2, table.band_masks, table.band_mask), (3, table.time_masks, table.time_mask)):
        for _ in range(count):
            positions = torch.arange(windows.shape[axis])
            widths = torch.rand(len(windows), 1, generator=rng) * max_width
            starts = torch.rand(len(windows), 1, generator=rng) * (len(positions) - widths)
            masked = (positions >= starts) & (positions < starts + widths)
            windows = windows.masked_fill(masked[:, None, :, None] if axis == 2 else masked[:, None, None, :], 0.0)
    return windows


def time_stretch(log_mels: Tensor, frames: int, maximum: float, rng: torch.Generator) -> Tensor:
    """Speed windows up by a factor of at most 1 + `maximum`, or slow them down by as much, and keep `frames` frames.

    `log_mels` must have `stretched_frames(frames, maximum)` frames, as the highest speed needs.
    """
    rates = (1 + maximum) ** (2 * torch.rand(len(log_mels), generator=rng) - 1)
    positions = torch.arange(frames) * rates[:, None]
    return _interpolate(log_mels, positions.clamp(max=log_mels.shape[2] - 1), axis=2)


def stretched_frames(frames: int, maximum: float) -> int:
    """Return the number of frames that `time_stretch` needs."""
    return int(frames * (1 + maximum)) + 1 if maximum else frames


def pitch_shift(log_mels: Tensor, semitones: float, front_end: FrontEnd, rng: torch.Generator) -> Tensor:
    """Transpose by up to `semitones` up or down: each band takes the value at its frequency times a ratio."""
    ratios = 2 ** (semitones / 12 * (2 * torch.rand(len(log_mels), generator=rng) - 1))
    return _interpolate(log_mels, band_positions(ratios, front_end), axis=1)


def band_positions(ratios: Tensor, front_end: FrontEnd) -> Tensor:
    """Return the fractional band index of each band's centre times a ratio, shape (ratios, n_mels)."""
    shifted = torch.from_numpy(band_centres(front_end))[None] * ratios[:, None]
    positions = torch.from_numpy(hz_to_band(shifted.numpy(), front_end))
    return positions.float().clamp(0, front_end.n_mels - 1)


def equalise(log_mels: Tensor, deviation: float, rng: torch.Generator) -> Tensor:
    """Add a smooth random curve over the bands, with a standard deviation of up to `deviation` decibels."""
    strengths = deviation * torch.rand(len(log_mels), 1, 1, generator=rng)
    points = strengths * torch.randn(len(log_mels), 1, _CURVE_POINTS, generator=rng)
    curve = functional.interpolate(points, size=log_mels.shape[1], mode="linear", align_corners=True)
    return log_mels + curve.transpose(1, 2)


def tilt(log_mels: Tensor, deviation: float, rng: torch.Generator) -> Tensor:
    """Add a spectral tilt from the lowest to the highest band, with a standard deviation in decibels."""
    slopes = torch.randn(len(log_mels), 1, 1, generator=rng) * deviation
    return log_mels + slopes * torch.linspace(-0.5, 0.5, log_mels.shape[1])[:, None]


def low_pass(log_mels: Tensor, fraction: float, rng: torch.Generator) -> Tensor:
    """Attenuate a fraction of the windows above a random band, as old recordings and lossy codecs do."""
    bands = log_mels.shape[1]
    chosen = (torch.rand(len(log_mels), 1, 1, generator=rng) < fraction).float()
    cutoffs = bands * _uniform(_CUTOFF, len(log_mels), rng)
    slopes = _uniform(_ROLL_OFF, len(log_mels), rng)
    above = (torch.arange(bands)[:, None] - cutoffs).clamp(min=0)
    return log_mels - chosen * slopes * above


def add_noise(log_mels: Tensor, fraction: float, rng: torch.Generator) -> Tensor:
    """Add the power of a noise floor to a fraction of the windows."""
    chosen = torch.rand(len(log_mels), 1, 1, generator=rng) < fraction
    floor = log_mels.amax(dim=(1, 2), keepdim=True) + _uniform(_NOISE_DB, len(log_mels), rng)
    return torch.where(chosen, _add_powers(log_mels, floor), log_mels)


def mixup(
    windows: Tensor, targets: Tensor, alpha: float, fraction: float, rng: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Mix a fraction of the windows and their targets with others, by weights from Beta(alpha, alpha).

    The weight of the window itself is at least one half.
    """
    gammas = torch._standard_gamma(torch.full((2, len(windows)), alpha), generator=rng)
    chosen = torch.rand(len(windows), generator=rng) < fraction
    weights = torch.where(chosen, gammas.amax(dim=0) / gammas.sum(dim=0), 1.0)
    other = torch.randperm(len(windows), generator=rng)
    window_weights, target_weights = weights.view(-1, *[1] * (windows.ndim - 1)), weights[:, None]
    return (
        window_weights * windows + (1 - window_weights) * windows[other],
        target_weights * targets + (1 - target_weights) * targets[other],
    )


def _interpolate(log_mels: Tensor, positions: Tensor, axis: int) -> Tensor:
    """Interpolate linearly along an axis at fractional positions, shape (windows, positions)."""
    lower = positions.floor().long()
    upper = (lower + 1).clamp(max=log_mels.shape[axis] - 1)
    upper_weight = (positions - lower).unsqueeze(3 - axis)

    def gather(indices: Tensor) -> Tensor:
        shape = list(log_mels.shape)
        shape[axis] = indices.shape[1]
        return log_mels.gather(axis, indices.unsqueeze(3 - axis).expand(shape))

    return gather(lower) * (1 - upper_weight) + gather(upper) * upper_weight


def _add_powers(first: Tensor, second: Tensor) -> Tensor:
    """Return the sum of two powers in decibels."""
    return 10 * torch.log10(10 ** (first / 10) + 10 ** (second / 10))


def _uniform(limits: tuple[float, float], count: int, rng: torch.Generator) -> Tensor:
    """Draw uniform random values of shape (count, 1, 1)."""
    low, high = limits
    return low + (high - low) * torch.rand(count, 1, 1, generator=rng)
