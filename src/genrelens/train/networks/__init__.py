"""The network architectures, one per file: windows (windows, channels, rows, frames) to logits (windows, labels)."""

import inspect
from difflib import get_close_matches
from importlib import import_module

from torch import nn

from genrelens.errors import RecipeError
from genrelens.model.input_spec import Shape
from genrelens.train.recipes.recipe import NetworkTable

# Recipe name -> class, in the module of that name. Modules are imported on use: some load large libraries.
NETWORKS = {
    "attention": "Attention",
    "cnn3": "Cnn3",
    "compact": "Compact",
    "conv128": "Conv128",
    "crnn": "Crnn",
    "efficientnet": "Efficientnet",
    "lens": "Lens",
    "mn": "Mn",
    "patch-transformer": "PatchTransformer",
    "resnet18": "Resnet18",
    "vgg": "Vgg",
    "vgg16": "Vgg16",
    "wide": "Wide",
}


def build(table: NetworkTable, labels: int, shape: Shape) -> nn.Module:
    """Build the network that a recipe names, with freshly initialised weights.

    Args:
        table: the network's name and its constructor arguments.
        labels: number of output labels.
        shape: channels, rows and frames of an input window.

    Raises:
        RecipeError: the network is unknown, or does not accept one of the arguments.
    """
    if table.name not in NETWORKS:
        nearest = get_close_matches(table.name, NETWORKS, n=1, cutoff=0.0)[0]
        raise RecipeError(f"unknown network {table.name!r}; did you mean {nearest}? Available: {', '.join(NETWORKS)}")
    network: type[nn.Module] = getattr(
        import_module(f"{__name__}.{table.name.replace('-', '_')}"), NETWORKS[table.name]
    )
    accepted = [name for name in inspect.signature(network).parameters if name not in ("labels", "shape")]
    unknown = sorted(set(table.arguments) - set(accepted))
    if unknown:
        raise RecipeError(
            f"the network {table.name} does not accept {', '.join(unknown)}; "
            f"it accepts {', '.join(accepted) or 'no arguments'}"
        )
    return network(labels=labels, shape=shape, **table.arguments)
