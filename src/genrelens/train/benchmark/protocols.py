"""Ways to divide the same tracks, from the one that flatters most to the ones that are honest."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal, get_args

from sklearn.model_selection import train_test_split

from genrelens.errors import SplitError
from genrelens.model.input_spec import AudioInput
from genrelens.train.data.dataset import Dataset, require_trainable_labels
from genrelens.train.data.log_mels import LogMel
from genrelens.train.data.manifest import SPLITS, LabelledTrack, Manifest, Split
from genrelens.train.data.splits import assign_splits, drop_leaking_groups, require_splits
from genrelens.train.data.windows import track_windows

Protocol = Literal["windows", "tracks", "stratified", "fault-filtered"]
PROTOCOLS: tuple[Protocol, ...] = get_args(Protocol)

_REST = 0.3  # of the windows are not learnt from; half of them are chosen by, half tested on


def split_windows(manifest: Manifest, levels: Mapping[str, LogMel], sound: AudioInput, seed: int) -> Dataset:
    """Every window a track of its own, 70 / 15 / 15 % of each genre at random: parts of a track on all sides.

    That is how many published figures were made; windows that overlap even share their sound.

    Raises:
        SplitError: a genre has too few windows.
    """
    parts = {
        LabelledTrack(f"{item.path}@{number}", item.name, item.label): window
        for item in manifest.tracks
        for number, window in enumerate(track_windows(levels[item.path], sound))
    }
    items = list(parts)
    labels = [item.label for item in items]
    try:
        learnt, rest = train_test_split(range(len(items)), test_size=_REST, stratify=labels, random_state=seed)
        chosen, _ = train_test_split(rest, test_size=0.5, stratify=[labels[n] for n in rest], random_state=seed)
    except ValueError as error:  # a genre has too few
        raise SplitError(f"the windows of {manifest.name} cannot be dealt out to three sides ({error})") from error
    sides: dict[int, Split] = dict.fromkeys(learnt, "train") | dict.fromkeys(chosen, "valid")
    divided = tuple(replace(item, split=sides.get(number, "test")) for number, item in enumerate(items))
    return Dataset(Manifest(manifest.name, divided), {item.path: level for item, level in parts.items()})


def split_tracks(manifest: Manifest, levels: Mapping[str, LogMel], protocol: Protocol, seed: int) -> Dataset:
    """Tracks whole: at random, artists wherever they fall ("tracks") or whole as well; or by GTZAN's lists.

    Raises:
        SplitError: a side is empty, a genre has too few tracks, or there are no lists for these.
    """
    divided = assign_splits(manifest, protocol, seed)
    if protocol == "fault-filtered":
        divided = drop_leaking_groups(divided)
    sided = replace(divided, tracks=tuple(item for item in divided.tracks if item.split))
    require_splits(sided, *SPLITS)
    require_trainable_labels(sided)
    return Dataset(sided, levels)
