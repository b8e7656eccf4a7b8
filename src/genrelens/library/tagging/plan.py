"""What would change in a library's tags: for each track the genres it has, those it would get, or why it gets none."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from genrelens.errors import TagsUnreadableError, TagsUnwritableError, display_name
from genrelens.library.catalog.tracks import ClassifiedTrack, FileStamp
from genrelens.library.tagging import atomic_replace
from genrelens.library.tagging.genre_map import GenreMap, unique
from genrelens.library.tags import genre_tags
from genrelens.library.tags.profiles import PROFILES, Dialect, ProfileName
from genrelens.model.labels import DEFAULT_CERTAINTY
from genrelens.prediction import UNKNOWN, PathText, Prediction, Record

Existing = Literal["keep", "append", "replace"]
Reason = Literal[
    "unknown",  # no music, or told so by the model
    "unsure",  # no genre is told with enough confidence
    "unmapped",  # the genre map leaves all out
    "has genres",  # and they are to be kept
    "up to date",  # it has what it would get
    "changed",  # since it was judged
    "linked",  # it has several names
    "gone",  # the file
    "unreadable",  # its tags
    "failed",  # it cannot be written
]

# What was asked for and is no fault; all other reasons are reported as failures.
BY_CHOICE: frozenset[Reason] = frozenset({"unknown", "unsure", "unmapped", "has genres", "up to date", "linked"})


@dataclass(frozen=True)
class Policy:
    """What to write.

    Attributes:
        existing: what becomes of genres that a file has.
        min_confidence: the least with which a genre is told, to be written.
        top: how many of the model's genres at most.
        names: one's own names and tree.
        break_links: whether to write files that have several names (hard links); the others keep what was there.
    """

    existing: Existing = "keep"
    min_confidence: float = DEFAULT_CERTAINTY
    top: int = 1
    names: GenreMap = field(default_factory=GenreMap)
    profile: ProfileName = "generic"
    break_links: bool = False


class Change(Record):
    """What is to become of one file's genres; `old` is `new` where it is skipped.

    Attributes:
        own: what goes into the field that tells where the genres come from.
        skipped: why nothing changes, with `detail` in words.
    """

    path: PathText
    old: tuple[str, ...]
    new: tuple[str, ...]
    own: str = ""
    skipped: Reason | None = None
    detail: PathText = ""

    def without(self, reason: Reason, detail: str = "") -> "Change":
        """The same, but skipped."""
        return self.model_copy(update={"new": self.old, "skipped": reason, "detail": detail})


def plan(tracks: Iterable[ClassifiedTrack], policy: Policy) -> Iterator[tuple[ClassifiedTrack, Change]]:
    """What would change, track by track; nothing is held but the one at hand."""
    for track in tracks:
        yield track, looked_at(track, policy)


def looked_at(track: ClassifiedTrack, policy: Policy) -> Change:
    """What would change in one file, as it now is."""
    nothing = Change(path=str(track.path), old=(), new=())
    try:
        if FileStamp.from_path(track.path) != track.stamp:
            return nothing.without("changed", f"{display_name(track.path)} was changed since it was judged; run again")
        found = genre_tags.read(track.path, PROFILES[policy.profile])
        change = decided(track.prediction, found.genres, policy)
        return _if_writable(track.path.resolve(), change, policy, found.dialect) if change.skipped is None else change
    except FileNotFoundError:
        return nothing.without("gone", f"{display_name(track.path)} is not there any more; scan again")
    except OSError as error:
        return nothing.without("unreadable", f"{display_name(track.path)} cannot be read ({error.strerror or error})")
    except TagsUnreadableError as error:
        return nothing.without("unreadable", str(error))


def _if_writable(file: Path, change: Change, policy: Policy, dialect: Dialect) -> Change:
    """What is to be written, if the file allows it: a plan tells what the run would find."""
    try:
        atomic_replace.refuse_read_only(file)
    except TagsUnwritableError as error:
        return change.without("failed", str(error))
    profile = PROFILES[policy.profile]
    told = profile.told(dialect, profile.stored(dialect, change.new))
    if set(told) != set(change.new):
        detail = f"{policy.profile} would split the genres of {display_name(change.path)} into {', '.join(told)}"
        return change.without("failed", f"{detail}; name them otherwise with --map")
    links = file.stat().st_nlink
    if links > 1 and not policy.break_links:
        detail = f"{display_name(change.path)} has {links} names (hard links), of which one alone would change"
        return change.without("linked", f"{detail}; allow it with --break-links")
    return change


def decided(prediction: Prediction, existing: tuple[str, ...], policy: Policy) -> Change:
    """What to write, of an answer, the genres that the file has, and the policy. Looks at no file."""
    change = Change(path=prediction.path, old=existing, new=existing, own=provenance(prediction))
    if prediction.genre == UNKNOWN:
        return change.without("unknown")
    if existing and policy.existing == "keep":
        return change.without("has genres")
    labels = confident(prediction, policy)
    if not labels:
        return change.without("unsure")
    new = unique(name for label in labels for name in policy.names(label) if name != UNKNOWN)
    if not new:
        return change.without("unmapped")
    if policy.existing == "append":
        had = {genre.casefold() for genre in existing}
        new = (*existing, *(genre for genre in new if genre.casefold() not in had))
    return change.without("up to date") if new == existing else change.model_copy(update={"new": new})


def confident(prediction: Prediction, policy: Policy) -> list[str]:
    """The labels that are told with enough confidence: first those that the model tells, then the next ones."""
    scores = {score.label: score.score for score in prediction.scores}
    ranked = dict.fromkeys((*prediction.genres, *scores))
    return [label for label in ranked if scores.get(label, 0.0) >= policy.min_confidence][: policy.top]


def provenance(prediction: Prediction) -> str:
    """Where genres come from, in a line: a model, its version, and its confidence in the first of them."""
    return f"model={prediction.model}; version={prediction.version}; confidence={prediction.confidence:.4f}"
