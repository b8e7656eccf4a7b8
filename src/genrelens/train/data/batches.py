"""Batches of windows for a network: random and augmented for training, regular for validation."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import IterableDataset

from genrelens.features.spectral import to_model_input
from genrelens.model.input_spec import AudioInput, PictureInput
from genrelens.train.augment import spectrogram
from genrelens.train.data.log_mels import LogMel, network_inputs
from genrelens.train.recipes.recipe import Recipe

# Windows, float32 (windows, channels, rows, frames); targets, float32 (windows, labels); and with distillation, the
# teacher's embeddings, float32 (windows, features).
Batch = tuple[Tensor, ...]

# Maps augmented log-mels in decibels, (windows, n_mels, frames), to the teacher's embeddings, (windows, features).
EmbedWindows = Callable[[Tensor, torch.Generator], Tensor]


class TrainingBatches(IterableDataset[Batch]):
    """Batches of one epoch per iteration: `crops` random windows of each track, augmented and mixed by the recipe.

    All random values derive from the recipe's seed and the number of the epoch, so a resumed run draws the same
    windows as an uninterrupted one. In distributed training, each process takes its part of every batch.

    With `echo` above 1, the same augmented windows serve several epochs, in another order and with other masks (Choi
    et al., arXiv 1907.05550). That saves time if windows are expensive, as with a teacher.

    Args:
        inputs: log-mels, or the channels of pictures.
        targets: float32, shape (inputs, labels).
        epoch: returns the number of the current epoch; called when an iteration starts.
        rank, ranks: number of this process, and of all processes that train together.
        teacher: computes the teacher's embeddings for distillation.
    """

    def __init__(
        self,
        inputs: Sequence[LogMel],
        targets: NDArray[np.float32],
        recipe: Recipe,
        epoch: Callable[[], int],
        rank: int = 0,
        ranks: int = 1,
        teacher: EmbedWindows | None = None,
    ) -> None:
        self._inputs, self._targets = inputs, torch.tensor(targets)
        self._recipe, self._epoch = recipe, epoch
        self._rank, self._ranks = rank, ranks
        self._teacher = teacher
        self._echo_buffer: tuple[int, Batch] | None = None

    def __len__(self) -> int:
        return batches_per_epoch(len(self._inputs), self._recipe)

    def __iter__(self) -> Iterator[Batch]:
        rng = torch.Generator().manual_seed(step_seed(self._recipe.seed, self._epoch()))
        batches = self._draw_batches(rng) if self._recipe.train.echo == 1 else self._echo_batches(rng)
        table = self._recipe.train
        for windows, targets, *embeddings in batches:
            if table.mixup:
                windows, targets = spectrogram.mixup(windows, targets, table.mixup_alpha, table.mixup, rng)
            yield spectrogram.mask(windows, self._recipe.augment, rng), targets, *embeddings

    def _draw_batches(self, rng: torch.Generator) -> Iterator[Batch]:
        """Draw new windows, batch by batch; each track once before any again, which spreads them over the batches."""
        rounds = _crops_per_input(self._recipe)
        order = torch.cat([torch.randperm(len(self._inputs), generator=rng) for _ in range(rounds)])
        self._diverge_by_rank(rng)  # only now: all processes need the same order
        for members in torch.split(order, self._recipe.train.batch)[: len(self)]:
            yield self._draw_batch(members[self._rank :: self._ranks], rng)

    def _echo_batches(self, rng: torch.Generator) -> Iterator[Batch]:
        """Shuffle the windows that were drawn for the first of the epochs that share them."""
        train = self._recipe.train
        first = self._epoch() // train.echo * train.echo
        if self._echo_buffer is None or self._echo_buffer[0] != first:
            first_rng = torch.Generator().manual_seed(step_seed(self._recipe.seed, first))
            self._echo_buffer = first, tuple(map(torch.cat, zip(*self._draw_batches(first_rng), strict=True)))
        tensors = self._echo_buffer[1]
        self._diverge_by_rank(rng)
        for members in torch.split(torch.randperm(len(tensors[0]), generator=rng), train.batch // self._ranks):
            yield tuple(tensor[members] for tensor in tensors)

    def _diverge_by_rank(self, rng: torch.Generator) -> None:
        """Seed the generator differently in each process."""
        if self._rank:
            rng.manual_seed(rank_seed(rng.initial_seed(), self._rank))

    def _draw_batch(self, members: Tensor, rng: torch.Generator) -> Batch:
        spec, targets = self._recipe.input, self._targets[members]
        if isinstance(spec, PictureInput):
            pictures = np.stack([self._inputs[member] for member in members.tolist()])
            return torch.from_numpy(pictures.astype(np.float32)), targets
        log_mels = self._draw_windows(members, spec, rng)
        if self._recipe.augment.overlay:
            log_mels, targets = spectrogram.overlay(log_mels, targets, self._recipe.augment.overlay, rng)
        # The numpy front end that serves, on the same memory.
        windows = torch.from_numpy(to_model_input(log_mels.numpy(), spec.features, spec.layout, spec.front_end))
        embeddings = (self._teacher(log_mels, rng),) if self._teacher else ()
        return windows, targets, *embeddings

    def _draw_windows(self, members: Tensor, spec: AudioInput, rng: torch.Generator) -> Tensor:
        """Return a random augmented window of each track in decibels, (windows, rows, frames)."""
        table, bands = self._recipe.augment, spec.front_end.n_mels
        windows = self._draw_crops(members, spectrogram.stretched_frames(spec.frames, table.stretch), rng)
        if table.stretch:
            windows = spectrogram.time_stretch(windows, spec.frames, table.stretch, rng)
        log_mels = spectrogram.augment_log_mels(windows[:, :bands], table, spec.front_end, rng)
        return torch.cat([log_mels, windows[:, bands:]], dim=1)

    def _draw_crops(self, members: Tensor, frames: int, rng: torch.Generator) -> Tensor:
        """Return `frames` frames of each track from a random start; shorter tracks are repeated."""
        positions = torch.rand(len(members), generator=rng)
        crops = []
        for member, position in zip(members.tolist(), positions.tolist(), strict=True):
            log_mel = self._inputs[member]
            start = int(position * max(1, log_mel.shape[1] - frames + 1))
            crops.append(log_mel[:, np.arange(start, start + frames) % log_mel.shape[1]])
        return torch.from_numpy(np.stack(crops).astype(np.float32))


class TrackWindows(IterableDataset[Batch]):
    """All windows of each track, one track at a time, with the track's targets (labels,)."""

    def __init__(self, inputs: Sequence[LogMel], targets: NDArray[np.float32], recipe: Recipe) -> None:
        self._inputs, self._targets, self._spec = inputs, torch.tensor(targets), recipe.input

    def __iter__(self) -> Iterator[Batch]:
        for track_input, targets in zip(self._inputs, self._targets, strict=True):
            yield torch.from_numpy(network_inputs(track_input, self._spec)), targets

    def __len__(self) -> int:
        return len(self._inputs)


def step_seed(seed: int, number: int) -> int:
    """Return the seed of all random values of an epoch or step."""
    return seed * 1_000_003 + number


def rank_seed(seed: int, rank: int) -> int:
    """Return the seed of one of several processes; rank 0 has the same seed as training in one process."""
    return seed + (rank << 40)


def batches_per_epoch(inputs: int, recipe: Recipe) -> int:
    """Return the number of full batches, at least 1; a smaller last batch would disturb batch normalisation."""
    return max(1, inputs * _crops_per_input(recipe) // recipe.train.batch)


def _crops_per_input(recipe: Recipe) -> int:
    """Return the number of windows drawn from each input per epoch; with "all", each input is already a window."""
    return 1 if recipe.train.crops == "all" else recipe.train.crops
