"""`genrelens library show`: all that is known of a track."""

from typing import TYPE_CHECKING, Annotated

import typer

from genrelens.cli.library.options import opened

if TYPE_CHECKING:
    from genrelens.library.catalog.lookup import TrackDetails
    from genrelens.prediction import Prediction


def show(
    context: typer.Context,
    track: Annotated[str, typer.Argument(help="A track of the catalog: its number, or its path.")],
    json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Show a track: what was told of it, window by window, or why nothing could be."""
    from genrelens.library.catalog.lookup import find_track_id, load_details

    with opened(context) as catalog:
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
        lines.append("it has vanished")
    if found.outdated:
        lines.append("it has changed since; `genrelens library run` judges it anew")
    if found.error:
        lines.append(f"{found.error.type}: {found.error.message}")
    if found.answer:
        lines += _told(found.answer)
    elif not found.error:
        lines.append("not judged yet; `genrelens library run` does that")
    return lines


def _told(answer: "Prediction") -> list[str]:
    from genrelens.cli.output import bar, percent
    from genrelens.model.labels import LABEL_SEPARATOR
    from genrelens.prediction import is_not_music

    width = max(len(score.label) for score in answer.scores)
    told = "no music" if is_not_music(answer.music) else f"{f'{LABEL_SEPARATOR} '.join(answer.genres)} {percent(answer.confidence)}"
    lines = ["", f"{told}, by {answer.model} {answer.version}, {answer.duration:.0f} s", ""]
    lines += [f"  {s.label:<{width}} {percent(s.score):>5}  {bar(s.score)}".rstrip() for s in answer.scores]
    lines += ["", *(f"  {s.start:6.1f} s  {s.scores[0].label} {percent(s.scores[0].score)}" for s in answer.segments)]
    return lines + [f"warning: {warning}" for warning in answer.warnings]
