"""The nets, one file each. All take (windows, planes, rows, frames) and give logits (windows, labels)."""

import inspect
from difflib import get_close_matches
from importlib import import_module

from torch import nn

from genrelens.errors import RecipeError
from genrelens.model.input_spec import Shape
from genrelens.train.recipes.recipe import NetworkTable

NETWORKS = {  # and the class of each, in the module of its name; some load large libraries, so only when wanted
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
    """Make the net that a recipe names, with fresh weights, for windows of that shape.

    Raises:
        RecipeError: there is no such net, or it takes no such argument.
    """
    if table.name not in NETWORKS:
        nearest = get_close_matches(table.name, NETWORKS, n=1, cutoff=0.0)[0]
        raise RecipeError(f"there is no net {table.name!r}; did you mean {nearest}? Known are {', '.join(NETWORKS)}")
    net: type[nn.Module] = getattr(import_module(f"{__name__}.{table.name.replace('-', '_')}"), NETWORKS[table.name])
    known = [name for name in inspect.signature(net).parameters if name not in ("labels", "shape")]
    unknown = sorted(set(table.arguments) - set(known))
    if unknown:
        raise RecipeError(
            f"the net {table.name} takes no {', '.join(unknown)}; it takes {', '.join(known) or 'nothing'}"
        )
    return net(labels=labels, shape=shape, **table.arguments)
