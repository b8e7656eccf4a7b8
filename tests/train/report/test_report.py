import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imsave

from genrelens.errors import GenrelensError, TrainingError
from genrelens.model.input_spec import PictureInput
from genrelens.train.data.manifest import LabelledTrack
from genrelens.train.evaluation.evaluate import Evaluation, TrackProbabilities, build_evaluation
from genrelens.train.evaluation.metrics import classification_metrics
from genrelens.train.fit.history import Epoch, History
from genrelens.train.fit.record import flatten_table, read_run_record
from genrelens.train.report.figures import (
    DARK,
    LIGHT,
    accuracy_coverage,
    confusion_matrix,
    genre_metrics,
    learning_curves,
    reliability_diagram,
)
from genrelens.train.report.mistakes import Mistake, mistake_drawing, worst_mistakes
from genrelens.train.report.report import write_report
from tests.support.audio import encode, tone
from tests.support.recipes import make_recipe

PNG = b"\x89PNG"
HISTORY = History(
    epochs=(
        Epoch(epoch=0, step=9, train_loss=2.0, seconds=30),
        Epoch(epoch=1, step=19, train_loss=1.5, train_accuracy=0.4, valid_loss=1.25, valid_accuracy=0.5, seconds=30),
        Epoch(epoch=2, step=29, train_loss=1.0, train_accuracy=0.6, valid_loss=1.5, valid_accuracy=0.75, seconds=30),
    )
)


def answers(folder: Path) -> Evaluation:
    """Four tracks, two windows each; b.wav is told wrongly, and lost.wav surely so, but is not there."""
    items = [
        LabelledTrack(str(folder / f"{name}.wav"), name, label)
        for name, label in (("a", "low"), ("b", "low"), ("c", "high"))
    ]
    items.append(LabelledTrack(str(folder / "lost.wav"), "lost", "high"))
    told = [[0.9, 0.1], [0.4, 0.6], [0.2, 0.8], [0.95, 0.05]]
    judged = {
        item.path: TrackProbabilities.from_windows(np.array([row, row], np.float32))
        for item, row in zip(items, told, strict=True)
    }
    return build_evaluation("small", "1", ("low", "high"), items, judged)


def begin(run: Path, summary: str = "A <b>test</b>.") -> None:
    run.mkdir()
    (run / "recipe.json").write_text(make_recipe(summary=summary, train={"keep": "best"}).model_dump_json())


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    for name in "abc":
        encode(folder / f"{name}.wav", tone(seconds=1), codec="pcm_s16le")
    begin(folder / "run")
    (folder / "run" / "history.json").write_text(HISTORY.model_dump_json())
    (folder / "run" / "valid.json").write_text(answers(folder).model_dump_json())
    environment: dict[str, object] = {
        "platform": "any",
        "packages": {"torch": "9.9"},
        "accelerators": [],
        "commit": None,
    }
    (folder / "run" / "environment.json").write_text(json.dumps(environment))
    write_report(folder / "run")
    return folder / "run"


@pytest.fixture(scope="module")
def page(run: Path) -> str:
    return (run / "report" / "index.html").read_text("utf-8")


def test_the_page_needs_no_other_file(page: str) -> None:
    sources = re.findall(r'(?:src|srcset|href)="([^"]*)"', page)
    assert len(sources) > 15
    assert all(source.startswith(("data:image/png;base64,", "#")) for source in sources)
    assert "<script" not in page
    assert "url(" not in page
    anchors = {source[1:] for source in sources if source.startswith("#")}
    assert anchors <= set(re.findall(r'id="([^"]*)"', page))


