"""The nets, one file each. All take (windows, planes, rows, frames) and give logits (windows, labels)."""

import inspect
from collections.abc import Callable
from difflib import get_close_matches

from torch import nn

from genrelens.errors import RecipeError
from genrelens.inputs import Shape
from genrelens.train.nets.lens import Lens
from genrelens.train.recipe import NetTable

NETS: dict[str, Callable[..., nn.Module]] = {"lens": Lens}


def build(table: NetTable, labels: int, shape: Shape) -> nn.Module:
    """Make the net that a recipe names, with fresh weights, for windows of that shape.

    Raises:
        RecipeError: there is no such net, or it takes no such argument.
    """
    if table.name not in NETS:
        nearest = get_close_matches(table.name, NETS, n=1, cutoff=0.0)[0]
        raise RecipeError(
            f"there is no net {table.name!r}; did you mean {nearest}? Known are {', '.join(sorted(NETS))}"
        )
    known = set(inspect.signature(NETS[table.name]).parameters) - {"labels", "shape"}
    unknown = sorted(set(table.arguments) - known)
    if unknown:
        raise RecipeError(f"the net {table.name} takes no {', '.join(unknown)}; it takes {', '.join(sorted(known))}")
    return NETS[table.name](labels=labels, shape=shape, **table.arguments)
