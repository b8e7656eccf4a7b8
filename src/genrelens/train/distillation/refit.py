"""Refitting of a distilled network's output layer, which overfits when few tracks have labels."""

from collections.abc import Sequence

import torch
from torch import Tensor

from genrelens.progress import Notify
from genrelens.train.data.batches import TrackWindows
from genrelens.train.data.dataset import Examples
from genrelens.train.distillation.probe import EmbeddedTracks, fit_probe
from genrelens.train.distillation.teacher import TeacherProjection
from genrelens.train.networks.layers import CamNetwork
from genrelens.train.recipes.probe_recipe import ProbeTable
from genrelens.train.recipes.recipe import Recipe


def refit_output_layer(
    network: CamNetwork,
    projection: TeacherProjection,
    train: Examples,
    valid: Examples,
    recipe: Recipe,
    penalties: Sequence[float],
    notify: Notify,
) -> None:
    """Replace the output layer by a linear probe on the network's estimate of the teacher's embedding.

    The estimate is linear in the network's own embedding, so the probe is, too, and costs nothing in serving. In the
    teacher's space, a penalty favours directions that the teacher separates well; without it, a few hundred tracks
    are overfitted.

    Args:
        network: trained network; its output layer is replaced in place.
        projection: trained projection of its embedding to the teacher's.
        train: tracks to fit to, by all of their windows, without augmentation.
        valid: tracks to select the penalty on.
        recipe: recipe of the network.
        penalties: L2 penalties to try; see `genrelens.train.distillation.probe`.
        notify: receives a sentence about the result.
    """
    fitted_to, selected_on = (_embed(network, projection, examples, recipe) for examples in (train, valid))
    labels = train.targets.shape[1]
    probe, trials = fit_probe(fitted_to, selected_on, labels, ProbeTable(penalties=tuple(penalties)))
    best = min(trials, key=lambda trial: trial.log_loss)
    weights, bias = torch.from_numpy(probe.weights.T), torch.from_numpy(probe.bias)
    with torch.no_grad():
        layer = projection.layer
        network.set_linear_head(weights @ layer.weight, weights @ layer.bias + bias)
    notify(
        f"Refitted the output layer with a penalty of {best.penalty:g}: log loss {best.log_loss:.3f} "
        f"on {len(valid.inputs)} tracks of valid"
    )


def _embed(network: CamNetwork, projection: TeacherProjection, examples: Examples, recipe: Recipe) -> EmbeddedTracks:
    """Estimate the teacher's embedding of each window."""

    def estimate(windows: Tensor) -> Tensor:
        return torch.as_tensor(projection.layer(network.embed(windows)))

    with torch.no_grad():
        batches = TrackWindows(examples.inputs, examples.targets, recipe)
        embeddings = [estimate(windows).numpy() for windows, _ in batches]
    return EmbeddedTracks(embeddings, examples.targets.argmax(axis=1))
