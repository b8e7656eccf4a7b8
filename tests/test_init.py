import json
import subprocess
import sys

import pytest

import genrelens

PUBLIC_NAMES = {
    "Card",
    "Classifier",
    "Failure",
    "FrontEnd",
    "GenrelensError",
    "Model",
    "Prediction",
    "Score",
    "Segment",
    "load",
    "log_mel",
    "mfcc",
    "normalise",
    "normalised",
}


def test_the_public_names_are_listed() -> None:
    assert set(genrelens.__all__) == PUBLIC_NAMES


@pytest.mark.parametrize("name", sorted(PUBLIC_NAMES))
def test_each_public_name_can_be_imported(name: str) -> None:
    assert getattr(genrelens, name).__module__.startswith("genrelens.")


def test_normalised_is_an_alias_of_normalise() -> None:
    assert genrelens.normalised is genrelens.normalise


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'genrelens' has no attribute 'nonsense'"):
        genrelens.nonsense  # noqa: B018


def test_public_classes_can_be_used_directly() -> None:
    assert json.loads(genrelens.Score(label="x", score=0.5).to_json()) == {"label": "x", "score": 0.5}


def test_importing_the_package_loads_no_other_module_of_it() -> None:
    code = "import sys, genrelens; print([name for name in sys.modules if name.startswith('genrelens.')])"
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert process.stdout.strip() == "[]"