def test_every_picture_is_told_in_words_and_lies_beside_the_page(run: Path, page: str) -> None:
    light, dark = re.findall(r'(?:srcset|src)="(data:[^"]+)"', page)[:2]
    assert light != dark
    alts = re.findall(r'<img src="[^"]+" alt="([^"]*)"', page)
    assert alts[0] == "Loss and accuracy over 3 epochs. The lowest loss on valid is 1.250, in epoch 2."
    assert len(alts) == 6
    assert all(alts)
    pictures = {file.stem: file.read_bytes() for file in (run / "report").glob("*.png")}
    assert set(pictures) == {"curves", "confusion", "genres", "reliability", "selection", "mistake-2"}
    assert all(content.startswith(PNG) for content in pictures.values())


def test_what_the_page_says(page: str) -> None:
    assert "A &lt;b&gt;test&lt;/b&gt;." in page
    assert "50.0 %<small>" in page
    assert "not ended" not in page
    assert "The lowest loss on <em>valid</em> is 1.250, after epoch 2" in re.sub(r"\s+", " ", page)
    assert "1.5 min" in page
    assert '<tr><th>low</th><td class="number">0.50</td>' in page
    assert ">branches.0.7</code></th><td>Linear</td>" in page
    assert '>train.lr</code></th><td class="value">0.01</td>' in page
    assert '>packages.torch</code></th><td class="value">9.9</td>' in page
    assert "accelerators" not in page


def test_mistakes_come_with_their_sound_or_the_reason_why_not(page: str) -> None:
    first, second = re.findall(r"<h3>(.+?)</h3>\s*(.+?)<figcaption><code>(.+?)</code>: (.+?)</figcaption>", page, re.S)
    assert first[0] == "high, told as low"
    assert re.search(r"No picture: \S*lost\.wav does not exist; check the path\.", first[1])
    assert first[2:] == ("lost.wav", "low 95.0 %, high 5.0 %")
    assert second[0] == "low, told as high"
    assert "Log-mel spectrogram of b.wav, which is low and was told as high." in second[1]


def test_a_run_that_is_under_way(run: Path, tmp_path: Path) -> None:
    begin(tmp_path / "new")
    text = write_report(tmp_path / "new").read_text("utf-8")
    assert "It has come through 0 of at most 2 epochs" in text
    assert "No epoch has ended yet" in text
    assert "The layers are listed when the training has ended." in text
    (tmp_path / "new" / "history.json").write_text(HISTORY.model_dump_json())
    text = write_report(tmp_path / "new").read_text("utf-8")
    assert "This training has not ended." in text
    assert 'alt="Loss and accuracy over 3 epochs.' in text
    assert 'id="measures"' not in text


def test_a_net_that_cannot_be_built_any_more(run: Path, tmp_path: Path) -> None:
    begin(tmp_path / "gone")
    recipe = json.loads((run / "recipe.json").read_text())
    recipe["net"] = {"name": "gone"}
    (tmp_path / "gone" / "recipe.json").write_text(json.dumps(recipe))
    (tmp_path / "gone" / "valid.json").write_bytes((run / "valid.json").read_bytes())
    assert "The network cannot be built here: unknown network" in write_report(tmp_path / "gone").read_text("utf-8")


def test_folders_that_are_no_run(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="is not a run directory"):
        write_report(tmp_path)
    begin(tmp_path / "run")
    for name in ("history.json", "valid.json", "environment.json"):
        (tmp_path / "run" / name).write_text("[")
        with pytest.raises(TrainingError, match=rf"{name} does not have the format of this version"):
            write_report(tmp_path / "run")
        (tmp_path / "run" / name).unlink()


def test_a_folder_that_cannot_be_written_to(tmp_path: Path) -> None:
    begin(tmp_path / "run")
    (tmp_path / "run" / "report").write_text("a file")
    with pytest.raises(TrainingError, match=r"report cannot be written to \(.+\); make room, or"):
        write_report(tmp_path / "run")


def test_the_weights_that_are_kept(run: Path, tmp_path: Path) -> None:
    assert read_run_record(run).selected_epoch == 1
    begin(tmp_path / "last")
    assert read_run_record(tmp_path / "last").selected_epoch is None
    (tmp_path / "last" / "recipe.json").write_text(make_recipe(train={"keep": "last"}).model_dump_json())
    (tmp_path / "last" / "history.json").write_text(HISTORY.model_dump_json())
    assert read_run_record(tmp_path / "last").selected_epoch == 2


