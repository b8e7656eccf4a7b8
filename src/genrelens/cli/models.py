"""`genrelens models`: list, show and download models."""

from typing import TYPE_CHECKING, Annotated

import typer

from genrelens.cli.options import Quiet

if TYPE_CHECKING:
    from genrelens.model.card import Card
    from genrelens.model.input_spec import InputSpec

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
    model: Annotated[str, typer.Argument(help="Model name, path to an .onnx file, or URL.")] = "lens",
    json: Annotated[bool, typer.Option("--json", help="Print the card as JSON.")] = False,
) -> None:
    """Show a model's card: labels, input, training, figures."""
    from genrelens.model import zoo
    from genrelens.model.session import Model

    card = Model(zoo.find(model)).card
    print(card.model_dump_json(indent=2) if json else _card_text(card))


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


def _card_text(card: "Card") -> str:
    """Return a summary of a model card, a few lines long."""
    training = card.training
    lines = [
        f"{card.name} {card.version}: {card.summary}",
        "",
        f"labels      {', '.join(card.labels)}",
        *_labelling_lines(card),
        *_confidence_lines(card),
        f"input       {_input_text(card.input)}",
        f"parameters  {card.parameters:,}",
        f"trained on  {training.data}, split {training.split}, {training.tracks} tracks, recipe {training.recipe}, "
        f"seed {training.seed}, {training.date}",
        f"licence     {card.licence}",
    ]
    if card.figures:
        lines += ["", f"{'figure':<14}{'value':>7}  {'95 % interval':<15}{'tracks':>7}  measured on"]
    lines += [
        f"{figure.metric:<14}{figure.value:>7.3f}  {f'{figure.low:.3f} - {figure.high:.3f}':<15}{figure.tracks:>7}  "
        f"{figure.data} {figure.split}, {figure.protocol}"
        for figure in card.figures
    ]
    return "\n".join(lines)


def _labelling_lines(card: "Card") -> list[str]:
    if card.labelling == "several":
        thresholds = (f"{label} {low:.2f}" for label, low in zip(card.labels, card.thresholds, strict=True))
        return [f"predicts    several labels, each above its threshold: {', '.join(thresholds)}"]
    if card.labelling == "tree":
        return [f"predicts    a node of a genre tree; the parent where no child reaches {card.certainty:g}"]
    return []


def _confidence_lines(card: "Card") -> list[str]:
    lines = []
    if card.calibration:
        before, after = card.calibration.log_loss
        lines.append(
            f"calibrated  temperature {card.temperature:.2f}, chosen on {card.calibration.tracks} tracks: "
            f"log loss {before:.3f} to {after:.3f}"
        )
    if card.detector:
        lines.append("unknown     is predicted for audio that is not music")
    return lines


def _input_text(spec: "InputSpec") -> str:
    if spec.kind == "picture":
        return f"spectrogram pictures, {spec.width} x {spec.height} pixels, border: {spec.border}"
    front_end = spec.front_end
    return (
        f"windows of {spec.window:g} s every {spec.hop:g} s; {', '.join(spec.features)}; {front_end.n_mels} mel bands "
        f"at {front_end.rate} Hz, n_fft {front_end.n_fft}, hop {front_end.hop}"
    )
