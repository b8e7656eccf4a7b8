"""The network architectures: windows (windows, channels, rows, frames) to logits (windows, labels).

All are built from `labels`, the number of output labels; `shape`, the channels, rows and frames of a window; and the
arguments that their classes document, which are keys of the network's table in a recipe.
"""

import inspect
from difflib import get_close_matches

from torch import nn

from genrelens.errors import RecipeError
from genrelens.model.input_spec import Shape
from genrelens.train.networks.huggingface import Efficientnet, PatchTransformer
from genrelens.train.networks.imagenet import Resnet18, Vgg16
from genrelens.train.networks.lens import Lens
from genrelens.train.networks.mn import Mn
from genrelens.train.networks.reference import Cnn3, Compact, Conv128, Vgg, Wide
from genrelens.train.networks.temporal import Attention, Crnn
from genrelens.train.recipes.recipe import NetworkTable

NETWORKS: dict[str, type[nn.Module]] = {
    "attention": Attention,
    "cnn3": Cnn3,
    "compact": Compact,
    "conv128": Conv128,
    "crnn": Crnn,
    "efficientnet": Efficientnet,
    "lens": Lens,
    "mn": Mn,
    "patch-transformer": PatchTransformer,
    "resnet18": Resnet18,
    "vgg": Vgg,
    "vgg16": Vgg16,
    "wide": Wide,
}


def build(table: NetworkTable, labels: int, shape: Shape) -> nn.Module:
    """Build the network that a recipe names, with freshly initialised weights.

    Raises:
        RecipeError: the network is unknown, or does not accept one of the arguments.
    """
    if table.name not in NETWORKS:
        nearest = get_close_matches(table.name, NETWORKS, n=1, cutoff=0.0)[0]
        raise RecipeError(f"unknown network {table.name!r}; did you mean {nearest}? Available: {', '.join(NETWORKS)}")
    network = NETWORKS[table.name]
    accepted = [name for name in inspect.signature(network).parameters if name not in ("labels", "shape")]
    unknown = sorted(set(table.arguments) - set(accepted))
    if unknown:
        raise RecipeError(
            f"the network {table.name} does not accept {', '.join(unknown)}; "
            f"it accepts {', '.join(accepted) or 'no arguments'}"
        )
    return network(labels=labels, shape=shape, **table.arguments)
