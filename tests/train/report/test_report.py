import json
import re
from pathlib import Path

import pytest

from genrelens.errors import TrainingError
from genrelens.train.evaluation.evaluate import Evaluation
from genrelens.train.fit.record import Epoch, History
from genrelens.train.report.report import write_report
from tests.support.audio import encode, tone
from tests.support.recipes import make_recipe
from tests.support.training import make_evaluation

PNG = b"\x89PNG"
HISTORY = History(
    epochs=(
        Epoch(epoch=0, step=9, train_loss=2.0, seconds=30),
        Epoch(epoch=1, step=19, train_loss=1.5, train_accuracy=0.4, valid_loss=1.25, valid_accuracy=0.5, seconds=30),
        Epoch(epoch=2, step=29, train_loss=1.0, train_accuracy=0.6, valid_loss=1.5, valid_accuracy=0.75, seconds=30),
    )
)


def make_valid(folder: Path) -> Evaluation:
    """Predictions for four tracks; b.wav and lost.wav are wrong, and lost.wav does not exist."""
    rows = {"a.wav": ("low", 0.9), "b.wav": ("low", 0.4), "c.wav": ("high", 0.2), "lost.wav": ("high", 0.95)}
    return make_evaluation({str(folder / name): row for name, row in rows.items()}, ("low", "high"))


def start_run(run: Path, summary: str = "A <b>test</b>.") -> None:
    run.mkdir()
    (run / "recipe.json").write_text(make_recipe(summary=summary, train={"keep": "best"}).model_dump_json())


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    for name in "abc":
        encode(folder / f"{name}.wav", tone(seconds=1), codec="pcm_s16le")
    start_run(folder / "run")
    (folder / "run" / "history.json").write_text(HISTORY.model_dump_json())
    (folder / "run" / "valid.json").write_text(make_valid(folder).model_dump_json())
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


def test_page_is_self_contained(page: str) -> None:
    sources = re.findall(r'(?:src|srcset|href)="([^"]*)"', page)
    assert len(sources) > 15
    assert all(source.startswith(("data:image/png;base64,", "#")) for source in sources)
    assert "<script" not in page
    assert "url(" not in page
    anchors = {source[1:] for source in sources if source.startswith("#")}
    assert anchors <= set(re.findall(r'id="([^"]*)"', page))


def test_figures_have_alternative_text_and_files_alongside_the_page(run: Path, page: str) -> None:
    light, dark = re.findall(r'(?:srcset|src)="(data:[^"]+)"', page)[:2]
    assert light != dark
    alts = re.findall(r'<img src="[^"]+" alt="([^"]*)"', page)
    assert alts[0] == "Loss and accuracy over 3 epochs. The lowest loss on valid is 1.250, in epoch 2."
    assert len(alts) == 6
    assert all(alts)
    figures = {file.stem: file.read_bytes() for file in (run / "report").glob("*.png")}
    assert set(figures) == {"curves", "confusion", "genres", "reliability", "selection", "mistake-2"}
    assert all(content.startswith(PNG) for content in figures.values())


def test_page_shows_metrics_layers_recipe_and_environment(page: str) -> None:
    assert "A &lt;b&gt;test&lt;/b&gt;." in page
    assert "50.0 %<small>" in page
    assert "not finished" not in page
    assert "The lowest loss on <em>valid</em> is 1.250, after epoch 2" in re.sub(r"\s+", " ", page)
    assert "1.5 min" in page
    assert '<tr><th>low</th><td class="number">0.50</td>' in page
    assert ">branches.0.7</code></th><td>Linear</td>" in page
    assert '>train.lr</code></th><td class="value">0.01</td>' in page
    assert '>packages.torch</code></th><td class="value">9.9</td>' in page
    assert "accelerators" not in page


def test_mistakes_have_a_spectrogram_or_the_reason_why_it_is_missing(page: str) -> None:
    first, second = re.findall(r"<h3>(.+?)</h3>\s*(.+?)<figcaption><code>(.+?)</code>: (.+?)</figcaption>", page, re.S)
    assert first[0] == "high, predicted as low"
    assert re.search(r"No figure: \S*lost\.wav does not exist; check the path\.", first[1])
    assert first[2:] == ("lost.wav", "low 95.0 %, high 5.0 %")
    assert second[0] == "low, predicted as high"
    assert "Log-mel spectrogram of b.wav, which is low and was predicted as high." in second[1]


def test_report_of_an_unfinished_run(tmp_path: Path) -> None:
    start_run(tmp_path / "new")
    text = write_report(tmp_path / "new").read_text("utf-8")
    assert "0 of at most 2 epochs are done" in text
    assert "No epoch is finished yet" in text
    assert "The layers are listed when training has finished." in text
    (tmp_path / "new" / "history.json").write_text(HISTORY.model_dump_json())
    text = write_report(tmp_path / "new").read_text("utf-8")
    assert "This training is not finished." in text
    assert 'alt="Loss and accuracy over 3 epochs.' in text
    assert 'id="metrics"' not in text


def test_report_without_layers_if_the_network_is_unknown(run: Path, tmp_path: Path) -> None:
    start_run(tmp_path / "gone")
    recipe = json.loads((run / "recipe.json").read_text())
    recipe["net"] = {"name": "gone"}
    (tmp_path / "gone" / "recipe.json").write_text(json.dumps(recipe))
    (tmp_path / "gone" / "valid.json").write_bytes((run / "valid.json").read_bytes())
    assert "The network cannot be built here: " in write_report(tmp_path / "gone").read_text("utf-8")


def test_report_folder_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    start_run(tmp_path / "run")
    (tmp_path / "run" / "report").write_text("a file")
    with pytest.raises(TrainingError, match=r"report cannot be written to \(.+\); free disk space, or remove"):
        write_report(tmp_path / "run")
