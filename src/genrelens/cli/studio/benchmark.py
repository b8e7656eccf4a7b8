"""`genrelens benchmark`: compare recipes under several evaluation protocols."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from genrelens.cli.options import Cores, Quiet
from genrelens.cli.studio.options import Cache, DataSet, loading_options, needs_train_extra, notifier


def benchmark(
    plan: Annotated[Path, typer.Argument(help="Benchmark plan, a .toml file; see benchmarks/gtzan.toml.")],
    data: DataSet,
    pictures: Annotated[
        str | None, typer.Option(help="The same tracks as pictures, for recipes with picture input.")
    ] = None,
    results: Annotated[
        Path | None, typer.Option(help="Folder for the results. Default: results/PLAN next to the plan.")
    ] = None,
    only: Annotated[list[str] | None, typer.Option("--only", help="Run only this recipe; repeatable.")] = None,
    cache: Cache = None,
    threads: Cores = None,
    quiet: Quiet = False,
) -> None:
    """Train and test recipes under several protocols, and print the table; existing results are reused."""
    with needs_train_extra():
        from genrelens.train.benchmark.benchmark import BenchmarkInputs, read_cells, run_benchmark
        from genrelens.train.benchmark.plan import read_plan
        from genrelens.train.benchmark.table import benchmark_page

    recipes = read_plan(plan).load_recipes(plan.parent)
    names = [recipe.name for recipe, _ in recipes]
    if unknown := set(only or ()) - set(names):
        raise typer.BadParameter(
            f"{', '.join(unknown)} is not in {plan}; it contains {', '.join(names)}", param_hint="--only"
        )
    folder = results or plan.parent / "results" / plan.stem
    load = partial(loading_options, cache=cache, threads=threads, allow_leak=True, quiet=quiet)
    inputs = BenchmarkInputs(load(data), load(pictures) if pictures else None, folder)
    selected = [(recipe, budgets) for recipe, budgets in recipes if not only or recipe.name in only]
    run_benchmark(selected, inputs, notifier(quiet))
    print(benchmark_page(read_cells(folder), names, f"genrelens benchmark {plan} --data ..."))
