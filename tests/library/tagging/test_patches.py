import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from genrelens.errors import FileChangedError
from genrelens.library.tagging.patches import patched, reverse_patch

NOISE = np.random.default_rng(1).integers(0, 256, 300_000, np.uint8).tobytes()


def there_and_back(folder: Path, old: bytes, new: bytes) -> tuple[bytes, bytes]:
    """What is kept, and what is made of it."""
    before, after = folder / "old", folder / "new"
    before.write_bytes(old)
    after.write_bytes(new)
    patch, target = reverse_patch(before, after), io.BytesIO()
    patched(after, patch, target)
    return patch, target.getvalue()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(old=st.binary(max_size=500), new=st.binary(max_size=500))
def test_any_bytes_of_any_others(tmp_path: Path, old: bytes, new: bytes) -> None:
    assert there_and_back(tmp_path, old, new)[1] == old


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"old tag" + NOISE, b"a longer, new tag" + NOISE),
        (b"a longer, old tag" + NOISE, b"tag" + NOISE),
        (NOISE + b"old tag", NOISE + b"a longer, new tag"),
        (b"RIFF0000" + NOISE, b"RIFF0020" + NOISE + b"a tag behind, and a size in front"),
        (b"OggS" + NOISE, b"more" + b"OggS" + NOISE[:100_000] + b"\7" + NOISE[100_001:]),
    ],
)
def test_a_patch_is_small_where_the_audio_but_moved(tmp_path: Path, old: bytes, new: bytes) -> None:
    patch, again = there_and_back(tmp_path, old, new)
    assert again == old
    assert len(patch) < 500


def test_a_damaged_patch_is_told_of(tmp_path: Path) -> None:
    (tmp_path / "old").write_bytes(NOISE)
    (tmp_path / "new").write_bytes(b"tag" + NOISE)
    patch = reverse_patch(tmp_path / "old", tmp_path / "new")
    for damaged in (b"", b"nonsense", patch[:-30]):
        with pytest.raises(FileChangedError, match="damaged"):
            patched(tmp_path / "new", damaged, io.BytesIO())
