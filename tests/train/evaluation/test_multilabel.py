"""Multi-label and tree models from training to prediction."""

import csv
import io
import itertools
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
from genrelens.train.data.dataset import LoadingOptions
from genrelens.train.data.manifest import LabelledTrack, gtzan_tracks, read_manifest
from genrelens.train.evaluation.evaluate import Evaluation, evaluate
from genrelens.train.evaluation.multilabel import MultilabelEvaluation, evaluate_model, evaluate_multilabel
from genrelens.train.fit.record import read_history
from genrelens.train.fit.run import TrainingRequest, train
from genrelens.train.fit.trainer import TrainingOptions
from genrelens.train.recipes.recipe import Recipe
from genrelens.train.search.tune import tune
from tests.support.audio import encode
from tests.support.paths import DATA
from tests.support.recipes import make_recipe

RATE = 11_025
NO_AUGMENTATION = {
    "stretch": 0,
    "shift": 0,
    "equaliser": 0,
    "tilt": 0,
    "low_pass": 0,
    "noise": 0,
    "time_masks": 0,
    "band_masks": 0,
}
NETWORK = {"stem": [4, 8], "width": 16}
TRAIN = {"crops": 2, "batch": 8, "lr": 2e-2, "average": 0, "mixup": 0, "label_smoothing": 0, "keep": "best"}


def make_sound(name: str, rng: np.random.Generator) -> np.ndarray:
    """Two seconds of a low or high tone, or of band-limited noise in between."""
    time = np.arange(2 * RATE) / RATE
    if name == "noise":
        noise = rng.standard_normal(len(time)) * np.sin(2 * np.pi * 1_200 * time)
        return np.asarray(0.3 * np.convolve(noise, np.hanning(24) / 12, "same"))
    lowest = {"low": 100, "high": 3_500}[name]
    return np.asarray(0.3 * np.sin(2 * np.pi * lowest * (1 + 0.3 * rng.random()) * time))


def write_dataset(folder: Path, tracks: Sequence[tuple[str, tuple[str, ...]]]) -> Path:
    """Write tracks, each a mixture of sounds, and a CSV file with their labels."""
    rng = np.random.default_rng(0)
    rows = ["path,label"]
    for number, (label, sounds) in enumerate(tracks):
        wave = sum((make_sound(name, rng) for name in sounds), 0.003 * rng.standard_normal(2 * RATE))
        encode(folder / f"{number}.wav", np.asarray(wave)[None] / len(sounds), codec="pcm_s16le", rate=RATE)
        rows.append(f"{number}.wav,{label}")
    (folder / "set.csv").write_text("\n".join(rows))
    return folder / "set.csv"


