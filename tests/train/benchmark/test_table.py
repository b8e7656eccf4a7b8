from genrelens.train.benchmark.table import benchmark_page
from tests.support.benchmark import make_cell


def test_page_shows_accuracies_leak_gap_and_costs() -> None:
    cells = [make_cell("vgg", "windows", 0.92), make_cell("vgg", "fault-filtered", 0.5)]
    cells += [make_cell("other", "windows", 0.4), make_cell("other", "tracks", 0.3)]
    text = benchmark_page(cells, ["other", "vgg", "missing"], "genrelens benchmark x.toml")
    assert "| vgg | 94 % | 92.0 (87.0-97.0) |  | 50.0 (45.0-55.0) | +42.0 |" in text
    assert "| other | 94 % | 40.0 (35.0-45.0) | 30.0 (25.0-35.0) |  |  |" in text
    assert "| vgg | 11,218 | 5.15 M | 12 | 3; 3 of 40 | 123; 123 |" in text
    assert "missing" not in text
    assert "Leak alarm" not in text
    assert text.index("| other") < text.index("| vgg")


def test_page_without_results() -> None:
    assert benchmark_page([], ["vgg"], "x") == "There are no results yet.\n"


def test_implausible_accuracy_raises_the_leak_alarm() -> None:
    page = benchmark_page([make_cell("vgg", "fault-filtered", 0.95)], ["vgg"], "x")
    assert "above 94.5 % on the fault-filtered split: vgg" in page
    assert "Leak alarm" not in benchmark_page([make_cell("vgg", "windows", 0.99)], ["vgg"], "x")
