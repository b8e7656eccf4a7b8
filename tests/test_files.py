from pathlib import Path

import pytest

from genrelens.files import atomic_write, write_text


def test_a_finished_block_replaces_the_file(tmp_path: Path) -> None:
    target = tmp_path / "new folder" / "figures.json"
    write_text(target, "old")
    write_text(target, "Genre: Schlager, £5")
    assert target.read_text("utf-8") == "Genre: Schlager, £5"
    assert list(target.parent.iterdir()) == [target]


def test_an_interrupted_block_keeps_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "figures.json"
    write_text(target, "old")

    def interrupt() -> None:
        with atomic_write(target) as file:
            file.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupt()
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_the_file_appears_only_when_the_block_ends(tmp_path: Path) -> None:
    target = tmp_path / "figures.json"
    with atomic_write(target) as file:
        assert not target.exists()
        file.write(b"new")
    assert target.read_bytes() == b"new"
