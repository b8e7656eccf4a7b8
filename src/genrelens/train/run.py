"""From a recipe and data to a model: what `genrelens train` does, step by step, in one folder."""

import platform
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import torch
from torch import nn

from genrelens.card import Card, Figure, Training
from genrelens.classifier import Classifier
from genrelens.errors import TrainingError, shown
from genrelens.files import write_text
from genrelens.train import nets
from genrelens.train.batches import TrackWindows
from genrelens.train.environment import environment
from genrelens.train.evaluate import Evaluation, evaluate
from genrelens.train.export import export, parameters
from genrelens.train.fit import Manner, Tracks, fit
from genrelens.train.manifest import Item, Manifest, read_manifest
from genrelens.train.mels import Mels, load_mels
from genrelens.train.recipe import Recipe
from genrelens.train.splits import leaks, refuse_leaks, require, split
from genrelens.train.tracking import require as require_tracking

Bar = Callable[[str, int], AbstractContextManager[Callable[[], None]]]  # what, how many -> after each

_PROVING_TRACKS = 4  # whose windows prove an export


@dataclass(frozen=True)
class Request:
    """What to train, on what, and where to put it."""

    recipe: Recipe
    data: str
    folder: Path
    cache: Path
    processes: int
    allow_leak: bool = False
    resume: bool = False
    manner: Manner = field(default_factory=Manner)
    bar: Bar = lambda _what, _total: nullcontext(lambda: None)


def train(request: Request, say: Callable[[str], None]) -> Evaluation:
    """Train as a recipe says, and measure the exported model on *valid*; *test* is not looked at.

    The folder then holds recipe.json, environment.json, metrics.jsonl, history.json and history.csv, the
    checkpoints, what is tracked, model.onnx and valid.json.

    Args:
        request: what is wanted; with `resume`, the training in the folder is gone on with.
        say: told in a sentence what is being done.

    Raises:
        DataError: the data cannot be used, or leaks.
        TrainingError: the folder holds another training, the recipe is impossible, or the loss is lost.
        MissingExtraError: what is to track the training is not installed.
    """
    recipe = request.recipe
    require_tracking(request.manner.track)
    manifest, mels = prepare(request, say)
    nets.build(recipe.net, len(manifest.labels))  # an impossible recipe claims no folder
    claim(request.folder, recipe, resume=request.resume)
    write_text(request.folder / "environment.json", environment().model_dump_json(indent=1))
    learn, valid = (tracks(manifest, items, mels) for items in (manifest.side("train"), manifest.side("valid")))
    say(f"Training {recipe.name} on {len(learn.truth)} tracks, choosing on {len(valid.truth)} ...")
    net = fit(
        recipe,
        learn,
        valid,
        len(manifest.labels),
        request.folder,
        request.manner,
        say,
    )
    model = request.folder / "model.onnx"
    say(f"Exporting to {shown(model)} ...")
    proof = TrackWindows(valid.levels[:_PROVING_TRACKS], valid.truth[:_PROVING_TRACKS], recipe)
    card = write_card(recipe, manifest, net, len(learn.truth))
    export(net, card, torch.cat([windows for windows, _ in proof]), model)
    result = evaluate(Classifier(model), manifest.side("valid"), request.processes)
    write_text(request.folder / "valid.json", result.model_dump_json(indent=1))
    return result


def claim(folder: Path, recipe: Recipe, *, resume: bool) -> None:
    """Make the folder of a training, or see that it is this recipe's.

    Raises:
        TrainingError: it holds a training already and is not to be resumed, or that of another recipe.
    """
    file = folder / "recipe.json"
    content = recipe.model_dump_json(indent=1)
    if file.exists() and not resume:
        raise TrainingError(f"{shown(folder)} holds a training; go on with --resume, or name another with --run")
    if file.exists() and file.read_text("utf-8") != content:
        raise TrainingError(f"{shown(folder)} was begun with another recipe; name another folder with --run")
    write_text(file, content)


def prepare(request: Request, say: Callable[[str], None]) -> tuple[Manifest, Mels]:
    """Read the data, put each track on its side, compute log-mels, and refuse leaks."""
    table = request.recipe.data
    divided = split(read_manifest(request.data), table.split, request.recipe.seed).without(table.exclude)
    require(divided, "train", "valid")
    manifest = replace(divided, items=tuple(item for item in divided.items if item.side))
    say(f"Reading {len(manifest.items)} tracks of {manifest.name}, split {table.split} ...")
    with request.bar("Log-mels", len(manifest.items)) as advance:
        mels = load_mels(
            manifest.items, request.recipe.input.front_end, request.cache, request.processes, progress=advance
        )
    for error in mels.failures.values():
        say(f"Left out: {error}.")
    manifest = replace(manifest, items=tuple(item for item in manifest.items if item.path in mels.levels))
    require(manifest, "train", "valid")
    found = leaks(manifest.items, mels.recordings)
    if found and request.allow_leak:
        say(f"Warning: {len(found)} on two sides of the split, so the figures will flatter: {found[0]} ...")
    else:
        refuse_leaks(found)
    return manifest, mels


def write_card(recipe: Recipe, manifest: Manifest, net: nn.Module, tracks: int) -> Card:
    """Say what the net is and where it came from."""
    return Card(
        name=recipe.name,
        version=recipe.version,
        summary=recipe.summary,
        labels=manifest.labels,
        front_end=recipe.input.front_end,
        window=recipe.input.window,
        hop=recipe.input.hop,
        parameters=parameters(net),
        training=Training(
            recipe=recipe.name,
            data=manifest.name,
            split=recipe.data.split,
            tracks=tracks,
            seed=recipe.seed,
            date=f"{datetime.now(UTC):%Y-%m-%d}",
            machine=f"{platform.machine()}, {platform.system()}",
        ),
        licence=recipe.licence,
        package=version("genrelens"),
    )


def figures(result: Evaluation, data: str, side: str, protocol: str) -> tuple[Figure, ...]:
    """The measures that a card states."""
    return tuple(
        Figure(
            metric=name,
            value=round(estimate.value, 4),
            low=round(estimate.low, 4),
            high=round(estimate.high, 4),
            data=data,
            split=side,
            tracks=result.metrics.tracks,
            protocol=protocol,
        )
        for name, estimate in (
            ("accuracy", result.metrics.accuracy),
            ("macro F1", result.metrics.macro_f1),
            ("weighted F1", result.metrics.weighted_f1),
        )
    )


def tracks(manifest: Manifest, items: Sequence[Item], mels: Mels) -> Tracks:
    """Log-mels and classes of some of the tracks, for the loop."""
    return Tracks(
        levels=[mels.levels[item.path] for item in items],
        truth=[manifest.labels.index(item.label) for item in items],
    )
