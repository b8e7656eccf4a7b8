"""Agreement within albums: how often tracks agree, the gain in accuracy, and the detection of outliers.

    python benchmarks/albums.py --data gtzan:FOLDER [--model MODEL] [--out FILE.json]

Measured on *valid*, where the rules were chosen. An album is a sample of tracks of one artist and genre; a mixed album
is a sample of all tracks without a majority genre; an intruder is a track of another genre added to an album.
"""

import argparse
import json
import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from platform import machine

from genrelens import workers
from genrelens.classifier import Classifier
from genrelens.defaults import DEFAULT_MODEL
from genrelens.library.albums import consensus as rules
from genrelens.library.albums.consensus import consensus
from genrelens.prediction import Prediction
from genrelens.train.data.manifest import read_manifest
from genrelens.train.data.splits import assign_splits

Track = tuple[str, Prediction]  # true genre and prediction
Album = list[Track]
Row = dict[str, float]

ROOT = Path(__file__).resolve().parents[1]
SIZES = (5, 8)  # tracks per album
DRAWS = 60  # albums per artist
SHARES = (0.0, 1 / 3, 0.4, 0.5, 0.6)  # of the tracks that must have the album's genre
MARGINS = (0.0, 0.2, 0.3, 0.4, 0.5)
INTRUDERS = 1000


def main() -> None:
    """Measure each share and each margin, print two tables, and save them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="recordings with artists, as in gtzan:FOLDER")
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results" / "albums.json")
    arguments = parser.parse_args()
    artists: dict[tuple[str | None, str], Album] = defaultdict(list)
    for group, track in predict_valid(arguments.model, arguments.data):
        artists[group, track[0]].append(track)
    everything = [track for tracks in artists.values() for track in tracks]
    albums = list(artists.values())
    content = {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "machine": f"{machine()}, {workers.available_cores()} cores",
        "model": arguments.model,
        "shares": [row for size in SIZES for row in shares(size, albums, everything)],
        "margins": list(margins(albums, everything)),
    }
    print_table(content["shares"])
    print_table(content["margins"])
    arguments.out.write_text(json.dumps(content, indent=1) + "\n", "utf-8")


def print_table(rows: list[Row]) -> None:
    """Print the column names and one line per row."""
    print("  ".join(rows[0]))
    for row in rows:
        print("  ".join(f"{value:>{len(name)}.3f}" for name, value in row.items()))
    print()


def predict_valid(model: str, data: str) -> Iterator[tuple[str | None, Track]]:
    """Yield the artist, genre and prediction of each recording of *valid*."""
    classifier = Classifier(model)
    for item in assign_splits(read_manifest(data), "fault-filtered", seed=1).in_split("valid"):
        yield item.group, (item.label, classifier.predict(item.path))


def shares(size: int, artists: list[Album], everything: Album) -> Iterator[Row]:
    """Measure how many albums and mixed albums get a genre, and the accuracy of their tracks with and without it."""
    rng = random.Random(1)
    drawn = [rng.sample(tracks, size) for tracks in artists if len(tracks) >= size for _ in range(DRAWS)]
    mixed = [album for album in (rng.sample(everything, size) for _ in range(1000)) if _is_mixed(album)]
    count, alone = size * len(drawn), sum(genre == prediction.genre for album in drawn for genre, prediction in album)
    for rules.MIN_AGREEMENT in SHARES:
        results = [(album[0][0], _album_genre(album), album) for album in drawn]
        agreed = [(genre, predicted) for genre, predicted, _ in results if predicted]
        right = sum(
            (predicted or prediction.genre) == genre for genre, predicted, album in results for _, prediction in album
        )
        yield {
            "tracks": size,
            "share": rules.MIN_AGREEMENT,
            "albums labelled": len(agreed) / len(results),
            "right": sum(genre == predicted for genre, predicted in agreed) / len(agreed),
            "tracks right": right / count,
            "alone": alone / count,
            "mixed albums labelled": sum(_album_genre(album) is not None for album in mixed) / len(mixed),
        }
    rules.MIN_AGREEMENT = 0.5


def margins(artists: list[Album], everything: Album) -> Iterator[Row]:
    """Measure how many intruders, and how many other tracks, are outliers of a correctly classified album of five."""
    for rules.OUTLIER_MARGIN in MARGINS:
        rng = random.Random(1)
        found = others = albums = 0
        for _ in range(INTRUDERS):
            tracks = rng.choice([album for album in artists if len(album) >= 5])
            genre, intruder = rng.choice(everything)
            album = [prediction for _, prediction in rng.sample(tracks, 5)]
            agreed = consensus([*album, intruder])
            if agreed is None or agreed.genres[0] != tracks[0][0] or genre == tracks[0][0]:
                continue
            albums += 1
            found += rules.is_outlier(intruder, agreed)
            others += sum(rules.is_outlier(track, agreed) for track in album)
        yield {
            "margin": rules.OUTLIER_MARGIN,
            "intruders found": found / albums,
            "others named": others / albums / 5,
        }


def _album_genre(album: Album) -> str | None:
    agreed = consensus([prediction for _, prediction in album])
    return agreed.genres[0] if agreed else None


def _is_mixed(album: Album) -> bool:
    return Counter(genre for genre, _ in album).most_common(1)[0][1] * 2 <= len(album)


if __name__ == "__main__":
    main()
