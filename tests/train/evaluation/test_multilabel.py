"""Several labels a track, and trees of genres: learnt, measured, exported and told."""

import csv
import io
import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from genrelens.classifier import Classifier
from genrelens.cli.main import app
from genrelens.errors import ManifestError, RecipeError, SplitError
from genrelens.prediction import Prediction
from genrelens.train.data.dataset import LoadingOptions, target_matrix
from genrelens.train.data.manifest import LabelledTrack, Manifest, gtzan_tracks, read_manifest
from genrelens.train.data.splits import assign_splits
from genrelens.train.evaluation.evaluate import Evaluation, evaluate
from genrelens.train.evaluation.multilabel import MultilabelEvaluation, evaluate_model, evaluate_multilabel
from genrelens.train.fit.history import read_history
from genrelens.train.fit.run import TrainingRequest, train
from genrelens.train.fit.trainer import TrainingOptions
from genrelens.train.recipes.recipe import Recipe
from genrelens.train.search.tune import tune
from tests.support.audio import encode
from tests.support.paths import DATA
from tests.support.recipes import make_recipe

RATE = 11_025
PLAIN = {
    "stretch": 0,
    "shift": 0,
    "equaliser": 0,
    "tilt": 0,
    "low_pass": 0,
    "noise": 0,
    "time_masks": 0,
    "band_masks": 0,
}
NET = {"stem": [4, 8], "width": 16}
TRAIN = {"crops": 2, "batch": 8, "lr": 2e-2, "average": 0, "mixup": 0, "label_smoothing": 0, "keep": "best"}


def part(name: str, rng: np.random.Generator) -> np.ndarray:
    """Two seconds of a tone, or of noise in the middle of the bands."""
    time = np.arange(2 * RATE) / RATE
    if name == "noise":
        hiss = rng.standard_normal(len(time)) * np.sin(2 * np.pi * 1_200 * time)
        return np.asarray(0.3 * np.convolve(hiss, np.hanning(24) / 12, "same"))
    lowest = {"low": 100, "high": 3_500}[name]
    return np.asarray(0.3 * np.sin(2 * np.pi * lowest * (1 + 0.3 * rng.random()) * time))


def written(folder: Path, tracks: Sequence[tuple[str, tuple[str, ...]]]) -> Path:
    """A CSV of tracks with their labels, each made of parts."""
    rng = np.random.default_rng(0)
    rows = ["path,label"]
    for number, (label, parts) in enumerate(tracks):
        wave = sum((part(name, rng) for name in parts), 0.003 * rng.standard_normal(2 * RATE))
        encode(folder / f"{number}.wav", np.asarray(wave)[None] / len(parts), codec="pcm_s16le", rate=RATE)
        rows.append(f"{number}.wav,{label}")
    (folder / "set.csv").write_text("\n".join(rows))
    return folder / "set.csv"


def request_for(data: Path, folder: Path, labels: str, epochs: int = 15) -> TrainingRequest:
    recipe = make_recipe(
        seed=2,
        data={"split": "stratified", "labels": labels},
        net=NET,
        augment=PLAIN,
        train={**TRAIN, "epochs": epochs},
    )
    return TrainingRequest(
        recipe,
        LoadingOptions(str(data), folder / "cache", 1),
        folder / "run",
        options=TrainingOptions("cpu", tracker="none"),
    )


@pytest.fixture(scope="module")
def mixtures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every mixture of three sounds, seven times."""
    names = ("high", "low", "noise")
    sets = [chosen for size in (1, 2, 3) for chosen in itertools.combinations(names, size)]
    return written(tmp_path_factory.mktemp("mixtures"), [("; ".join(chosen), chosen) for chosen in sets * 7])


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tones, which are low or high, and noise."""
    tracks: list[tuple[str, tuple[str, ...]]] = [
        ("Tone---low", ("low",)),
        ("Tone---high", ("high",)),
        ("Noise", ("noise",)),
    ]
    return written(tmp_path_factory.mktemp("tree"), tracks * 8)


