"""Batches of windows for a net: random and varied for training, regular for validation."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.data import IterableDataset

from genrelens.frontend import normalised, refloor
from genrelens.train import augment
from genrelens.train.evaluate import net_windows
from genrelens.train.mels import Level
from genrelens.train.recipe import Recipe

Batch = tuple[Tensor, Tensor]  # float32 (windows, 1, n_mels, frames); targets, float32 (windows, labels)


class TrainingBatches(IterableDataset[Batch]):
    """An epoch each time it is iterated: `crops` random windows of each track, varied and mixed as the recipe says.

    All draws follow from the recipe's seed and the number of the epoch, which is asked for when the epoch
    begins: a resumed training sees what an unbroken one would have seen. Of `ranks` processes that train
    together, each takes its share of each batch.
    """

    def __init__(
        self,
        levels: Sequence[Level],
        truth: Sequence[int],
        labels: int,
        recipe: Recipe,
        epoch: Callable[[], int],
        rank: int = 0,
        ranks: int = 1,
    ) -> None:
        self._levels, self._truth, self._labels = levels, torch.tensor(truth), labels
        self._recipe, self._epoch = recipe, epoch
        self._rank, self._ranks = rank, ranks
        self._frames = recipe.input.frames

    def __len__(self) -> int:
        return batches_per_epoch(len(self._levels), self._recipe)

    def __iter__(self) -> Iterator[Batch]:
        rng = torch.Generator().manual_seed(draw_seed(self._recipe.seed, self._epoch()))
        order = self._order(rng)  # the same in all processes
        if self._rank:
            rng.manual_seed(rank_seed(rng.initial_seed(), self._rank))
        for members in torch.split(order, self._recipe.train.batch)[: len(self)]:
            yield self._batch(members[self._rank :: self._ranks], rng)

    def _order(self, rng: torch.Generator) -> Tensor:
        """Every track once, then every track again: the crops of one track do not crowd a batch."""
        rounds = [torch.randperm(len(self._levels), generator=rng) for _ in range(self._recipe.train.crops)]
        return torch.cat(rounds)

    def _batch(self, members: Tensor, rng: torch.Generator) -> Batch:
        table, front_end = self._recipe.augment, self._recipe.input.front_end
        level = self._crops(members, augment.stretched_frames(self._frames, table.stretch), rng)
        if table.stretch:
            level = augment.time_stretch(level, self._frames, table.stretch, rng)
        level = augment.vary(level, table, front_end, rng)
        # By the front end that serves: in numpy, on the same memory.
        normal = torch.from_numpy(normalised(refloor(level.numpy(), front_end.floor_db), front_end))
        targets = functional.one_hot(self._truth[members], self._labels).float()
        if self._recipe.train.mixup:
            normal, targets = augment.mixup(
                normal, targets, self._recipe.train.mixup_alpha, self._recipe.train.mixup, rng
            )
        normal = augment.mask(normal, table, rng)
        return normal[:, None], targets

    def _crops(self, members: Tensor, frames: int, rng: torch.Generator) -> Tensor:
        """A random stretch of each track; one that is too short is repeated."""
        places = torch.rand(len(members), generator=rng)
        crops = []
        for member, place in zip(members.tolist(), places.tolist(), strict=True):
            level = self._levels[member]
            start = int(place * max(1, level.shape[1] - frames + 1))
            crops.append(level[:, np.arange(start, start + frames) % level.shape[1]])
        return torch.from_numpy(np.stack(crops).astype(np.float32))


class TrackWindows(IterableDataset[tuple[Tensor, int]]):
    """Each track's windows, all of them, and its class."""

    def __init__(self, levels: Sequence[Level], truth: Sequence[int], recipe: Recipe) -> None:
        self._levels, self._truth, self._input = levels, truth, recipe.input

    def __iter__(self) -> Iterator[tuple[Tensor, int]]:
        for level, label in zip(self._levels, self._truth, strict=True):
            windows = net_windows(level, self._input.front_end, self._input.frames, self._input.hop)
            yield torch.from_numpy(windows)[:, None], label

    def __len__(self) -> int:
        return len(self._levels)


def draw_seed(seed: int, number: int) -> int:
    """What all draws of an epoch or a step follow from, by its number."""
    return seed * 1_000_003 + number


def rank_seed(seed: int, rank: int) -> int:
    """The same for one of the processes that train together; the first draws as one alone would."""
    return seed + (rank << 40)


def batches_per_epoch(tracks: int, recipe: Recipe) -> int:
    """Full batches only, but at least one: the last, small one would disturb batch normalisation."""
    return max(1, tracks * recipe.train.crops // recipe.train.batch)
