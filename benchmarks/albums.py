"""When do the tracks of an album agree, what is that worth, and which tracks stand out?

    python benchmarks/albums.py --data gtzan:FOLDER [--model MODEL] [--out FILE.json]

On *valid*, where the rules were chosen. An album is some tracks by one artist and of one genre; a mixed one is some of
all tracks, none of whose genres most of them have; an intruder is a track of another genre put into an album.
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

Track = tuple[str, Prediction]  # its true genre, and what is told of it
Album = list[Track]
Row = dict[str, float]

ROOT = Path(__file__).resolve().parents[1]
SIZES = (5, 8)  # tracks of an album
DRAWS = 60  # albums from the tracks of each artist
SHARES = (0.0, 1 / 3, 0.4, 0.5, 0.6)  # of the tracks that must be told the genre of the album
MARGINS = (0.0, 0.2, 0.3, 0.4, 0.5)
INTRUDERS = 1000


def main() -> None:
    """Measure what each share and each margin gives, print two tables, and keep them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="recordings with artists, as in gtzan:FOLDER")
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results" / "albums.json")
    arguments = parser.parse_args()
    artists: dict[tuple[str | None, str], Album] = defaultdict(list)
    for group, track in heard(arguments.model, arguments.data):
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
    """A line for each row, below the names of its columns."""
    print("  ".join(rows[0]))
    for row in rows:
        print("  ".join(f"{value:>{len(name)}.3f}" for name, value in row.items()))
    print()


def heard(model: str, data: str) -> Iterator[tuple[str | None, Track]]:
    """Each recording of *valid*, with its artist."""
    classifier = Classifier(model)
    for item in assign_splits(read_manifest(data), "fault-filtered", seed=1).in_split("valid"):
        yield item.group, (item.label, classifier.predict(item.path))


def shares(size: int, artists: list[Album], everything: Album) -> Iterator[Row]:
    """How many albums and mixed ones are told a genre, and how many of their tracks are right then and alone."""
    chance = random.Random(1)
    drawn = [chance.sample(tracks, size) for tracks in artists if len(tracks) >= size for _ in range(DRAWS)]
    mixed = [album for album in (chance.sample(everything, size) for _ in range(1000)) if _is_mixed(album)]
    count, alone = size * len(drawn), sum(genre == one.genre for album in drawn for genre, one in album)
    for rules.MIN_AGREEMENT in SHARES:
        told = [(album[0][0], _told(album), album) for album in drawn]
        named = [(genre, answer) for genre, answer, _ in told if answer]
        right = sum((answer or one.genre) == genre for genre, answer, album in told for _, one in album)
        yield {
            "tracks": size,
            "share": rules.MIN_AGREEMENT,
            "albums labelled": len(named) / len(told),
            "right": sum(genre == answer for genre, answer in named) / len(named),
            "tracks right": right / count,
            "alone": alone / count,
            "mixed albums labelled": sum(_told(album) is not None for album in mixed) / len(mixed),
        }
    rules.MIN_AGREEMENT = 0.5


def margins(artists: list[Album], everything: Album) -> Iterator[Row]:
    """How many intruders stand out of an album of five that is told rightly, and how many that belong there."""
    for rules.OUTLIER_MARGIN in MARGINS:
        chance = random.Random(1)
        found = others = albums = 0
        for _ in range(INTRUDERS):
            tracks = chance.choice([one for one in artists if len(one) >= 5])
            genre, intruder = chance.choice(everything)
            own = [one for _, one in chance.sample(tracks, 5)]
            agreed = consensus([*own, intruder])
            if agreed is None or agreed.genres[0] != tracks[0][0] or genre == tracks[0][0]:
                continue
            albums += 1
            found += rules.is_outlier(intruder, agreed)
            others += sum(rules.is_outlier(one, agreed) for one in own)
        yield {
            "margin": rules.OUTLIER_MARGIN,
            "intruders found": found / albums,
            "others named": others / albums / 5,
        }


def _told(album: Album) -> str | None:
    agreed = consensus([one for _, one in album])
    return agreed.genres[0] if agreed else None


def _is_mixed(album: Album) -> bool:
    return Counter(genre for genre, _ in album).most_common(1)[0][1] * 2 <= len(album)


if __name__ == "__main__":
    main()
