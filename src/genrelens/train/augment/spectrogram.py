"""Random changes to windows that leave their genre as it is: each first draws, then applies.

All take their draws from a generator. Those before normalisation work on decibels of log-mels, a tensor
(windows, n_mels, frames); masks and mixtures come after it and work on what the net takes, (windows, planes,
rows, frames).
"""

import torch
from torch import Tensor
from torch.nn import functional

from genrelens.features.frontend import FrontEnd, band_centres, hz_to_band
from genrelens.train.recipes.recipe import AugmentTable

_CURVE_POINTS = 8  # of an equaliser's curve
_NOISE_DB = (-75.0, -40.0)  # level of the noise floor below the window's maximum
_OVERLAY_DB = 10.0  # how much louder or softer the other of two tracks may be


def augment_log_mels(level: Tensor, table: AugmentTable, front_end: FrontEnd, rng: torch.Generator) -> Tensor:
    """Apply to decibels what happens to music before it is heard: pitch, filters, noise."""
    if table.shift:
        level = pitch_shift(level, table.shift, front_end, rng)
    if table.equaliser:
        level = equalise(level, table.equaliser, rng)
    if table.tilt:
        level = tilt(level, table.tilt, rng)
    if table.low_pass:
        level = low_pass(level, table.low_pass, rng)
    if table.noise:
        level = add_noise(level, table.noise, rng)
    return level


