from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from genrelens.errors import FileChangedError
from genrelens.library.tagging.patches import apply_patch, reverse_patch

NOISE = np.random.default_rng(1).integers(0, 256, 300_000, np.uint8).tobytes()


def round_trip(folder: Path, old: bytes, new: bytes) -> tuple[bytes, bytes]:
    """Return the patch, and the file that it restores."""
    before, after = folder / "old", folder / "new"
    before.write_bytes(old)
    after.write_bytes(new)
    patch = reverse_patch(before, after)
    return patch, b"".join(apply_patch(after, patch))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(old=st.binary(max_size=500), new=st.binary(max_size=500))
def test_restores_any_file_from_any_other(tmp_path: Path, old: bytes, new: bytes) -> None:
    assert round_trip(tmp_path, old, new)[1] == old


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"old tag" + NOISE, b"a longer, new tag" + NOISE),
        (b"a longer, old tag" + NOISE, b"tag" + NOISE),
        (NOISE + b"old tag", NOISE + b"a longer, new tag"),
        (b"RIFF0000" + NOISE, b"RIFF0020" + NOISE + b"a tag at the end, and a size in the header"),
        (b"OggS" + NOISE, b"more" + b"OggS" + NOISE[:100_000] + b"\7" + NOISE[100_001:]),
    ],
)
def test_a_patch_is_small_if_the_audio_only_moved(tmp_path: Path, old: bytes, new: bytes) -> None:
    patch, restored = round_trip(tmp_path, old, new)
    assert restored == old
    assert len(patch) < 500


def test_rejects_a_damaged_patch(tmp_path: Path) -> None:
    (tmp_path / "old").write_bytes(NOISE)
    (tmp_path / "new").write_bytes(b"tag" + NOISE)
    patch = reverse_patch(tmp_path / "old", tmp_path / "new")
    for damaged in (b"", b"nonsense", patch[:-30]):
        with pytest.raises(FileChangedError, match="damaged"):
            list(apply_patch(tmp_path / "new", damaged))