@pytest.fixture(scope="module")
def mixed(mixtures: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[TrainingRequest, MultilabelEvaluation]:
    request = request_for(mixtures, tmp_path_factory.mktemp("mixed"), "several")
    result = train(request, lambda _: None)
    assert isinstance(result, MultilabelEvaluation)
    return request, result


@pytest.fixture(scope="module")
def grown(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[TrainingRequest, Evaluation]:
    request = request_for(tree, tmp_path_factory.mktemp("grown"), "tree", epochs=10)
    result = train(request, lambda _: None)
    assert isinstance(result, Evaluation)
    return request, result


def test_mixtures_are_taken_apart(mixed: tuple[TrainingRequest, MultilabelEvaluation], mixtures: Path) -> None:
    request, result = mixed
    assert result.labels == ("high", "low", "noise")
    assert result.metrics.mean_ap.value > 0.9
    assert MultilabelEvaluation.model_validate_json((request.folder / "valid.json").read_text()) == result
    classifier = Classifier(request.folder / "model.onnx", threads=1)
    items = read_manifest(str(mixtures)).tracks
    told = [set(classifier.predict(item.path).genres) == set(item.labels) for item in items]
    assert np.mean(told) > 0.9


def test_the_card_of_a_model_with_several_labels(mixed: tuple[TrainingRequest, MultilabelEvaluation]) -> None:
    request, result = mixed
    card = Classifier(request.folder / "model.onnx").card
    assert card.labelling == "several"
    assert card.thresholds == pytest.approx([row.threshold for row in result.metrics.labels])
    assert all(0 < threshold < 1 for threshold in card.thresholds)


def test_training_with_several_labels_watches_their_ranking(
    mixed: tuple[TrainingRequest, MultilabelEvaluation],
) -> None:
    request, result = mixed
    history = read_history(request.folder)
    assert history.best is not None
    assert history.best.valid_map == pytest.approx(result.metrics.mean_ap.value, abs=0.03)
    assert history.best.valid_loss is not None
    assert result.metrics.log_loss < history.best.valid_loss + 0.02  # calibrated since
    assert history.best.train_accuracy is history.best.valid_accuracy is None


def test_several_labels_from_the_command_line(
    mixed: tuple[TrainingRequest, MultilabelEvaluation], mixtures: Path
) -> None:
    model = str(mixed[0].folder / "model.onnx")
    run = CliRunner()
    result = run.invoke(app, ["evaluate", model, "--data", str(mixtures), "--split", "none", "-t", "1"])
    assert result.exit_code == 0, result.output
    assert "mean average precision" in result.stdout
    assert "told from" in result.stdout
    files = [str(mixtures.parent / f"{number}.wav") for number in (1, 6)]  # low alone, and all three
    answers = [
        Prediction.from_json(line)
        for line in run.invoke(app, ["predict", "-m", model, "--json", *files]).stdout.splitlines()
    ]
    assert set(answers[0].genres) == {"low"}
    assert set(answers[1].genres) == {"high", "low", "noise"}
    assert answers[1].genre == answers[1].genres[0]
    assert answers[1].confidence == next(score.score for score in answers[1].scores if score.label == answers[1].genre)
    rows = list(csv.DictReader(io.StringIO(run.invoke(app, ["predict", "-m", model, "--csv", *files]).stdout)))
    assert rows[1]["genre"] == ";".join(answers[1].genres)
    assert rows[1]["genre_2"] == answers[1].genres[1]
    assert "; ".join(answers[1].genres) in run.invoke(app, ["predict", "-m", model, *files]).stdout
    assert "tells       several labels" in run.invoke(app, ["models", "show", model]).stdout


def test_silence_is_none_of_several_labels(mixed: tuple[TrainingRequest, MultilabelEvaluation]) -> None:
    prediction = Classifier(mixed[0].folder / "model.onnx").predict_samples(np.zeros(2 * RATE, np.float32), RATE)
    assert {score.score for score in prediction.scores} == {0.0}
    assert prediction.warnings


def test_a_tree_is_learnt_level_by_level(grown: tuple[TrainingRequest, Evaluation]) -> None:
    request, result = grown
    assert result.labels == ("Noise", "Tone---high", "Tone---low")
    assert result.tree is not None
    assert [row.genres for row in result.tree.levels] == [2, 3]
    assert result.tree.levels[0].accuracy.value >= result.metrics.accuracy.value == result.tree.levels[1].accuracy.value
    assert result.metrics.accuracy.value > 0.8
    assert Evaluation.model_validate_json((request.folder / "valid.json").read_text()) == result


def test_a_tree_is_told_with_all_its_nodes(grown: tuple[TrainingRequest, Evaluation], tree: Path) -> None:
    model = Classifier(grown[0].folder / "model.onnx", threads=1)
    prediction = model.predict(tree.parent / "0.wav")
    assert prediction.genre == "Tone---low"
    assert prediction.genres == ("Tone---low",)
    for scores in (prediction.scores, *(segment.scores for segment in prediction.segments)):
        own = {score.label: score.score for score in scores}
        assert own.keys() == {"Noise", "Tone", "Tone---high", "Tone---low"}
        assert own["Tone"] == pytest.approx(own["Tone---high"] + own["Tone---low"])
        assert own["Noise"] + own["Tone"] == pytest.approx(1)


def test_a_tree_backs_off_on_what_is_neither(grown: tuple[TrainingRequest, Evaluation], tmp_path: Path) -> None:
    """A model that asks for more certainty than there can be tells no more than the first level."""
    model = Classifier(grown[0].folder / "model.onnx")
    model.model.card = model.card.model_copy(update={"certainty": 1.0, "temperature": 2.0})
    low = encode(tmp_path / "low.wav", part("low", np.random.default_rng(5))[None], codec="pcm_s16le", rate=RATE)
    prediction = model.predict(low)
    assert prediction.genre == "Tone"
    assert prediction.confidence == prediction.scores[0].score


def test_a_tree_from_the_command_line(grown: tuple[TrainingRequest, Evaluation], tree: Path) -> None:
    model = str(grown[0].folder / "model.onnx")
    run = CliRunner()
    result = run.invoke(app, ["evaluate", model, "--data", str(tree), "--split", "none", "-t", "1"])
    assert result.exit_code == 0, result.output
    assert "backed off" in result.stdout
    assert "by leaf:" in result.stdout
    line = run.invoke(app, ["predict", "-m", model, str(tree.parent / "0.wav")]).stdout
    assert line.startswith("Tone---low ")
    assert "Tone 1" in line or "Tone 9" in line  # 100 % or nearly so
    assert "a tree of genres" in run.invoke(app, ["models", "show", model]).stdout


@pytest.mark.parametrize(
    ("labels", "rows", "error", "words"),
    [
        ("one", ["a;b", "a"], ManifestError, r"has several labels \(a;b\), but one label .* --set data.labels=several"),
        ("tree", ["a;b", "a"], ManifestError, r"has several labels \(a;b\), but the recipe or model needs one path in a tree"),
        ("several", ["a;;b", "a"], ManifestError, "label 'a;;b', with nothing beside"),
        ("tree", ["a---", "b"], ManifestError, "label 'a---', with nothing beside"),
        ("tree", ["a", "a---b"], ManifestError, "'a' is a label of its own and has parts, such as 'a---b'; call such"),
    ],
)
def test_labels_that_a_recipe_does_not_take(
    mixtures: Path, tmp_path: Path, labels: str, rows: list[str], error: type[Exception], words: str
) -> None:
    file = tmp_path / "set.csv"
    file.write_text("\n".join(["path,label", *(f"{mixtures.parent}/{n}.wav,{label}" for n, label in enumerate(rows))]))
    with pytest.raises(error, match=words):
        train(request_for(file, tmp_path, labels), lambda _: None)
    assert not (tmp_path / "run").exists()


def test_a_label_that_no_track_in_train_has(mixtures: Path, tmp_path: Path) -> None:
    sides = ("train", "train", "valid", "valid")
    labels = ("a;b", "b", "a;c", "b;c")
    rows = [
        f"{mixtures.parent}/{n}.wav,{label},{side}" for n, (label, side) in enumerate(zip(labels, sides, strict=True))
    ]
    (tmp_path / "set.csv").write_text("\n".join(["path,label,split", *rows]))
    request = request_for(tmp_path / "set.csv", tmp_path, "several")
    given = request.recipe.model_copy(update={"data": request.recipe.data.model_copy(update={"split": "given"})})
    with pytest.raises(SplitError, match="c has no tracks in train; move some there, or leave the genre out"):
        train(replace(request, recipe=given), lambda _: None)


def test_labels_that_the_model_lacks(
    mixed: tuple[TrainingRequest, MultilabelEvaluation], grown: tuple[TrainingRequest, Evaluation]
) -> None:
    several, tree = (Classifier(request.folder / "model.onnx") for request, _ in (mixed, grown))
    with pytest.raises(ManifestError, match="the model has no label polka; it knows high, low, noise"):
        evaluate_multilabel(several, [LabelledTrack("a.wav", "a", "low; polka")], 1)
    with pytest.raises(ManifestError, match="the label 'Tone---middle', which the model lacks"):
        evaluate_model(tree, [LabelledTrack("a.wav", "a", "Tone---middle")], 1)
    with pytest.raises(ManifestError, match=r"has several labels \(Noise;Tone---low\), but the recipe or model needs one path"):
        evaluate(tree, [LabelledTrack("a.wav", "a", "Noise;Tone---low")], 1)


def test_a_search_for_accuracy_needs_one_label(mixtures: Path, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="tells several labels a track, which has no accuracy; seek the loss"):
        tune(request_for(mixtures, tmp_path, "several"), 1, 1, "accuracy", lambda _: None)


def test_targets_and_labels_of_several() -> None:
    items = (LabelledTrack("1", "1", "b; a"), LabelledTrack("2", "2", "c"))
    assert Manifest("any", items).labels == ("a", "b", "c")
    assert target_matrix(items, ("a", "b", "c")).tolist() == [[1, 1, 0], [0, 0, 1]]


def test_a_split_spreads_sets_of_labels_and_rare_ones_by_their_first() -> None:
    labels = ["a"] * 60 + ["a; b"] * 30 + ["b; a"] * 30 + [f"c; r{n}" for n in range(30)] + [f"r{n}" for n in range(30)]
    items = tuple(LabelledTrack(f"{n}.wav", str(n), label, f"artist {n // 2}") for n, label in enumerate(labels))
    divided = assign_splits(Manifest("any", items), "stratified", 1)
    counts = Counter(("; ".join(item.labels), item.split) for item in divided.tracks)
    assert 6 <= counts["a", "test"] <= 12
    assert 6 <= sum(counts[both, "test"] for both in ("a; b", "b; a")) <= 12
    assert 2 <= sum(item.label.startswith("c") for item in divided.in_split("test")) <= 8
    sides = {
        group: {item.split for item in divided.tracks if item.group == group} for group in {i.group for i in items}
    }
    assert all(len(own) == 1 for own in sides.values())


@pytest.mark.data
def test_a_tree_of_real_tracks(tmp_path: Path) -> None:
    """Four genres of GTZAN under two parents, by its fault-filtered lists, on the side that is kept for choosing."""
    paths = {"blues": "Roots---blues", "classical": "Classical", "metal": "Band---metal", "disco": "Band---disco"}
    result = learnt(
        tmp_path, "tree", {name: paths[name.split(".")[0]] for name in gtzan_tracks() if name.split(".")[0] in paths}
    )
    assert isinstance(result, Evaluation)
    assert result.tree is not None
    assert result.metrics.accuracy.value > 0.5  # by chance 0.25
    assert result.tree.levels[0].accuracy.value > max(0.6, result.metrics.accuracy.value - 1e-9)


@pytest.mark.data
def test_several_labels_of_real_tracks(tmp_path: Path) -> None:
    """What a track is, and what that is played with: labels that go together and apart."""
    sets = {"classical": "acoustic; calm", "country": "acoustic; sung", "metal": "loud; sung", "disco": "loud; danced"}
    result = learnt(
        tmp_path, "several", {name: sets[name.split(".")[0]] for name in gtzan_tracks() if name.split(".")[0] in sets}
    )
    assert isinstance(result, MultilabelEvaluation)
    assert result.metrics.mean_auc is not None
    assert result.metrics.mean_auc.low > 0.6  # by chance 0.5


def learnt(folder: Path, labelling: str, labels: dict[str, str]) -> Evaluation | MultilabelEvaluation:
    """A brief training on rows of GTZAN's array, under other labels."""
    array = DATA / "logmel128_hop1920_u8.npy"
    tracks = enumerate(gtzan_tracks().items())
    rows = [f"{array}#{row},{labels[name]},{track.split or ''}" for row, (name, track) in tracks if name in labels]
    (folder / "set.csv").write_text("\n".join(["path,label,split", *rows]))
    recipe = Recipe.model_validate(
        {
            "name": "real",
            "summary": "A test.",
            "data": {"split": "given", "labels": labelling},
            "input": {"window": 10.02, "hop": 10.02, "front_end": {"hop": 1920, "center": False}},
            "net": {"name": "lens", "stem": [4, 8], "width": 16, "depth": 1},
            "train": {"epochs": 6, "batch": 16, "lr": 1e-2, "keep": "best"},
        }
    )
    loading = LoadingOptions(str(folder / "set.csv"), folder / "cache", 1, allow_leak=True)
    return train(
        TrainingRequest(recipe, loading, folder / "run", options=TrainingOptions("cpu", tracker="none")), lambda _: None
    )
