"""`genrelens explain`: evidence in a track for its genre, or for another genre."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from genrelens.cli.options import Cores, ModelName

if TYPE_CHECKING:
    from genrelens.explain.explanation import TrackExplanation
    from genrelens.model.card import Card

Method = Literal["cam", "occlusion"]

_MOMENTS = 5  # listed per genre


def explain(
    path: Annotated[Path, typer.Argument(help="An audio file.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Heatmap (.png) or full explanation (.json). Default: a table on stdout."),
    ] = None,
    genre: Annotated[
        list[str] | None,
        typer.Option(help="Genre to explain; repeatable. Default: the predicted genre, or all genres for .json."),
    ] = None,
    method: Annotated[
        Method | None,
        typer.Option(
            help="cam (class activation maps) is fast and needs a model that exports its feature maps; occlusion works "
            "with every model. Default: the first that the model supports."
        ),
    ] = None,
    model: ModelName = "lens",
    threads: Cores = None,
) -> None:
    """Explain a prediction: list or draw the moments that are evidence for a genre.

    Use `--genre jazz` to answer "why not jazz?".
    """
    from genrelens.classifier import Classifier
    from genrelens.explain import explainer as explaining

    if out and out.suffix.lower() not in (".png", ".json"):
        raise typer.BadParameter(f"{out} is neither a .png nor a .json file", param_hint="--out")
    classifier = Classifier(model, threads=threads)
    requested = _check_genres(genre or [], classifier.card)
    explained = explaining.explain(
        classifier, path, genres=requested or explaining.explainable_genres(classifier.card), method=method
    )
    for warning in explained.prediction.warnings:
        typer.echo(f"{path}: {warning}", err=True)
    if out and out.suffix.lower() == ".json":
        _write(out, f"{explained.to_json()}\n".encode())
        return
    selected = explained if requested else _predicted_only(explained)
    if out:
        from genrelens.explain.heatmap import draw_heatmap

        _write(out, draw_heatmap(selected))
    else:
        print(_table(selected))


def _check_genres(genres: list[str], card: "Card") -> list[str]:
    """Return the genres without duplicates.

    Raises:
        typer.BadParameter: the model does not have one of them.
    """
    from genrelens.explain.explainer import explainable_genres

    known = explainable_genres(card)
    for genre in genres:
        if genre not in known:
            raise typer.BadParameter(
                f"{card.name} does not have the genre {genre!r}; choose from {', '.join(known)}", param_hint="--genre"
            )
    return list(dict.fromkeys(genres))


def _predicted_only(explained: "TrackExplanation") -> "TrackExplanation":
    """Keep the explanation of the predicted genre; for "unknown", of the most probable genre."""
    from genrelens.prediction import UNKNOWN

    prediction = explained.prediction
    genre = prediction.scores[0].label if prediction.genre == UNKNOWN else prediction.genre
    explanations = tuple(explanation for explanation in explained.explanations if explanation.genre == genre)
    return explained.model_copy(update={"explanations": explanations})


def _table(explained: "TrackExplanation") -> str:
    """Return the strongest moments of each genre as text."""
    from genrelens.cli.output import display_genres, percent
    from genrelens.errors import display_name
    from genrelens.explain.explainer import strongest_moments
    from genrelens.prediction import UNKNOWN, display_genre

    prediction = explained.prediction
    confidence = "" if prediction.genre == UNKNOWN else f"{percent(prediction.confidence)}  "
    lines = [f"{display_genres(prediction.genres)}  {confidence}{display_name(prediction.path)}"]
    for explanation in explained.explanations:
        moments = strongest_moments(explanation, _MOMENTS)
        lines.append(f"\nstrongest evidence for {display_genre(explanation.genre)} ({explanation.method})")
        lines += [f"{moment.start:7.1f} - {moment.end:5.1f} s   {moment.evidence:+.2f} logits" for moment in moments]
        lines += [] if moments else ["    none"]
    return "\n".join(lines)


def _write(target: Path, content: bytes) -> None:
    from genrelens.files import atomic_write

    with atomic_write(target) as file:
        file.write(content)
    typer.echo(f"wrote {target}", err=True)
