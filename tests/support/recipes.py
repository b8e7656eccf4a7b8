"""Small training recipes."""

import json
from pathlib import Path
from typing import Any

from genrelens.train.recipes.recipe import Recipe


def make_recipe(**changes: Any) -> Recipe:
    """Return a recipe: two epochs of a narrow network on windows of one second. `changes` are tables or values."""
    tables: dict[str, Any] = {
        "name": "small",
        "summary": "A test.",
        "data": {"split": "stratified"},
        "input": {"window": 1.0, "hop": 0.5, "front_end": {"rate": 11_025, "n_fft": 512, "hop": 256}},
        "net": {"name": "lens", "stem": [2, 4], "width": 8, "depth": 1},
        "augment": {
            "stretch": 0.1,
            "shift": 1.0,
            "equaliser": 3.0,
            "tilt": 3.0,
            "low_pass": 0.2,
            "noise": 0.2,
            "time_masks": 1,
            "time_mask": 5,
            "band_masks": 1,
            "band_mask": 5,
        },
        "train": {"epochs": 2, "batch": 4, "lr": 1e-2, "mixup": 0.3, "average": 0.5, "label_smoothing": 0.1},
    }
    for key, value in changes.items():
        tables[key] = {**tables.get(key, {}), **value} if isinstance(value, dict) else value
    return Recipe.model_validate(tables)


def make_toml(file: Path) -> Path:
    """Write the small recipe as a user would write it."""
    lines = []
    tables = make_recipe().model_dump(exclude_none=True)
    front_end = tables["input"].pop("front_end")
    tables["input"]["front_end"] = front_end
    for key, value in tables.items():
        if not isinstance(value, dict):
            lines.append(f"{key} = {json.dumps(value)}")
    for key, value in tables.items():
        if isinstance(value, dict) and value:
            lines.append(f"[{key}]")
            lines += [f"{name} = {json.dumps(part)}" for name, part in value.items() if not isinstance(part, dict)]
            for name, part in value.items():
                if isinstance(part, dict):
                    lines.append(f"[{key}.{name}]")
                    lines += [f"{inner} = {json.dumps(content)}" for inner, content in part.items()]
    file.write_text("\n".join(lines))
    return file
