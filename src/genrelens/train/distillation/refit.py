"""A last layer fitted anew to what a net has of its teacher: labels are few, and learnt by heart on the way."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from genrelens.train.data.batches import TrackWindows
from genrelens.train.data.tracks import Tracks
from genrelens.train.distillation.distil import Pupil
from genrelens.train.distillation.probe import Lessons, fit_probe
from genrelens.train.networks.mapped import Mapped
from genrelens.train.recipes.probe_recipe import ProbeTable
from genrelens.train.recipes.recipe import Recipe


def refit(
    net: Mapped,
    pupil: Pupil,
    learn: Tracks,
    valid: Tracks,
    recipe: Recipe,
    penalties: Sequence[float],
    say: Callable[[str], None],
) -> None:
    """Let the net answer by a linear probe on its guess of the teacher's embedding.

    The guess is linear in the net's own embedding, and so is the answer. Fitted there, a penalty weighs what the
    teacher tells apart well more than what it hardly does; without it, four hundred tracks are known by heart.

    Args:
        net: trained; its last layer is replaced.
        pupil: what makes the guess.
        learn: the tracks to fit to, by all of their windows, as they are.
        valid: the tracks by which the penalty is chosen.
        recipe: of the net.
        penalties: to try; see `train.probe`.
        say: told in a sentence what came of it.
    """
    learnt, chosen_by = (_lessons(net, pupil, tracks, recipe) for tracks in (learn, valid))
    labels = learn.targets.shape[1]
    layer, trials = fit_probe(learnt, chosen_by, labels, ProbeTable(penalties=tuple(penalties)))
    best = min(trials, key=lambda trial: trial.log_loss)
    weights, bias = torch.from_numpy(layer.weights.T), torch.from_numpy(layer.bias)
    with torch.no_grad():
        own, added = pupil.layer.weight, pupil.layer.bias
        net.answer_by(weights @ own, weights @ added + bias)
    say(
        f"The last layer was fitted anew with a penalty of {best.penalty:g}: log loss {best.log_loss:.3f} "
        f"on {len(valid.levels)} tracks of valid"
    )


def _lessons(net: Mapped, pupil: Pupil, tracks: Tracks, recipe: Recipe) -> Lessons:
    def guess(windows: Tensor) -> Tensor:
        return torch.as_tensor(pupil.layer(net.embed(windows)))

    with torch.no_grad():
        heard = [guess(windows).numpy() for windows, _ in TrackWindows(tracks.levels, tracks.targets, recipe)]
    return Lessons(heard, tracks.targets.argmax(axis=1))