def overlay(level: Tensor, targets: Tensor, share: float, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Let that share of the windows be heard together with another of the batch: powers add, and so do targets.

    Unlike what `mixup` makes, this is a sound that there could be.

    Args:
        level: decibels, (windows, n_mels, frames).
        targets: (windows, labels).
        share: of the windows.
        rng: for the draws.

    Returns:
        The sums, and the targets by each one's share of the power at its loudest.
    """
    both = torch.rand(len(level), generator=rng) < share
    other = torch.randperm(len(level), generator=rng)
    louder = _OVERLAY_DB * (2 * torch.rand(len(level), generator=rng) - 1)
    peaks = level.amax(dim=(1, 2))
    second = level[other] + (peaks - peaks[other] + louder)[:, None, None]
    heard = 10 * torch.log10(10 ** (level / 10) + 10 ** (second / 10))
    own = torch.where(both, 1 / (1 + 10 ** (louder / 10)), 1.0)[:, None]
    return torch.where(both[:, None, None], heard, level), own * targets + (1 - own) * targets[other]


def mask(windows: Tensor, table: AugmentTable, rng: torch.Generator) -> Tensor:
    """Blank stretches of time and bands in all planes of normalised windows: they become the mean, 0."""
    for _ in range(table.band_masks):
        windows = _blank(windows, 2, table.band_mask, rng)
    for _ in range(table.time_masks):
        windows = _blank(windows, 3, table.time_mask, rng)
    return windows


def time_stretch(level: Tensor, frames: int, most: float, rng: torch.Generator) -> Tensor:
    """Play windows up to `most` (a share) faster, or as much slower, and keep `frames` of them.

    `level` must hold `stretched_frames(frames, most)` frames, what the fastest needs.
    """
    rates = (1 + most) ** (2 * torch.rand(len(level), generator=rng) - 1)
    positions = torch.arange(frames) * rates[:, None]
    return _at(level, positions.clamp(max=level.shape[2] - 1), axis=2)


def stretched_frames(frames: int, most: float) -> int:
    """How many frames `time_stretch` must be given."""
    return int(frames * (1 + most)) + 1 if most else frames


def pitch_shift(level: Tensor, semitones: float, front_end: FrontEnd, rng: torch.Generator) -> Tensor:
    """Transpose by up to that many semitones: each band takes the level at its frequency times a ratio."""
    ratios = 2 ** (semitones / 12 * (2 * torch.rand(len(level), generator=rng) - 1))
    return _at(level, band_positions(ratios, front_end), axis=1)


def band_positions(ratios: Tensor, front_end: FrontEnd) -> Tensor:
    """Where among the bands (a real index) each band's centre times a ratio lies: (ratios, n_mels)."""
    moved = torch.from_numpy(band_centres(front_end))[None] * ratios[:, None]
    positions = torch.from_numpy(hz_to_band(moved.numpy(), front_end))
    return positions.float().clamp(0, front_end.n_mels - 1)


def equalise(level: Tensor, deviation: float, rng: torch.Generator) -> Tensor:
    """Add a smooth random curve over the bands, of up to that deviation in decibels."""
    strengths = deviation * torch.rand(len(level), 1, 1, generator=rng)
    points = strengths * torch.randn(len(level), 1, _CURVE_POINTS, generator=rng)
    curve = functional.interpolate(points, size=level.shape[1], mode="linear", align_corners=True)
    return level + curve.transpose(1, 2)


def tilt(level: Tensor, deviation: float, rng: torch.Generator) -> Tensor:
    """Raise the high bands against the low ones, or lower them, by that deviation in decibels."""
    slopes = torch.randn(len(level), 1, 1, generator=rng) * deviation
    return level + slopes * torch.linspace(-0.5, 0.5, level.shape[1])[:, None]


def low_pass(level: Tensor, share: float, rng: torch.Generator) -> Tensor:
    """Let a share of the windows fall off above a random band, as old recordings and lossy codecs do."""
    bands = level.shape[1]
    chosen = (torch.rand(len(level), 1, 1, generator=rng) < share).float()
    edges = bands * (0.55 + 0.4 * torch.rand(len(level), 1, 1, generator=rng))
    slopes = 1 + 3 * torch.rand(len(level), 1, 1, generator=rng)  # dB a band
    above = (torch.arange(bands)[:, None] - edges).clamp(min=0)
    return level - chosen * slopes * above


def add_noise(level: Tensor, share: float, rng: torch.Generator) -> Tensor:
    """Give a share of the windows a floor of noise; powers add."""
    chosen = torch.rand(len(level), 1, 1, generator=rng) < share
    low, high = _NOISE_DB
    below = low + (high - low) * torch.rand(len(level), 1, 1, generator=rng)
    floor = level.amax(dim=(1, 2), keepdim=True) + below
    noisy = 10 * torch.log10(10 ** (level / 10) + 10 ** (floor / 10))
    return torch.where(chosen, noisy, level)


def mixup(windows: Tensor, targets: Tensor, alpha: float, share: float, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Mix that share of the windows, and their targets, with others, by weights from Beta(alpha, alpha)."""
    gammas = torch._standard_gamma(torch.full((2, len(windows)), alpha), generator=rng)
    mixed = torch.rand(len(windows), generator=rng) < share
    own = torch.where(mixed, gammas.amax(dim=0) / gammas.sum(dim=0), 1.0)  # at least half is the window's own
    other = torch.randperm(len(windows), generator=rng)
    wide, narrow = own.view(-1, *[1] * (windows.ndim - 1)), own[:, None]
    return (
        wide * windows + (1 - wide) * windows[other],
        narrow * targets + (1 - narrow) * targets[other],
    )


def _blank(windows: Tensor, axis: int, most: int, rng: torch.Generator) -> Tensor:
    size = windows.shape[axis]
    widths = torch.rand(len(windows), 1, generator=rng) * most
    starts = torch.rand(len(windows), 1, generator=rng) * (size - widths)
    places = torch.arange(size)
    blank = (places >= starts) & (places < starts + widths)
    return windows.masked_fill(blank[:, None, :, None] if axis == 2 else blank[:, None, None, :], 0.0)


def _at(level: Tensor, positions: Tensor, axis: int) -> Tensor:
    """Read along an axis at real positions (windows, places), between two neighbours."""
    low = positions.floor().long()
    high = (low + 1).clamp(max=level.shape[axis] - 1)
    share = (positions - low).unsqueeze(3 - axis)

    def pick(places: Tensor) -> Tensor:
        shape = list(level.shape)
        shape[axis] = places.shape[1]
        return level.gather(axis, places.unsqueeze(3 - axis).expand(shape))

    return pick(low) * (1 - share) + pick(high) * share
