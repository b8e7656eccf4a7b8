import pickle
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from genrelens.errors import ModelNotFoundError, RecipeError
from genrelens.features.frontend import FrontEnd, band_centres, hz_to_band, mel_decibels, noise_power
from genrelens.train import networks
from genrelens.train.data.batches import TrackWindows, TrainingBatches
from genrelens.train.distillation.teacher import LogMelConverter, Teacher, TeacherProjection, build_teacher
from genrelens.train.fit.task import GenreTask
from genrelens.train.fit.trainer import TrainingOptions, fit, prepare_training
from genrelens.train.networks.layers import CamNetwork
from genrelens.train.recipes.backbone_card import BackboneCard
from tests.support.backbones import AUDIOSET, FRAMES, ROWS, make_backbone
from tests.support.distillation import distillation_recipe, examples

SOURCE = FrontEnd(hop=1920, center=False)


@pytest.fixture
def backbone(tmp_path: Path) -> BackboneCard:
    return make_backbone(tmp_path, [ROWS, FRAMES], axes='["rows", "frames"]')


def test_teacher_embeds_the_training_windows(backbone: BackboneCard) -> None:
    recipe = distillation_recipe(backbone, augment={"time_masks": 0, "band_masks": 0, "overlay": 0.5})
    teacher = build_teacher(recipe)
    assert teacher is not None
    assert teacher.features == ROWS * FRAMES
    embedded: list[torch.Tensor] = []

    class RecordingTeacher(Teacher):
        def __call__(self, log_mels: torch.Tensor, rng: torch.Generator) -> torch.Tensor:
            embedded.append(log_mels.clone())
            return super().__call__(log_mels, rng)

    learn = examples()
    recording = RecordingTeacher(backbone, recipe.input)  # type: ignore[arg-type]
    batches = TrainingBatches(learn.inputs, learn.targets, recipe, lambda: 0, teacher=recording)
    for log_mels, (windows, _, embeddings) in zip(embedded[1:], batches, strict=False):
        assert embeddings.shape == (len(windows), ROWS * FRAMES)
        normalised = (log_mels - log_mels.mean(dim=(1, 2), keepdim=True)) / log_mels.std(dim=(1, 2), keepdim=True)
        assert torch.corrcoef(torch.stack([normalised.flatten(), windows.flatten()]))[0, 1] > 0.9


def test_teacher_can_be_pickled(backbone: BackboneCard) -> None:
    teacher = build_teacher(distillation_recipe(backbone))
    assert teacher is not None
    copy = pickle.loads(pickle.dumps(teacher))
    log_mels = torch.rand(2, 128, 44) * -80
    torch.testing.assert_close(
        copy(log_mels, torch.Generator().manual_seed(1)), teacher(log_mels, torch.Generator().manual_seed(1))
    )


def test_projection_learns_a_linear_map() -> None:
    torch.manual_seed(0)
    embeddings = torch.randn(64, 4)
    targets = embeddings @ torch.randn(4, 3) * 5 + 2
    projection = TeacherProjection(4, 3)
    optimiser = torch.optim.Adam(projection.parameters(), lr=0.05)
    first = projection.loss(embeddings, targets).item()
    for _ in range(200):
        optimiser.zero_grad()
        projection.loss(embeddings, targets).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    assert projection.loss(embeddings, targets).item() < first / 50


def test_distillation_loss_trains_the_network(backbone: BackboneCard) -> None:
    recipe = distillation_recipe(backbone, weight=3.0)
    learn = examples()
    network = networks.build(recipe.net, 2, recipe.input.shape)
    teacher = build_teacher(recipe)
    assert teacher is not None
    task = GenreTask(network, recipe, 1, teacher_features=teacher.features)
    batch = next(iter(TrainingBatches(learn.inputs, learn.targets, recipe, lambda: 0, teacher=teacher)))
    logits, loss = task._logits_and_distillation_loss(batch[0], batch[2])
    assert logits.shape == (4, 2)
    assert isinstance(loss, torch.Tensor)
    (gradient,) = torch.autograd.grad(loss, [next(network.parameters())])
    assert gradient.abs().sum() > 0


def test_projection_is_trained_too(backbone: BackboneCard) -> None:
    recipe = distillation_recipe(backbone)
    task = GenreTask(networks.build(recipe.net, 2, recipe.input.shape), recipe, 1, teacher_features=3)
    trained = {id(weights) for group in task._parameter_groups() for weights in group["params"]}
    assert trained == {id(weights) for weights in task.parameters()}
    _, projection = task.distilled()
    assert id(projection.layer.weight) in trained


def test_training_returns_the_network_without_the_projection(backbone: BackboneCard, tmp_path: Path) -> None:
    recipe = distillation_recipe(backbone)
    network = fit(
        prepare_training(recipe, examples(), examples(4)),
        tmp_path / "run",
        TrainingOptions(accelerator="cpu", tracker="none"),
        print,
    )
    assert not any("pupil" in name for name in network.state_dict())
    with torch.no_grad():
        assert network(torch.zeros(1, *recipe.input.shape)).shape == (1, 2)