def make_request(data: Path, folder: Path, labels: str, epochs: int = 15) -> TrainingRequest:
    recipe = make_recipe(
        seed=2,
        data={"split": "stratified", "labels": labels},
        net=NETWORK,
        augment=NO_AUGMENTATION,
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
    """Seven tracks of each mixture of three sounds."""
    names = ("high", "low", "noise")
    sets = [sounds for size in (1, 2, 3) for sounds in itertools.combinations(names, size)]
    return write_dataset(tmp_path_factory.mktemp("mixtures"), [("; ".join(sounds), sounds) for sounds in sets * 7])


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Low tones, high tones and noise, in a tree."""
    tracks: list[tuple[str, tuple[str, ...]]] = [
        ("Tone---low", ("low",)),
        ("Tone---high", ("high",)),
        ("Noise", ("noise",)),
    ]
    return write_dataset(tmp_path_factory.mktemp("tree"), tracks * 8)


@pytest.fixture(scope="module")
def trained_multilabel(
    mixtures: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[TrainingRequest, MultilabelEvaluation]:
    request = make_request(mixtures, tmp_path_factory.mktemp("multilabel-run"), "several")
    result = train(request, lambda _: None).evaluation
    assert isinstance(result, MultilabelEvaluation)
    return request, result


@pytest.fixture(scope="module")
def trained_tree(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[TrainingRequest, Evaluation]:
    request = make_request(tree, tmp_path_factory.mktemp("tree-run"), "tree", epochs=10)
    result = train(request, lambda _: None).evaluation
    assert isinstance(result, Evaluation)
    return request, result


def test_multilabel_model_predicts_the_sounds_of_a_mixture(
    trained_multilabel: tuple[TrainingRequest, MultilabelEvaluation], mixtures: Path
) -> None:
    request, result = trained_multilabel
    assert result.labels == ("high", "low", "noise")
    assert result.metrics.mean_ap.value > 0.9
    assert MultilabelEvaluation.model_validate_json((request.folder / "valid.json").read_text()) == result
    classifier = Classifier(request.folder / "model.onnx", threads=1)
    tracks = read_manifest(str(mixtures)).tracks
    correct = [set(classifier.predict(track.path).genres) == set(track.labels) for track in tracks]
    assert np.mean(correct) > 0.9


def test_card_of_a_multilabel_model_has_thresholds(
    trained_multilabel: tuple[TrainingRequest, MultilabelEvaluation],
) -> None:
    request, result = trained_multilabel
    card = Classifier(request.folder / "model.onnx").card
    assert card.labelling == "several"
    assert card.thresholds == pytest.approx([row.threshold for row in result.metrics.labels])
    assert all(0 < threshold < 1 for threshold in card.thresholds)


def test_multilabel_training_monitors_average_precision(
    trained_multilabel: tuple[TrainingRequest, MultilabelEvaluation],
) -> None:
    request, result = trained_multilabel
    history = read_history(request.folder)
    assert history.best is not None
    assert history.best.valid_map == pytest.approx(result.metrics.mean_ap.value, abs=0.03)
    assert history.best.valid_loss is not None
    assert result.metrics.log_loss < history.best.valid_loss + 0.02  # calibration followed
    assert history.best.train_accuracy is history.best.valid_accuracy is None


def test_multilabel_model_on_the_command_line(
    trained_multilabel: tuple[TrainingRequest, MultilabelEvaluation], mixtures: Path
) -> None:
    model = str(trained_multilabel[0].folder / "model.onnx")
    run = CliRunner()
    result = run.invoke(app, ["evaluate", model, "--data", str(mixtures), "--split", "none", "-t", "1"])
    assert result.exit_code == 0, result.output
    assert "mean average precision" in result.stdout
    assert "threshold" in result.stdout
    files = [str(mixtures.parent / f"{number}.wav") for number in (1, 6)]  # only low, and all three sounds
    predictions = [
        Prediction.from_json(line)
        for line in run.invoke(app, ["predict", "-m", model, "--json", *files]).stdout.splitlines()
    ]
    assert set(predictions[0].genres) == {"low"}
    assert set(predictions[1].genres) == {"high", "low", "noise"}
    assert predictions[1].genre == predictions[1].genres[0]
    assert predictions[1].confidence == next(
        score.score for score in predictions[1].scores if score.label == predictions[1].genre
    )
    rows = list(csv.DictReader(io.StringIO(run.invoke(app, ["predict", "-m", model, "--csv", *files]).stdout)))
    assert rows[1]["genre"] == ";".join(predictions[1].genres)
    assert rows[1]["genre_2"] == predictions[1].genres[1]
    assert (
        ", ".join(genre.capitalize() for genre in predictions[1].genres)
        in run.invoke(app, ["predict", "-m", model, *files]).stdout
    )
    assert "predicts    several labels" in run.invoke(app, ["models", "show", model]).stdout


def test_silence_has_no_label(trained_multilabel: tuple[TrainingRequest, MultilabelEvaluation]) -> None:
    prediction = Classifier(trained_multilabel[0].folder / "model.onnx").predict_samples(
        np.zeros(2 * RATE, np.float32), RATE
    )
    assert {score.score for score in prediction.scores} == {0.0}
    assert prediction.warnings


def test_tree_evaluation_covers_each_level(trained_tree: tuple[TrainingRequest, Evaluation]) -> None:
    request, result = trained_tree
    assert result.labels == ("Noise", "Tone---high", "Tone---low")
    assert result.tree is not None
    assert [row.genres for row in result.tree.levels] == [2, 3]
    assert result.tree.levels[0].accuracy.value >= result.metrics.accuracy.value == result.tree.levels[1].accuracy.value
    assert result.metrics.accuracy.value > 0.8
    assert Evaluation.model_validate_json((request.folder / "valid.json").read_text()) == result


def test_tree_prediction_has_consistent_scores_of_all_nodes(
    trained_tree: tuple[TrainingRequest, Evaluation], tree: Path
) -> None:
    model = Classifier(trained_tree[0].folder / "model.onnx", threads=1)
    prediction = model.predict(tree.parent / "0.wav")
    assert prediction.genre == "Tone---low"
    assert prediction.genres == ("Tone---low",)
    for scores in (prediction.scores, *(segment.scores for segment in prediction.segments)):
        by_label = {score.label: score.score for score in scores}
        assert by_label.keys() == {"Noise", "Tone", "Tone---high", "Tone---low"}
        assert by_label["Tone"] == pytest.approx(by_label["Tone---high"] + by_label["Tone---low"])
        assert by_label["Noise"] + by_label["Tone"] == pytest.approx(1)


def test_tree_prediction_backs_off_if_no_leaf_is_certain(
    trained_tree: tuple[TrainingRequest, Evaluation], tmp_path: Path
) -> None:
    """With a required certainty of 1, only the first level is predicted."""
    model = Classifier(trained_tree[0].folder / "model.onnx")
    model.model.card = model.card.model_copy(update={"certainty": 1.0, "temperature": 2.0})
    low = encode(tmp_path / "low.wav", make_sound("low", np.random.default_rng(5))[None], codec="pcm_s16le", rate=RATE)
    prediction = model.predict(low)
    assert prediction.genre == "Tone"
    assert prediction.confidence == prediction.scores[0].score


def test_tree_model_on_the_command_line(trained_tree: tuple[TrainingRequest, Evaluation], tree: Path) -> None:
    model = str(trained_tree[0].folder / "model.onnx")
    run = CliRunner()
    result = run.invoke(app, ["evaluate", model, "--data", str(tree), "--split", "none", "-t", "1"])
    assert result.exit_code == 0, result.output
    assert "backed off" in result.stdout
    assert "by leaf:" in result.stdout
    line = run.invoke(app, ["predict", "-m", model, str(tree.parent / "0.wav")]).stdout
    assert line.startswith("Tone / Low ")
    assert "Tone 1" in line or "Tone 9" in line  # some 100 %
    assert "a node of a genre tree" in run.invoke(app, ["models", "show", model]).stdout


@pytest.mark.parametrize(
    ("labelling", "labels", "error", "message"),
    [
        (
            "one",
            ["a;b", "a"],
            ManifestError,
            r"has several labels \(a;b\), but the recipe .* one label per track; .* --set data.labels=several",
        ),
        (
            "tree",
            ["a;b", "a"],
            ManifestError,
            r"has several labels \(a;b\), but the recipe or model needs one path in a tree",
        ),
        ("several", ["a;;b", "a"], ManifestError, "label 'a;;b', with an empty part"),
        ("tree", ["a---", "b"], ManifestError, "label 'a---', with an empty part"),
        ("tree", ["a", "a---b"], ManifestError, "'a' is a leaf and also has subgenres, such as 'a---b'; label such"),
    ],
)
def test_labels_that_do_not_fit_the_recipe_are_rejected(
    mixtures: Path, tmp_path: Path, labelling: str, labels: list[str], error: type[Exception], message: str
) -> None:
    file = tmp_path / "set.csv"
    file.write_text(
        "\n".join(["path,label", *(f"{mixtures.parent}/{n}.wav,{label}" for n, label in enumerate(labels))])
    )
    with pytest.raises(error, match=message):
        train(make_request(file, tmp_path, labelling), lambda _: None)
    assert not (tmp_path / "run").exists()


def test_label_without_training_tracks_is_rejected(mixtures: Path, tmp_path: Path) -> None:
    splits = ("train", "train", "valid", "valid")
    labels = ("a;b", "b", "a;c", "b;c")
    rows = [
        f"{mixtures.parent}/{n}.wav,{label},{split}"
        for n, (label, split) in enumerate(zip(labels, splits, strict=True))
    ]
    (tmp_path / "set.csv").write_text("\n".join(["path,label,split", *rows]))
    request = make_request(tmp_path / "set.csv", tmp_path, "several")
    given = request.recipe.model_copy(update={"data": request.recipe.data.model_copy(update={"split": "given"})})
    with pytest.raises(SplitError, match="c has no tracks in train; move some there, or leave the genre out"):
        train(replace(request, recipe=given), lambda _: None)


def test_labels_that_the_model_lacks_are_rejected(
    trained_multilabel: tuple[TrainingRequest, MultilabelEvaluation], trained_tree: tuple[TrainingRequest, Evaluation]
) -> None:
    multilabel, tree = (Classifier(request.folder / "model.onnx") for request, _ in (trained_multilabel, trained_tree))
    with pytest.raises(ManifestError, match="the model lacks the label polka; its labels are high, low, noise"):
        evaluate_multilabel(multilabel, [LabelledTrack("a.wav", "a", "low; polka")], 1)
    with pytest.raises(ManifestError, match="the label 'Tone---middle', which the model lacks"):
        evaluate_model(tree, [LabelledTrack("a.wav", "a", "Tone---middle")], 1)
    with pytest.raises(
        ManifestError, match=r"has several labels \(Noise;Tone---low\), but the recipe or model needs one path"
    ):
        evaluate(tree, [LabelledTrack("a.wav", "a", "Noise;Tone---low")], 1)


def test_search_for_accuracy_needs_a_single_label_recipe(mixtures: Path, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="has several labels per track, for which accuracy is not defined"):
        tune(make_request(mixtures, tmp_path, "several"), 1, 1, "accuracy", lambda _: None)


@pytest.mark.data
def test_tree_model_learns_from_real_tracks(tmp_path: Path) -> None:
    """Four genres of GTZAN under two parents, on the validation split of its fault-filtered lists."""
    paths = {"blues": "Roots---blues", "classical": "Classical", "metal": "Band---metal", "disco": "Band---disco"}
    result = train_on_gtzan(
        tmp_path, "tree", {name: paths[name.split(".")[0]] for name in gtzan_tracks() if name.split(".")[0] in paths}
    )
    assert isinstance(result, Evaluation)
    assert result.tree is not None
    assert result.metrics.accuracy.value > 0.5  # by chance 0.25
    assert result.tree.levels[0].accuracy.value > max(0.6, result.metrics.accuracy.value - 1e-9)


@pytest.mark.data
def test_multilabel_model_learns_from_real_tracks(tmp_path: Path) -> None:
    """Genres of GTZAN as sets of correlated and uncorrelated labels."""
    sets = {"classical": "acoustic; calm", "country": "acoustic; sung", "metal": "loud; sung", "disco": "loud; danced"}
    result = train_on_gtzan(
        tmp_path, "several", {name: sets[name.split(".")[0]] for name in gtzan_tracks() if name.split(".")[0] in sets}
    )
    assert isinstance(result, MultilabelEvaluation)
    assert result.metrics.mean_auc is not None
    assert result.metrics.mean_auc.low > 0.6  # by chance 0.5


def train_on_gtzan(folder: Path, labelling: str, labels: dict[str, str]) -> Evaluation | MultilabelEvaluation:
    """Train briefly on rows of GTZAN's array, with other labels."""
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
    ).evaluation
