"""A recipe read from its file, or given other values, and what is wrong with it in words."""

import re
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from genrelens.errors import RecipeError, display_name
from genrelens.model.input_spec import INPUT_KINDS
from genrelens.train.distillation.backbone import read_backbone_card
from genrelens.train.recipes.recipe import Recipe, SearchSpace
from genrelens.train.recipes.toml import read_toml


def read_recipe(file: Path) -> Recipe:
    """Read and check a recipe.

    Raises:
        RecipeError: it is not there, is not TOML, or says something that a recipe cannot say.
    """
    content = read_toml(file, RecipeError)
    distil = content.get("distil")
    if isinstance(distil, dict) and isinstance(distil.get("backbone"), str):
        distil["backbone"] = read_backbone_card(file.parent / distil["backbone"])
    try:
        recipe = Recipe.model_validate(content)
        for key, search in recipe.tune.items():
            for value in search.extremes:
                apply_overrides(recipe, {key: value})
    except ValidationError as error:
        raise RecipeError(f"{display_name(file)}: {describe_error(error)}") from error
    except RecipeError as error:
        raise RecipeError(f"{display_name(file)}: [tune] {error}") from error
    return recipe


def apply_overrides(recipe: Recipe, settings: Mapping[str, Any]) -> Recipe:
    """The recipe with other values, by keys such as "train.lr".

    Raises:
        RecipeError: a recipe has no such key, or cannot have such a value.
    """
    content = recipe.model_dump(exclude_unset=True)
    for key, value in settings.items():
        *places, last = key.split(".")
        table = content
        for place in places:
            table = table.setdefault(place, {})
            if not isinstance(table, dict):
                raise RecipeError(f"{key} is not a key of a recipe; {place} is a value, not a table")
        table[last] = value
    try:
        return Recipe.model_validate(content)
    except ValidationError as error:
        raise RecipeError(describe_error(error)) from error


def describe_error(error: ValidationError) -> str:
    """What is wrong first, in words, with the nearest key or value that there is."""
    problems = error.errors()
    # A mistyped key also lacks where it belongs; its name says more.
    problem = next((one for one in problems if one["type"] == "extra_forbidden"), problems[0])
    steps = [str(step) for step in problem["loc"]]
    place = ".".join(step for step in steps if step not in INPUT_KINDS)
    if problem["type"] == "extra_forbidden":
        known = _keys(steps[:-1])
        return f"{place} is not a key of a recipe; {_nearest(steps[-1], known) or 'known are ' + ', '.join(known)}"
    if problem["type"] == "literal_error":
        known = re.findall(r"'([^']*)'", problem["ctx"]["expected"])
        hint = _nearest(str(problem["input"]), known)
        return f"{place}: {problem['input']!r} is none of {', '.join(known)}" + (f"; {hint}" if hint else "")
    message = str(problem["ctx"]["error"]) if problem["type"] == "value_error" else problem["msg"]
    return f"{place}: {message}" if place else message


def _nearest(word: str, known: list[str]) -> str:
    found = get_close_matches(word, known, n=1, cutoff=0.4)
    return f"did you mean {found[0]}?" if found else ""


def _keys(place: list[str]) -> list[str]:
    """The keys of the table at `place`."""
    table: type[BaseModel] = Recipe
    for part in place:
        if part in INPUT_KINDS:
            table = INPUT_KINDS[part]
        elif part == "tune":
            table = SearchSpace
        elif part in table.model_fields and part != "input":  # whose kind follows; else, a key of tune
            table = _table(table.model_fields[part].annotation)
    return list(table.model_fields)


def _table(annotation: Any) -> type[BaseModel]:
    """The table that a key holds, also where it may be left out."""
    kinds = [kind for kind in (annotation, *get_args(annotation)) if isinstance(kind, type)]
    return next(kind for kind in kinds if issubclass(kind, BaseModel))
