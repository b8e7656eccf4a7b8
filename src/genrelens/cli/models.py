"""`genrelens models`: list, show and download models."""

from typing import Annotated

import typer

from genrelens.cli.options import Quiet

app = typer.Typer(name="models", help="List, show and download models.", no_args_is_help=True)


@app.command("list")
def list_models() -> None:
    """List the models that can be used by name."""
    from rich.console import Console
    from rich.table import Table

    from genrelens.model import zoo

    table = Table(box=None, pad_edge=False)
    for column in ("model", "installed", "summary"):
        table.add_column(column)
    for entry in zoo.known_models().values():
        table.add_row(entry.name, "yes" if zoo.is_local(entry) else "no", entry.summary)
    Console().print(table)


@app.command("show")
def show_card(
    model: Annotated[str, typer.Argument(help="Model name, path of an .onnx file, or URL.")] = "lens",
    json: Annotated[bool, typer.Option("--json", help="Print the card as JSON.")] = False,
) -> None:
    """Show a model's card: labels, input, training, figures."""
    from genrelens.cli.card import card_text
    from genrelens.model import zoo
    from genrelens.model.session import Model

    card = Model(zoo.find(model)).card
    print(card.model_dump_json(indent=2) if json else card_text(card))


@app.command("download")
def download(
    model: Annotated[str, typer.Argument(help="Model name, or URL ending in #sha256=...")],
    quiet: Quiet = False,
) -> None:
    """Download a model, verify its checksum and print its path."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TransferSpeedColumn

    from genrelens.model import zoo

    console = Console(stderr=True)
    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=console, disable=quiet or not console.is_terminal) as bar:
        task = bar.add_task(model)
        path = zoo.find(model, lambda advance=1, total=None: bar.update(task, advance=advance, total=total))
    print(path)
