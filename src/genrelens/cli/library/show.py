"""`genrelens library show`: the details of one track."""

from typing import TYPE_CHECKING, Annotated

import typer

from genrelens.cli.library.options import open_catalog

if TYPE_CHECKING:
    from genrelens.library.catalog.lookup import TrackDetails
    from genrelens.prediction import Prediction


def show(
    context: typer.Context,
    track: Annotated[str, typer.Argument(help="Track of the catalog: its number or path.")],
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show a track with its prediction per window, or the reason why it could not be classified."""
    from genrelens.library.catalog.lookup import find_track_id, load_details

    with open_catalog(context) as catalog:
        found = load_details(catalog, find_track_id(catalog, track))
    print(found.to_json() if json else "\n".join(_lines(found)))


def _lines(found: "TrackDetails") -> list[str]:
    from datetime import datetime

    from genrelens.errors import display_name

    changed = datetime.fromtimestamp(found.mtime_ns / 1e9).astimezone()
    lines = [display_name(found.path), f"track {found.id}, {found.size:,} bytes, changed {changed:%Y-%m-%d %H:%M}"]
    if found.digest:
        lines.append(f"audio {found.digest}")
    if found.vanished:
        lines.append("the file is missing")
    if found.outdated:
        lines.append("the file has changed since; `genrelens library run` classifies it again")
    if found.error:
        lines.append(f"{found.error.type}: {found.error.message}")
    if found.answer:
        lines += _prediction_lines(found.answer)
    elif not found.error:
        lines.append("not classified yet; run `genrelens library run`")
    return lines


def _prediction_lines(prediction: "Prediction") -> list[str]:
    from genrelens.cli.output import bar, display_genres, percent
    from genrelens.prediction import display_genre, is_not_music

    width = max(len(display_genre(score.label)) for score in prediction.scores)
    genres = f"{display_genres(prediction.genres)} {percent(prediction.confidence)}"
    result = "not music" if is_not_music(prediction.music) else genres
    lines = ["", f"{result}, by {prediction.model} {prediction.version}, {prediction.duration:.0f} s", ""]
    lines += [
        f"  {display_genre(score.label):<{width}} {percent(score.score):>5}  {bar(score.score)}".rstrip()
        for score in prediction.scores
    ]
    lines.append("")
    for segment in prediction.segments:
        best = segment.scores[0]
        lines.append(f"  {segment.start:6.1f} s  {display_genre(best.label)} {percent(best.score)}")
    return lines + [f"warning: {warning}" for warning in prediction.warnings]