def test_nested_tables_for_reading() -> None:
    table = {"a": {"b": 0.002, "c": {"d": True}}, "e": [1, 2], "f": [], "g": None, "h": "", "i": False}
    assert flatten_table(table) == (("a.b", "0.002"), ("a.c.d", "yes"), ("e", "1, 2"), ("i", "no"))


def test_the_most_confident_mistakes(tmp_path: Path) -> None:
    result = answers(tmp_path)
    first, second = worst_mistakes(result, 5)
    assert (first.name, first.truth, first.predicted) == ("lost.wav", "high", "low")
    assert (first.confidence, first.probability) == pytest.approx((0.95, 0.05))
    assert second.name == "b.wav"
    assert worst_mistakes(result, 1) == [first]


@pytest.mark.parametrize("count", [2, 30])
def test_pictures_of_few_and_of_many_genres(count: int) -> None:
    rng = np.random.default_rng(0)
    truth = np.arange(3 * count) % count
    metrics = classification_metrics(
        [f"genre {n}" for n in range(count)], truth, rng.dirichlet(np.ones(count), len(truth))
    )
    for drawing in (
        confusion_matrix(metrics),
        genre_metrics(metrics),
        reliability_diagram(metrics),
        accuracy_coverage(metrics),
    ):
        assert drawing.png(DARK).startswith(PNG)


def test_words_for_pictures() -> None:
    metrics = classification_metrics("abc", np.array([0, 0, 0, 1, 2]), np.eye(3)[[0, 1, 1, 1, 2]])
    assert confusion_matrix(metrics).alt == "Confusion matrix of 3 genres: most often a is told as b, 2 of 3 times."
    assert reliability_diagram(metrics).alt.startswith(
        "Reliability diagram: the answers are 100 % confident on the mean and 60 %"
    )
    assert "F1 from 0.50 (a) to 1.00 (c)" in genre_metrics(metrics).alt
    perfect = classification_metrics("ab", np.array([0, 1]), np.eye(2))
    assert confusion_matrix(perfect).alt == "Confusion matrix of 2 genres: all answers are right."


def test_curves_of_one_epoch_without_validation() -> None:
    history = History(epochs=(Epoch(epoch=0, step=9, train_loss=2.0),))
    drawing = learning_curves(history, None)
    assert drawing.alt == "Loss and accuracy over 1 epoch."
    assert drawing.png(LIGHT).startswith(PNG)


def test_curves_of_several_labels_show_their_precision() -> None:
    epochs = tuple(Epoch(epoch=n, step=n, train_loss=1 / (n + 1), valid_loss=1, valid_map=n / 4) for n in range(3))
    drawing = learning_curves(History(epochs=epochs), None)
    assert drawing.alt.startswith("Loss and mean average precision over 3 epochs.")
    _, below = drawing.draw(LIGHT).axes
    assert below.get_ylabel() == "mean average precision"
    assert [np.asarray(line.get_ydata()).tolist() for line in below.lines] == [[], [0, 0.25, 0.5]]


def test_a_mistake_of_a_net_that_looks_is_shown_as_it_was_seen(tmp_path: Path) -> None:
    file = tmp_path / "seen.png"
    imsave(file, np.random.default_rng(0).random((40, 60, 3)))
    mistake = Mistake(str(file), "low", "high", 0.9, 0.1)
    drawing = mistake_drawing(mistake, 1, PictureInput(kind="picture", width=60, height=40))
    assert drawing.alt == "PictureInput of seen.png, which is low and was told as high."
    assert drawing.png(LIGHT).startswith(PNG)
    with pytest.raises(GenrelensError, match="missing"):
        mistake_drawing(
            replace(mistake, path=str(tmp_path / "missing.png")), 1, PictureInput(kind="picture", width=6, height=4)
        )
