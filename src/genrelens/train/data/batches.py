"""Batches of windows for a net: random and varied for training, regular for validation."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import IterableDataset

from genrelens.features.spectral import to_model_input
from genrelens.model.input_spec import AudioInput, PictureInput
from genrelens.train.augment import spectrogram
from genrelens.train.data.log_mels import LogMel
from genrelens.train.data.windows import network_inputs
from genrelens.train.distillation.teacher import Teacher
from genrelens.train.recipes.recipe import Recipe

# Float32 (windows, planes, rows, frames); targets, float32 (windows, labels); and where there is a teacher, what it
# makes of the windows, float32 (windows, features).
Batch = tuple[Tensor, ...]


class TrainingBatches(IterableDataset[Batch]):
    """An epoch each time it is iterated: `crops` random windows of each track, varied and mixed as the recipe says.

    All draws follow from the recipe's seed and the number of the epoch, which is asked for when the epoch
    begins: a resumed training sees what an unbroken one would have seen. Of `ranks` processes that train
    together, each takes its share of each batch.

    Where views are dear to draw, as with a teacher, each serves `echo` epochs, in another order and with other
    parts blanked (Choi et al., arXiv 1907.05550).
    """

    def __init__(
        self,
        levels: Sequence[LogMel],
        targets: NDArray[np.float32],
        recipe: Recipe,
        epoch: Callable[[], int],
        rank: int = 0,
        ranks: int = 1,
        teacher: Teacher | None = None,
    ) -> None:
        self._levels, self._targets = levels, torch.tensor(targets)
        self._recipe, self._epoch = recipe, epoch
        self._rank, self._ranks = rank, ranks
        self._teacher = teacher
        self._kept: tuple[int, Batch] | None = None

    def __len__(self) -> int:
        return batches_per_epoch(len(self._levels), self._recipe)

    def __iter__(self) -> Iterator[Batch]:
        rng = torch.Generator().manual_seed(step_seed(self._recipe.seed, self._epoch()))
        views = self._views(rng) if self._recipe.train.echo == 1 else self._echoes(rng)
        for windows, targets, *taught in views:
            yield *self._veiled(windows, targets, rng), *taught

    def _views(self, rng: torch.Generator) -> Iterator[Batch]:
        """Newly drawn, batch by batch."""
        order = self._order(rng)  # the same in all processes
        self._part_ways(rng)
        for members in torch.split(order, self._recipe.train.batch)[: len(self)]:
            yield self._view(members[self._rank :: self._ranks], rng)

    def _echoes(self, rng: torch.Generator) -> Iterator[Batch]:
        """Those drawn for the first of the epochs that share them, in another order."""
        train = self._recipe.train
        first = self._epoch() // train.echo * train.echo
        if self._kept is None or self._kept[0] != first:
            fresh = torch.Generator().manual_seed(step_seed(self._recipe.seed, first))
            self._kept = first, tuple(map(torch.cat, zip(*self._views(fresh), strict=True)))
        parts = self._kept[1]
        self._part_ways(rng)
        for members in torch.split(torch.randperm(len(parts[0]), generator=rng), train.batch // self._ranks):
            yield tuple(part[members] for part in parts)

    def _part_ways(self, rng: torch.Generator) -> None:
        """From here on each process draws for itself."""
        if self._rank:
            rng.manual_seed(rank_seed(rng.initial_seed(), self._rank))

    def _order(self, rng: torch.Generator) -> Tensor:
        """Every track once, then every track again: the crops of one track do not crowd a batch."""
        return torch.cat([torch.randperm(len(self._levels), generator=rng) for _ in range(_rounds(self._recipe))])

    def _view(self, members: Tensor, rng: torch.Generator) -> Batch:
        own, targets = self._recipe.input, self._targets[members]
        if isinstance(own, PictureInput):
            return self._pictures(members), targets
        level = self._varied(members, own, rng)
        if self._recipe.augment.overlay:
            level, targets = spectrogram.overlay(level, targets, self._recipe.augment.overlay, rng)
        # By the front end that serves: in numpy, on the same memory.
        windows = torch.from_numpy(to_model_input(level.numpy(), own.features, own.layout, own.front_end))
        taught = (self._teacher(level, rng),) if self._teacher else ()
        return windows, targets, *taught

    def _veiled(self, windows: Tensor, targets: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """Windows as a net takes them, mixed and with parts blanked, and what is still true of them."""
        table = self._recipe.train
        if table.mixup:
            windows, targets = spectrogram.mixup(windows, targets, table.mixup_alpha, table.mixup, rng)
        return spectrogram.mask(windows, self._recipe.augment, rng), targets

    def _pictures(self, members: Tensor) -> Tensor:
        return torch.from_numpy(np.stack([self._levels[member] for member in members.tolist()]).astype(np.float32))

    def _varied(self, members: Tensor, sound: AudioInput, rng: torch.Generator) -> Tensor:
        """Decibels of a random stretch of each track, (windows, rows, frames)."""
        table, bands = self._recipe.augment, sound.front_end.n_mels
        level = self._crops(members, spectrogram.stretched_frames(sound.frames, table.stretch), rng)
        if table.stretch:
            level = spectrogram.time_stretch(level, sound.frames, table.stretch, rng)
        mels = spectrogram.augment_log_mels(level[:, :bands], table, sound.front_end, rng)
        return torch.cat([mels, level[:, bands:]], dim=1)

    def _crops(self, members: Tensor, frames: int, rng: torch.Generator) -> Tensor:
        """A random stretch of each track; one that is too short is repeated."""
        places = torch.rand(len(members), generator=rng)
        crops = []
        for member, place in zip(members.tolist(), places.tolist(), strict=True):
            level = self._levels[member]
            start = int(place * max(1, level.shape[1] - frames + 1))
            crops.append(level[:, np.arange(start, start + frames) % level.shape[1]])
        return torch.from_numpy(np.stack(crops).astype(np.float32))


class TrackWindows(IterableDataset[Batch]):
    """Each track's windows, all of them, and the track's targets (labels,)."""

    def __init__(self, levels: Sequence[LogMel], targets: NDArray[np.float32], recipe: Recipe) -> None:
        self._levels, self._targets, self._input = levels, torch.tensor(targets), recipe.input

    def __iter__(self) -> Iterator[Batch]:
        for level, own in zip(self._levels, self._targets, strict=True):
            yield torch.from_numpy(network_inputs(level, self._input)), own

    def __len__(self) -> int:
        return len(self._levels)


def step_seed(seed: int, number: int) -> int:
    """What all draws of an epoch or a step follow from, by its number."""
    return seed * 1_000_003 + number


def rank_seed(seed: int, rank: int) -> int:
    """The same for one of the processes that train together; the first draws as one alone would."""
    return seed + (rank << 40)


def batches_per_epoch(tracks: int, recipe: Recipe) -> int:
    """Full batches only, but at least one: the last, small one would disturb batch normalisation."""
    return max(1, tracks * _rounds(recipe) // recipe.train.batch)


def _rounds(recipe: Recipe) -> int:
    """How often each of the levels is drawn from in an epoch; where all windows are taken, each is one of them."""
    return 1 if recipe.train.crops == "all" else recipe.train.crops
