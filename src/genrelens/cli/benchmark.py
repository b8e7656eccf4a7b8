"""`genrelens benchmark`: recipes on protocols, in one table."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from genrelens.cli.options import Cache, Cores, DataSet, Quiet


def benchmark(
    plan: Annotated[Path, typer.Argument(help="A .toml file; see benchmarks/gtzan.toml.")],
    data: DataSet,
    pictures: Annotated[
        str | None, typer.Option(help="The same tracks as pictures, for recipes that look at these.")
    ] = None,
    results: Annotated[
        Path | None, typer.Option(help="Folder for the cells; results/PLAN beside the plan if not given.")
    ] = None,
    only: Annotated[list[str] | None, typer.Option("--only", help="This recipe alone; may be given again.")] = None,
    cache: Cache = None,
    threads: Cores = None,
    quiet: Quiet = False,
) -> None:
    """Train and test recipes on several protocols, cell by cell; cells with a result are not run again."""
    from genrelens.cli.extras import needs_train_extra

    with needs_train_extra():
        from genrelens.cli.studio import loading, notifier
        from genrelens.train.benchmark.benchmark import BenchmarkInputs, read_cells
        from genrelens.train.benchmark.benchmark import run_benchmark as run
        from genrelens.train.benchmark.plan import read_plan
        from genrelens.train.benchmark.table import benchmark_page

    wanted = read_plan(plan)
    recipes = wanted.read(plan.parent)
    names = [recipe.name for recipe, _ in recipes]
    if unknown := set(only or ()) - set(names):
        raise typer.BadParameter(
            f"{', '.join(unknown)} is not in {plan}; it has {', '.join(names)}", param_hint="--only"
        )
    folder = results or plan.parent / "results" / plan.stem
    read = partial(loading, cache=cache, threads=threads, allow_leak=True, quiet=quiet)
    bench = BenchmarkInputs(read(data), read(pictures) if pictures else None, folder)
    chosen = [planned for planned in recipes if not only or planned[0].name in only]
    run(chosen, bench, notifier(quiet))
    print(benchmark_page(read_cells(folder), names, f"genrelens benchmark {plan} --data ..."))
