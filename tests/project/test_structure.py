"""The layout of the tests: they mirror src/, and share helpers through tests/support/ alone."""

import ast
from pathlib import Path

from tests.support.paths import ROOT, TESTS

# Tests of what is not a Python module: documents, Dockerfile, benchmarks, and the page in a browser.
NOT_MIRRORED = ("project", "web/static")

# Modules without a test file of their own, and the file that tests them through what they are for.
TESTED_THROUGH = {
    "beetsplug/genrelens/jobs.py": "beetsplug/test_genrelens.py",
    "genrelens/cli/library/options.py": "cli/library/test_search.py",
    "genrelens/cli/output.py": "cli/test_predict.py",
    "genrelens/cli/studio/metrics.py": "cli/studio/test_evaluate.py",
    "genrelens/defaults.py": "test_classifier.py",
    "genrelens/explain/explanation.py": "explain/test_explainer.py",
    "genrelens/library/catalog/browse.py": "web/routes/test_library.py",
    "genrelens/library/catalog/export.py": "cli/library/test_export.py",
    "genrelens/library/catalog/migrations.py": "library/catalog/test_catalog.py",
    "genrelens/library/catalog/status.py": "cli/library/test_status.py",
    "genrelens/library/catalog/tracks.py": "library/classify/test_run.py",
    "genrelens/library/cluster/run.py": "cli/library/test_cluster.py",
    "genrelens/library/tagging/atomic_replace.py": "library/tagging/test_run.py",
    "genrelens/library/tagging/journal.py": "library/tagging/test_undo.py",
    "genrelens/library/tagging/safe_write.py": "library/tagging/test_run.py",
    "genrelens/library/tags/id3_files.py": "library/tags/test_genre_tags.py",
    "genrelens/library/tags/mutagen_formats.py": "library/tags/test_genre_tags.py",
    "genrelens/progress.py": "cli/studio/test_train.py",
    "genrelens/records.py": "test_prediction.py",
    "genrelens/train/evaluation/bootstrap.py": "train/evaluation/test_metrics.py",
    "genrelens/train/evaluation/rankings.py": "train/evaluation/test_multilabel_metrics.py",
    "genrelens/train/fit/checkpoints.py": "train/fit/test_trainer.py",
    "genrelens/train/networks/reference.py": "train/test_networks.py",
    "genrelens/train/recipes/backbone_card.py": "train/distillation/test_backbone.py",
    "genrelens/train/report/drawing.py": "train/report/test_figures.py",
    "genrelens/train/report/page.py": "train/report/test_report.py",
    "genrelens/train/robustness/codecs.py": "train/robustness/test_perturbations.py",
    "genrelens/train/robustness/figures.py": "train/robustness/test_report.py",
    "genrelens/train/search/report.py": "train/search/test_tune.py",
    "genrelens/train/search/study.py": "train/search/test_tune.py",
    "genrelens/web/core/settings.py": "cli/test_serve.py",
    "genrelens/web/live/protocol.py": "web/live/test_route.py",
    "genrelens/web/live/worker.py": "web/live/test_route.py",
    "genrelens/web/routes/info.py": "web/test_app.py",
    "genrelens/web/routes/responses.py": "web/core/test_openapi.py",
    "genrelens/web/services.py": "web/test_app.py",
}

MODULES = sorted(path for path in (ROOT / "src").rglob("*.py") if path.name != "__init__.py")

TEST_FILES = sorted(
    path for path in TESTS.rglob("test_*.py") if not any(path.is_relative_to(TESTS / room) for room in NOT_MIRRORED)
)


def module_of(test: Path) -> Path:
    """Return the path, without suffix, that the module tested by `test` has in src/."""
    place = test.relative_to(TESTS)
    package = "" if place.parts[0] == "beetsplug" else "genrelens"
    name = test.stem.removeprefix("test_")
    return ROOT / "src" / package / place.parent / ("__init__" if name == "init" else name)


def test_each_test_file_mirrors_a_module() -> None:
    modules = {test: module_of(test) for test in TEST_FILES}
    assert [
        test
        for test, module in modules.items()
        if not (module.with_suffix(".py").is_file() or (module / "__init__.py").is_file())
    ] == []


def test_each_module_has_a_test_file_or_names_one() -> None:
    for module in MODULES:
        place = module.relative_to(ROOT / "src")
        package = place if place.parts[0] == "beetsplug" else place.relative_to("genrelens")
        has_test = (TESTS / package.with_name(f"test_{package.name}")).is_file()
        assert has_test != (str(place) in TESTED_THROUGH), place
    assert [name for name in TESTED_THROUGH if not (ROOT / "src" / name).is_file()] == []
    assert [name for name in TESTED_THROUGH.values() if not (TESTS / name).is_file()] == []


def test_tests_share_helpers_through_support_alone() -> None:
    imported = [
        (file.relative_to(TESTS), node.module)
        for file in TESTS.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tests")
    ]
    assert [entry for entry in imported if not str(entry[1]).startswith("tests.support")] == []
