"""The figures in docs/library.md, made from library, albums, similar and collection.json in benchmarks/results.

python scripts/library_page.py
"""

import json
from pathlib import Path
from typing import Any

from marks import fill_marks

from genrelens.library.albums.consensus import MIN_AGREEMENT

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
PAGE = ROOT / "docs" / "library.md"


def page() -> str:
    """The page with its figures made anew."""
    parts = {
        "speed": _speed(_results("library")),
        "albums": _albums(_results("albums")),
        "similar": _similar(_results("similar")),
        "collection": _collection(_results("collection")),
    }
    return fill_marks(PAGE.read_text("utf-8"), parts)


def _results(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((RESULTS / f"{name}.json").read_text("utf-8"))
    return content


def _speed(content: dict[str, Any]) -> str:
    rows = [f"| {name.strip()} | {value:,.2f} |" for name, value in content["figures"].items()]
    return "\n".join(
        [
            "| measured | figure |",
            "|---|---|",
            *rows,
            "",
            f"Tracks are mp3s of 4 minutes, of which three windows are heard. {_where(content)}.",
        ]
    )


def _albums(content: dict[str, Any]) -> str:
    few = min(row["tracks"] for row in content["shares"])
    (row,) = (row for row in content["shares"] if (row["tracks"], row["share"]) == (few, MIN_AGREEMENT))
    return (
        f"For albums put together from recordings of one artist, {few:.0f} at a time, that made "
        f"{100 * row['tracks right']:.0f} % of the tracks right in place of {100 * row['alone']:.0f} % "
        f"(`benchmarks/albums.py`, on *valid*; {_where(content)})."
    )


def _similar(content: dict[str, Any]) -> str:
    figures = content["figures"]
    (many,) = (name.removesuffix(", vectors") for name in figures if name.endswith("synthetic, vectors"))
    return (
        f"Of {many} vectors of 256 channels the index finds {100 * figures[f'{many}, recall@10 of the index']:.1f} % "
        f"of the ten nearest, in {figures[f'{many}, index (ms a question)']:.1f} ms where the exact search takes "
        f"{figures[f'{many}, exact (ms a question)']:.0f}; it is built in "
        f"{figures[f'{many}, building the index (s)']:.0f} s and has {figures[f'{many}, index (MB)']:.0f} MB. On "
        f"recordings of GTZAN, {100 * figures['GTZAN, raw: the same, tracks of valid']:.0f} % of the ten neighbours of "
        "a track of *valid*, by other artists, are of its genre. Neighbours on playlists of 15 tracks are "
        f"{figures['playlists of 15: distance of neighbours, smooth']:.2f} apart with `--smooth` (1 less the cosine), "
        f"and {figures['playlists of 15: distance of neighbours, as drawn']:.2f} without. {_where(content)}."
    )


def _collection(content: dict[str, Any]) -> str:
    formats = ", ".join(f"{count} {name}" for name, count in content["formats"].items())
    judged, failed = content["status"]["judged"], content["status"]["failed"]
    killed = " and ".join(map(str, content["killed after"]))
    back = content["read back"]
    return "\n".join(
        [
            f"{content['files']:,} files made of recordings of GTZAN ({formats}), {content['tagged']} of them with two "
            f"genres of their own and {content['broken']} broken, were put through all of it by the command line:",
            "",
            f"- scanned in {content['scan (s)']:.1f} s;",
            f"- judged, and killed (`kill -9`) with {killed} kept; the third run did the rest, and {judged:,} had an "
            f"answer and {failed} a reason why not;",
            f"- tagged with `--existing append` in {content['tag (s)']:.0f} s: {back['written']:,} files, of which "
            f"mutagen and ffprobe read what was to be written in all but {len(back['wrong'])}, their own genres and "
            "comments included;",
            f"- undone in {content['undo (s)']:.0f} s: {len(content['changed after undo'])} files differ from what "
            f"they were by a byte, and {len(content['left behind'])} were left behind.",
            "",
            f"{_where(content)}.",
        ]
    )


def _where(content: dict[str, Any]) -> str:
    return f"{content['machine']}, {content['date']}"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
