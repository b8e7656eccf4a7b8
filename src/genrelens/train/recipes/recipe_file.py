"""Reading, checking and overriding of recipe files."""

import re
import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from genrelens.errors import GenrelensError, RecipeError, display_name
from genrelens.model.input_spec import INPUT_KINDS
from genrelens.train.recipes.backbone_card import BackboneCard
from genrelens.train.recipes.recipe import ProbeRecipe, Recipe, SearchSpace


def read_toml(file: Path, error_class: type[GenrelensError]) -> dict[str, Any]:
    """Parse a TOML file, and raise an error of this class if it cannot be read or is not TOML."""
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except OSError as error:
        raise error_class(
            f"{display_name(file)} cannot be read ({error.strerror}); pass the path to a .toml file"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise error_class(f"{display_name(file)} is not TOML ({error})") from error


def read_recipe(file: Path) -> Recipe:
    """Read and check a training recipe, and every extreme value of its search spaces.

    Raises:
        RecipeError: the file is missing, is not TOML, or has an unknown key or an invalid value.
    """
    return _parse_recipe(read_toml(file, RecipeError), file)


def read_any_recipe(file: Path) -> Recipe | ProbeRecipe:
    """Read and check a recipe of either kind: with a table [probe] it is a probe recipe.

    Paths of adapter cards are relative to the recipe.

    Raises:
        RecipeError: the recipe or card is missing, is not TOML, or has an unknown key or an invalid value.
    """
    content = read_toml(file, RecipeError)
    if "probe" not in content:
        return _parse_recipe(content, file)
    if isinstance(content.get("backbone"), str):
        content["backbone"] = read_backbone_card(file.parent / content["backbone"])
    try:
        return ProbeRecipe.model_validate(content)
    except ValidationError as error:
        raise RecipeError(f"{display_name(file)}: {describe_error(error)}") from error


def _parse_recipe(content: dict[str, Any], file: Path) -> Recipe:
    distil = content.get("distil")
    if isinstance(distil, dict) and isinstance(distil.get("backbone"), str):
        distil["backbone"] = read_backbone_card(file.parent / distil["backbone"])
    try:
        recipe = Recipe.model_validate(content)
        for key, space in recipe.tune.items():
            for value in space.extremes:
                apply_overrides(recipe, {key: value})
    except ValidationError as error:
        raise RecipeError(f"{display_name(file)}: {describe_error(error)}") from error
    except RecipeError as error:
        raise RecipeError(f"{display_name(file)}: [tune] {error}") from error
    return recipe


def read_backbone_card(file: Path) -> BackboneCard:
    """Read and check an adapter card; a path to an ONNX file is resolved relative to it.

    Raises:
        RecipeError: the file is missing, is not TOML, or has an unknown key or an invalid value.
    """
    try:
        card = BackboneCard.model_validate(read_toml(file, RecipeError))
    except ValidationError as error:
        problem = error.errors()[0]
        raise RecipeError(f"{display_name(file)}: {'.'.join(map(str, problem['loc']))}: {problem['msg']}") from error
    is_file = card.model.endswith(".onnx")
    return card.model_copy(update={"model": str(file.parent / card.model)}) if is_file else card


def apply_overrides(recipe: Recipe, overrides: Mapping[str, Any]) -> Recipe:
    """Return the recipe with other values for keys such as "train.lr".

    Raises:
        RecipeError: a key is unknown, or a value is invalid.
    """
    content = recipe.model_dump(exclude_unset=True)
    for key, value in overrides.items():
        *tables, last = key.split(".")
        table = content
        for name in tables:
            table = table.setdefault(name, {})
            if not isinstance(table, dict):
                raise RecipeError(f"{key} is not a key of a recipe; {name} is a value, not a table")
        table[last] = value
    try:
        return Recipe.model_validate(content)
    except ValidationError as error:
        raise RecipeError(describe_error(error)) from error


def describe_error(error: ValidationError) -> str:
    """Return a sentence about the first validation error, with the closest valid key or value."""
    problems = error.errors()
    # A mistyped key is also missing under its right name; the mistyped name is more helpful.
    problem = next((problem for problem in problems if problem["type"] == "extra_forbidden"), problems[0])
    steps = [str(step) for step in problem["loc"]]
    key = ".".join(step for step in steps if step not in INPUT_KINDS)
    if problem["type"] == "extra_forbidden":
        known = _known_keys(steps[:-1])
        return f"{key} is not a key of a recipe; {_suggestion(steps[-1], known) or 'use one of ' + ', '.join(known)}"
    if problem["type"] == "literal_error":
        known = re.findall(r"'([^']*)'", problem["ctx"]["expected"])
        hint = _suggestion(str(problem["input"]), known)
        return f"{key}: {problem['input']!r} is not one of {', '.join(known)}" + (f"; {hint}" if hint else "")
    message = str(problem["ctx"]["error"]) if problem["type"] == "value_error" else problem["msg"]
    return f"{key}: {message}" if key else message


def _suggestion(word: str, known: list[str]) -> str:
    matches = get_close_matches(word, known, n=1, cutoff=0.4)
    return f"did you mean {matches[0]}?" if matches else ""


def _known_keys(path: list[str]) -> list[str]:
    """Return the keys of the table at `path`."""
    table: type[BaseModel] = Recipe
    for step in path:
        if step in INPUT_KINDS:
            table = INPUT_KINDS[step]
        elif step == "tune":
            table = SearchSpace
        elif step in table.model_fields and step != "input":  # the next step is the kind of input; else a key of tune
            table = _table_class(table.model_fields[step].annotation)
    return list(table.model_fields)


def _table_class(annotation: Any) -> type[BaseModel]:
    """Return the class of a table from the annotation of its key, which may be optional."""
    classes = [kind for kind in (annotation, *get_args(annotation)) if isinstance(kind, type)]
    return next(kind for kind in classes if issubclass(kind, BaseModel))
