"""Recipes with distillation, and random examples."""

from typing import Any

import numpy as np

from genrelens.train.data.dataset import Examples
from genrelens.train.recipes.backbone_card import BackboneCard
from genrelens.train.recipes.recipe import Recipe
from tests.support.recipes import make_recipe


def distillation_recipe(backbone: BackboneCard, weight: float = 1.0, **changes: Any) -> Recipe:
    recipe = make_recipe(**{"train": {"mixup": 0}, **changes})
    return make_recipe(
        **{**recipe.model_dump(exclude_unset=True), "distil": {"backbone": backbone.model_dump(), "weight": weight}}
    )


def examples(count: int = 8) -> Examples:
    rng = np.random.default_rng(0)
    log_mels = [rng.uniform(-80, 0, (128, 129)).astype(np.float16) for _ in range(count)]
    return Examples(log_mels, np.eye(2, dtype=np.float32)[np.arange(count) % 2])
