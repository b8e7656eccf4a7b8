"""Benchmark results and inputs."""

from pathlib import Path

from genrelens.train.benchmark.benchmark import BenchmarkInputs, Cell
from genrelens.train.benchmark.protocols import Protocol
from genrelens.train.data.dataset import LoadingOptions
from genrelens.train.evaluation.bootstrap import Estimate


def make_inputs(data: Path, folder: Path) -> BenchmarkInputs:
    """Return inputs without pictures, whose cache and results are in `folder`."""
    return BenchmarkInputs(LoadingOptions(str(data), folder / "cache", 1, allow_leak=True), None, folder / "results")


def make_cell(recipe: str, protocol: Protocol, accuracy: float) -> Cell:
    return Cell(
        recipe=recipe,
        protocol=protocol,
        data="GTZAN",
        claim="94 %",
        seed=1,
        budget=300,
        answers=("tracks", 100),
        accuracy=Estimate(value=accuracy, low=accuracy - 0.05, high=accuracy + 0.05),
        macro_f1=Estimate(value=accuracy, low=0, high=1),
        log_loss=1.0,
        valid_accuracy=accuracy,
        parameters=11_218,
        macs=5_153_962,
        epochs=3,
        planned=40,
        training_seconds=123.4,
        cpu_ms=12.4,
        date="2026-01-01",
        machine="any",
        package="0",
    )
