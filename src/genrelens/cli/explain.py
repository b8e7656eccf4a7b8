"""`genrelens explain`: what in a track speaks for its genre, or for another."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from genrelens.cli.options import Cores, ModelName

if TYPE_CHECKING:
    from genrelens.explain.explanation import Explained
    from genrelens.model.card import Card

Method = Literal["cam", "occlusion"]

_MOMENTS = 5  # told of each genre


def explain(
    path: Annotated[Path, typer.Argument(help="An audio file.")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="A picture, .png, or all that was found, .json; else a table.")
    ] = None,
    genre: Annotated[
        list[str] | None,
        typer.Option(help="To explain; repeat for more. If not given, the one that is told, or in .json all."),
    ] = None,
    method: Annotated[
        Method | None,
        typer.Option(
            help="cam is quick, but for models that keep the maps of their last layer; occlusion is for any. "
            "The first that the model is good for if not given."
        ),
    ] = None,
    model: ModelName = "lens",
    threads: Cores = None,
) -> None:
    """Tell which moments of a track speak for its genre, and draw them.

    `--genre jazz` answers "why not jazz?".
    """
    from genrelens.classifier import Classifier
    from genrelens.explain import explainer as explaining

    if out and out.suffix.lower() not in (".png", ".json"):
        raise typer.BadParameter(f"{out} is neither a .png nor a .json file", param_hint="--out")
    classifier = Classifier(model, threads=threads)
    wanted = _known(genre or [], classifier.card)
    explained = explaining.explain(
        classifier, path, genres=wanted or explaining.known_genres(classifier.card), method=method
    )
    for warning in explained.prediction.warnings:
        typer.echo(f"{path}: {warning}", err=True)
    if out and out.suffix.lower() == ".json":
        _write(out, f"{explained.to_json()}\n".encode())
        return
    chosen = explained if wanted else _told(explained)
    if out:
        from genrelens.explain.heatmap import draw

        _write(out, draw(chosen))
    else:
        print(_table(chosen))


def _known(genres: list[str], card: "Card") -> list[str]:
    """The genres, each once.

    Raises:
        typer.BadParameter: the model does not know one.
    """
    from genrelens.explain.explainer import known_genres

    known = known_genres(card)
    for genre in genres:
        if genre not in known:
            raise typer.BadParameter(
                f"{card.name} does not know {genre!r}; it tells {', '.join(known)}", param_hint="--genre"
            )
    return list(dict.fromkeys(genres))


def _told(explained: "Explained") -> "Explained":
    """The explanation of what is told alone; of what is unknown, that of the most probable genre."""
    from genrelens.prediction import UNKNOWN

    prediction = explained.prediction
    told = prediction.scores[0].label if prediction.genre == UNKNOWN else prediction.genre
    own = tuple(one for one in explained.explanations if one.genre == told)
    return explained.model_copy(update={"explanations": own})


def _table(explained: "Explained") -> str:
    """The strongest moments of each genre."""
    from genrelens.errors import shown
    from genrelens.explain.explainer import strongest
    from genrelens.prediction import UNKNOWN

    prediction = explained.prediction
    sure = "" if prediction.genre == UNKNOWN else f"{100 * prediction.confidence:.0f} %  "
    lines = [f"{', '.join(prediction.genres)}  {sure}{shown(prediction.path)}"]
    for explanation in explained.explanations:
        moments = strongest(explanation, _MOMENTS)
        lines.append(f"\nwhat speaks {'most ' if moments else ''}for {explanation.genre}, by {explanation.method}")
        lines += [f"{one.start:7.1f} - {one.end:5.1f} s   {one.evidence:+.2f} logits" for one in moments]
        lines += [] if moments else ["    nothing"]
    return "\n".join(lines)


def _write(target: Path, content: bytes) -> None:
    from genrelens.files import replacing

    with replacing(target) as file:
        file.write(content)
    typer.echo(f"written {target}", err=True)
