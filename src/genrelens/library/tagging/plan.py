"""The plan of a tagging run: for each file its genres now and then, or why it is skipped."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from genrelens.errors import TagsUnreadableError, TagsUnwritableError, display_name
from genrelens.library.catalog.tracks import ClassifiedTrack, FileStamp
from genrelens.library.tagging import atomic_replace
from genrelens.library.tagging.genre_map import GenreMap, unique_genres
from genrelens.library.tags import genre_tags
from genrelens.library.tags.profiles import PROFILES, Dialect, ProfileName
from genrelens.model.labels import DEFAULT_CERTAINTY
from genrelens.prediction import UNKNOWN, PathText, Prediction, Record

ExistingGenres = Literal["keep", "append", "replace"]
SkipReason = Literal[
    "unknown",  # the genre is unknown, or the track is not music
    "unsure",  # no genre reaches the minimum confidence
    "unmapped",  # the genre map leaves out all genres
    "has genres",  # and the policy keeps them
    "up to date",  # the file has the new genres already
    "changed",  # the file was changed since it was classified
    "linked",  # the file has several hard links
    "gone",  # the file is missing
    "unreadable",  # the tags cannot be read
    "failed",  # the file cannot be written
]

# Reasons that follow from the policy; all others are reported as failures.
INTENDED_SKIPS: frozenset[SkipReason] = frozenset(
    {"unknown", "unsure", "unmapped", "has genres", "up to date", "linked"}
)


@dataclass(frozen=True)
class TagPolicy:
    """The rules that decide which genres are written to which files.

    Attributes:
        existing: what happens to the genres that a file already has.
        min_confidence: lowest probability, 0 to 1, with which a genre is written.
        top: maximum number of the model's genres.
        genre_map: the user's names and tree of genres.
        profile: the player that reads the genres.
        break_links: whether to write files with several hard links; the other links keep the old file.
    """

    existing: ExistingGenres = "keep"
    min_confidence: float = DEFAULT_CERTAINTY
    top: int = 1
    genre_map: GenreMap = field(default_factory=GenreMap)
    profile: ProfileName = "generic"
    break_links: bool = False


class PlannedChange(Record):
    """The planned change to one file.

    Attributes:
        path: path of the file.
        old: present genres.
        new: genres to write; the same as `old` if the file is skipped.
        own: text of the provenance field.
        skipped: why nothing changes; None if the change is to be written.
        detail: the reason as a sentence.
    """

    path: PathText
    old: tuple[str, ...]
    new: tuple[str, ...]
    own: str = ""
    skipped: SkipReason | None = None
    detail: PathText = ""

    def skip(self, reason: SkipReason, detail: str = "") -> "PlannedChange":
        """Return the same change, but skipped."""
        return self.model_copy(update={"new": self.old, "skipped": reason, "detail": detail})


def plan_file(track: ClassifiedTrack, policy: TagPolicy) -> PlannedChange:
    """Plan the change to one file from its current tags."""
    no_change = PlannedChange(path=str(track.path), old=(), new=())
    name = display_name(track.path)
    try:
        if FileStamp.from_path(track.path) != track.stamp:
            return no_change.skip("changed", f"{name} was changed since it was classified; run again")
        tags = genre_tags.read(track.path, PROFILES[policy.profile])
        change = plan_genres(track.prediction, tags.genres, policy)
        return change if change.skipped else _skip_unwritable(change, track.path.resolve(), policy, tags.dialect)
    except FileNotFoundError:
        return no_change.skip("gone", f"{name} is missing; scan again")
    except OSError as error:
        return no_change.skip("unreadable", f"{name} cannot be read ({error.strerror or error})")
    except TagsUnreadableError as error:
        return no_change.skip("unreadable", str(error))


def plan_genres(prediction: Prediction, existing: tuple[str, ...], policy: TagPolicy) -> PlannedChange:
    """Plan the genres of a file from its prediction and its existing genres, without accessing the file."""
    change = PlannedChange(path=prediction.path, old=existing, new=existing, own=provenance(prediction))
    if prediction.genre == UNKNOWN:
        return change.skip("unknown")
    if existing and policy.existing == "keep":
        return change.skip("has genres")
    labels = confident_labels(prediction, policy)
    if not labels:
        return change.skip("unsure")
    mapped = (genre for label in labels for genre in policy.genre_map.genres(label))
    new = unique_genres(genre for genre in mapped if genre != UNKNOWN)
    if not new:
        return change.skip("unmapped")
    if policy.existing == "append":
        known = {genre.casefold() for genre in existing}
        new = (*existing, *(genre for genre in new if genre.casefold() not in known))
    return change.skip("up to date") if new == existing else change.model_copy(update={"new": new})


def confident_labels(prediction: Prediction, policy: TagPolicy) -> list[str]:
    """Return the labels that reach the minimum confidence: predicted genres first, then the next best scores."""
    scores = {score.label: score.score for score in prediction.scores}
    ranked = dict.fromkeys((*prediction.genres, *scores))
    return [label for label in ranked if scores.get(label, 0.0) >= policy.min_confidence][: policy.top]


def provenance(prediction: Prediction) -> str:
    """Return the text of the provenance field: the model, its version, and the confidence of its first genre."""
    return f"model={prediction.model}; version={prediction.version}; confidence={prediction.confidence:.4f}"


def _skip_unwritable(change: PlannedChange, file: Path, policy: TagPolicy, dialect: Dialect) -> PlannedChange:
    """Skip a change that the run could not write, so that the plan shows it already."""
    try:
        atomic_replace.check_writable(file)
    except TagsUnwritableError as error:
        return change.skip("failed", str(error))
    profile = PROFILES[policy.profile]
    genres = profile.split(dialect, profile.join(dialect, change.new))
    if set(genres) != set(change.new):
        detail = f"{policy.profile} would split the genres of {display_name(change.path)} into {', '.join(genres)}"
        return change.skip("failed", f"{detail}; rename them with --map")
    links = file.stat().st_nlink
    if links > 1 and not policy.break_links:
        detail = f"{display_name(change.path)} has {links} hard links, and only this one would change"
        return change.skip("linked", f"{detail}; allow it with --break-links")
    return change
