from pathlib import Path

import pytest
from pydantic import TypeAdapter, ValidationError

from genrelens.features.frontend import FrontEnd
from genrelens.model.input_spec import AudioInput, InputSpec, PictureInput, file_finder

INPUT: TypeAdapter[InputSpec] = TypeAdapter(InputSpec)


def test_the_kind_of_input_defaults_to_sound() -> None:
    assert INPUT.validate_python({"window": 1.0, "hop": 0.5}) == AudioInput(window=1.0, hop=0.5)
    picture = {"kind": "picture", "width": 64, "height": 32}
    assert INPUT.validate_python(picture) == PictureInput(kind="picture", width=64, height=32)
    for spec in (AudioInput(window=1.0, hop=0.5), PictureInput(kind="picture", width=64, height=32)):
        assert INPUT.validate_json(INPUT.dump_json(spec)) == spec


@pytest.mark.parametrize(
    ("features", "layout", "shape"),
    [
        (("mel",), "stack", (1, 128, 44)),
        (("mel", "mfcc", "tempogram"), "stack", (3, 128, 44)),
        (("mel", "chroma", "contrast", "tonnetz"), "concat", (1, 128 + 12 + 7 + 6, 44)),
    ],
)
def test_the_shape_of_a_window(features: tuple[str, ...], layout: str, shape: tuple[int, int, int]) -> None:
    spec = INPUT.validate_python({"window": 1.0, "hop": 0.5, "features": features, "layout": layout})
    assert spec.shape == shape


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"features": ["mell"]}, "'mel', 'mfcc', 'tempogram', 'chroma', 'contrast' or 'tonnetz'"),
        ({"features": []}, "at least 1 item"),
        ({"features": ["mel", "mel"]}, "a feature is listed twice"),
        ({"features": ["contrast"], "front_end": {"rate": 22_050, "n_fft": 64}}, "contrast needs frames of at least"),
        ({"kind": "film"}, "kind"),
    ],
)
def test_invalid_inputs_are_rejected(content: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        INPUT.validate_python({"window": 1.0, "hop": 0.5, **content})


def test_file_finder_matches_the_kind_of_input(tmp_path: Path) -> None:
    for name in ("a.mp3", "b.png", "c.txt"):
        (tmp_path / name).touch()
    assert [file.name for file in file_finder(AudioInput(window=1.0, hop=0.5))(tmp_path)] == ["a.mp3"]
    assert [file.name for file in file_finder(PictureInput(kind="picture", width=9, height=9))(tmp_path)] == ["b.png"]


def test_the_number_of_frames_follows_from_the_front_end() -> None:
    spec = AudioInput(window=1.0, hop=0.5, front_end=FrontEnd(hop=1024))
    assert spec.frames == 1 + 22_050 // 1024
