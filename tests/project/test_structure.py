"""The layout of the tests: they mirror src/, and share helpers through tests/support/ alone."""

import ast
from pathlib import Path

import pytest

from tests.support.paths import ROOT, TESTS

# Tests of what is not a Python module: documents, Dockerfile, benchmarks, and the page in a browser.
NOT_MIRRORED = ("project", "web/static")

TEST_FILES = sorted(
    path for path in TESTS.rglob("test_*.py") if not any(path.is_relative_to(TESTS / room) for room in NOT_MIRRORED)
)


def module_of(test: Path) -> Path:
    """Return the path, without suffix, that the module tested by `test` has in src/."""
    place = test.relative_to(TESTS)
    package = "" if place.parts[0] == "beetsplug" else "genrelens"
    name = test.stem.removeprefix("test_")
    return ROOT / "src" / package / place.parent / ("__init__" if name == "init" else name)


@pytest.mark.parametrize("test", TEST_FILES, ids=lambda path: str(path.relative_to(TESTS)))
def test_each_test_file_mirrors_a_module(test: Path) -> None:
    module = module_of(test)
    assert module.with_suffix(".py").is_file() or (module / "__init__.py").is_file()


@pytest.mark.parametrize("file", sorted(TESTS.rglob("*.py")), ids=lambda path: str(path.relative_to(TESTS)))
def test_tests_share_helpers_through_support_alone(file: Path) -> None:
    imported = [
        node.module or ""
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tests")
    ]
    assert [name for name in imported if not name.startswith("tests.support")] == []