def test_rejects_a_network_without_an_embedding(backbone: BackboneCard) -> None:
    recipe = distillation_recipe(backbone)
    with pytest.raises(RecipeError, match="does not end in global average pooling and a linear layer"):
        GenreTask(torch.nn.Linear(2, 2), recipe, 1, teacher_features=3)


def test_reports_a_missing_backbone(backbone: BackboneCard) -> None:
    missing = backbone.model_copy(update={"model": backbone.model + ".gone.onnx"})
    with pytest.raises(ModelNotFoundError, match="does not exist"):
        build_teacher(distillation_recipe(missing))


def test_refits_the_output_layer(tmp_path: Path) -> None:
    backbone = make_backbone(tmp_path, [ROWS, FRAMES], axes='["rows", "frames"]')
    recipe = distillation_recipe(backbone, net={"branches": 2})
    recipe = recipe.model_copy(update={"distil": recipe.distil.model_copy(update={"penalties": (0.01, 100.0)})})  # type: ignore[union-attr]
    sentences: list[str] = []
    learn = examples()
    for log_mel, target in zip(learn.inputs, learn.targets, strict=True):
        log_mel[:64] -= np.float16(40 * target[0])
    network = fit(
        prepare_training(recipe, learn, learn),
        tmp_path / "run",
        TrainingOptions(accelerator="cpu", tracker="none"),
        sentences.append,
    )
    assert re.search(
        r"Refitted the output layer with a penalty of 0.01: log loss 0\.\d+ on 8 tracks of valid", sentences[-1]
    )
    with torch.no_grad():
        batches = TrackWindows(learn.inputs, learn.targets, recipe)
        predicted = [network(windows).mean(dim=0).argmax() for windows, _ in batches]
        windows = torch.randn(3, *recipe.input.shape)
        assert isinstance(network, CamNetwork)
        torch.testing.assert_close(network.classify(network.embed(windows)), network(windows))
    assert [int(label) for label in predicted] == learn.targets.argmax(axis=1).tolist()


@pytest.mark.parametrize("front_end", [SOURCE, AUDIOSET, FrontEnd(mel_scale="htk", window="hamming")])
def test_noise_power_matches_measured_noise(front_end: FrontEnd) -> None:
    noise = np.random.default_rng(0).standard_normal(front_end.rate * 20)
    measured = (10 ** (mel_decibels(noise, front_end) / 10)).mean(axis=1)
    predicted = noise_power(front_end) / front_end.rate  # standard deviation 1, spread over the whole rate
    wide = predicted > 0
    assert np.abs(10 * np.log10(measured[wide] / predicted[wide])).max() < 1


def test_band_centres_are_at_integer_positions() -> None:
    np.testing.assert_allclose(hz_to_band(band_centres(AUDIOSET), AUDIOSET), np.arange(128), atol=1e-9)


def coloured_noise(rate: int) -> np.ndarray:
    """Ten seconds of noise that falls by 6 dB per octave above 300 Hz, and is nearly silent in the last third."""
    rng = np.random.default_rng(1)
    spectrum = np.fft.rfft(rng.standard_normal(10 * rate))
    hz = np.fft.rfftfreq(10 * rate, 1 / rate)
    samples = np.fft.irfft(spectrum / np.maximum(1, hz / 300) * (hz < 10_000))
    samples[len(samples) * 2 // 3 :] *= 1e-2
    return np.asarray(samples)


def test_converted_log_mel_matches_the_target_front_end() -> None:
    """The same noise at both rates has the same level in all bands and frames, except for its fluctuation."""
    frames = AUDIOSET.frames(10 * AUDIOSET.rate)
    log_mel = torch.from_numpy(mel_decibels(coloured_noise(SOURCE.rate), SOURCE)).float()[None]
    converted = LogMelConverter(SOURCE, AUDIOSET, frames)(log_mel, torch.Generator().manual_seed(1))[0].numpy()
    measured = mel_decibels(coloured_noise(AUDIOSET.rate), AUDIOSET)
    assert converted.shape == measured.shape
    below = band_centres(AUDIOSET) < 9_000
    covered = noise_power(AUDIOSET) > 0
    for part in (slice(0, 600), slice(700, None)):
        difference = (converted - measured)[below & covered, part].mean(axis=1)
        assert difference.std() < 1.0
    loud, soft = ((converted[below & covered, part]).mean() for part in (slice(0, 600), slice(700, None)))
    assert loud - soft == pytest.approx(40, abs=1.5)


def test_bands_above_the_source_are_silent_and_level_is_ignored() -> None:
    log_mels = torch.rand(2, 128, 20) * -60
    convert = LogMelConverter(SOURCE, AUDIOSET, 100)
    quiet, loud = (convert(log_mels + gain, torch.Generator().manual_seed(3)) for gain in (0.0, 30.0))
    torch.testing.assert_close(quiet, loud)
    above = band_centres(AUDIOSET) > SOURCE.highest
    assert quiet[:, above].max() < -50
    assert quiet[:, ~above][:, 20:].min() > -90
