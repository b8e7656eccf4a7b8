"""When do the tracks of an album agree, what is that worth, and which tracks stand out?

    python benchmarks/albums.py --data gtzan:FOLDER [--model MODEL]

On *valid*, where the rules were chosen. An album is some tracks by one artist and of one genre; a mixed one is some of
all tracks, none of whose genres most of them have; an intruder is a track of another genre put into an album.
"""

import argparse
import random
from collections import Counter, defaultdict
from collections.abc import Iterator

from genrelens import zoo
from genrelens.classifier import Classifier
from genrelens.library import consensus as rules
from genrelens.library.consensus import consensus
from genrelens.prediction import Prediction
from genrelens.train.manifest import read_manifest
from genrelens.train.splits import split

Track = tuple[str, Prediction]  # its true genre, and what is told of it
Album = list[Track]

SIZES = (5, 8)  # tracks of an album
DRAWS = 60  # albums from the tracks of each artist
SHARES = (0.0, 1 / 3, 0.4, 0.5, 0.6)  # of the tracks that must be told the genre of the album
MARGINS = (0.0, 0.2, 0.3, 0.4, 0.5)
INTRUDERS = 1000


def main() -> None:
    """Measure what each share and each margin gives, and print two tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="recordings with artists, as in gtzan:FOLDER")
    parser.add_argument("--model", default=zoo.DEFAULT)
    arguments = parser.parse_args()
    artists: dict[tuple[str | None, str], Album] = defaultdict(list)
    for group, track in heard(arguments.model, arguments.data):
        artists[group, track[0]].append(track)
    everything = [track for tracks in artists.values() for track in tracks]
    print(f"{'tracks':>6}{'share':>7}{'albums told':>13}{'right':>7}{'tracks right':>14}{'alone':>7}{'mixed told':>12}")
    for size in SIZES:
        print_shares(size, list(artists.values()), everything)
    print(f"\n{'margin':>6}{'intruders found':>17}{'others named':>14}")
    print_margins(list(artists.values()), everything)


def heard(model: str, data: str) -> Iterator[tuple[str | None, Track]]:
    """Each recording of *valid*, with its artist."""
    classifier = Classifier(model)
    for item in split(read_manifest(data), "fault-filtered", seed=1).side("valid"):
        yield item.group, (item.label, classifier.predict(item.path))


def print_shares(size: int, artists: list[Album], everything: Album) -> None:
    """How many albums and mixed ones are told a genre, and how many of their tracks are right then and alone."""
    chance = random.Random(1)
    drawn = [chance.sample(tracks, size) for tracks in artists if len(tracks) >= size for _ in range(DRAWS)]
    mixed = [album for album in (chance.sample(everything, size) for _ in range(1000)) if _is_mixed(album)]
    count, alone = size * len(drawn), sum(genre == one.genre for album in drawn for genre, one in album)
    for rules.AGREED in SHARES:
        told = [(album[0][0], _told(album), album) for album in drawn]
        named = [(genre, answer) for genre, answer, _ in told if answer]
        right = sum((answer or one.genre) == genre for genre, answer, album in told for _, one in album)
        print(
            f"{size:>6}{rules.AGREED:>7.2f}{len(named) / len(told):>13.2f}"
            f"{sum(genre == answer for genre, answer in named) / len(named):>7.2f}"
            f"{right / count:>14.3f}{alone / count:>7.3f}"
            f"{sum(_told(album) is not None for album in mixed) / len(mixed):>12.2f}"
        )
    rules.AGREED = 0.5


def print_margins(artists: list[Album], everything: Album) -> None:
    """How many intruders stand out of an album of five that is told rightly, and how many that belong there."""
    for rules.MARGIN in MARGINS:
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
            found += rules.stands_out(intruder, agreed)
            others += sum(rules.stands_out(one, agreed) for one in own)
        print(f"{rules.MARGIN:>6.1f}{found / albums:>17.2f}{others / albums / 5:>14.3f}")


def _told(album: Album) -> str | None:
    agreed = consensus([one for _, one in album])
    return agreed.genres[0] if agreed else None


def _is_mixed(album: Album) -> bool:
    return Counter(genre for genre, _ in album).most_common(1)[0][1] * 2 <= len(album)


if __name__ == "__main__":
    main()
