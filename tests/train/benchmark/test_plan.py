from pathlib import Path

import pytest

from genrelens.errors import RecipeError
from genrelens.train.benchmark.plan import read_plan

RECIPE = """
name = "x"
summary = "y"
data = { split = "stratified" }
input = { window = 1.0, hop = 0.5 }
net = { name = "lens" }
train = { epochs = 1, lr = 0.1 }
"""


def test_plan_applies_settings_and_budgets(tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_text(RECIPE)
    (tmp_path / "plan.toml").write_text(
        'budget = 10\nprotocols = ["windows", "tracks"]\nsound = { "input.front_end.hop" = 1920 }\n'
        '[[recipes]]\nfile = "x.toml"\n'
        '[[recipes]]\nfile = "x.toml"\nsettings = { "train.lr" = 0.5 }\nbudgets = { windows = 20, stratified = 30 }\n'
    )
    plan = read_plan(tmp_path / "plan.toml")
    (plain, plain_budgets), (changed, changed_budgets) = plan.load_recipes(tmp_path)
    assert plain_budgets == {"windows": 10, "tracks": 10}
    assert changed_budgets == {"windows": 20, "tracks": 10}
    assert plain.input.kind == changed.input.kind == "sound"
    assert plain.input.front_end.hop == changed.input.front_end.hop == 1920
    assert (plain.train.lr, changed.train.lr) == (0.1, 0.5)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("budget = 0\nrecipes = []", "budget: Input should be greater than 0"),
        ("budget = 1\nrecipes = []", "recipes: Tuple should have at least 1 item"),
        ('budget = 1\nprotocols = ["lists"]\nrecipes = [{ file = "x" }]', "protocols"),
        ("budget == 1", "is not TOML"),
    ],
)
def test_invalid_plans_are_errors(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "plan.toml").write_text(text)
    with pytest.raises(RecipeError, match=message):
        read_plan(tmp_path / "plan.toml")
    with pytest.raises(RecipeError, match="cannot be read"):
        read_plan(tmp_path / "missing.toml")
