import shutil
from pathlib import Path

from tests.support.library import RunLibrary, make_music


def test_a_scan_counts_the_files_of_a_folder(run: RunLibrary, tmp_path: Path) -> None:
    music = make_music(tmp_path / "music")
    assert run("scan", music).stdout == f"{music}: 3 audio files; 3 new\n"
    assert run("scan", music).stdout == f"{music}: 3 audio files; no changes\n"


def test_a_renamed_file_is_recognised_by_its_audio(run: RunLibrary, classified_catalog: Path, tmp_path: Path) -> None:
    music = tmp_path / "music"
    shutil.copytree(classified_catalog.parent / "music", music)
    first = run("scan", "--digest", music)
    assert first.exit_code == 1  # because of the bad file
    assert "bad.mp3 is not audio" in first.stderr
    (music / "bad.mp3").unlink()
    (music / "low.wav").rename(music / "renamed.wav")
    assert run("scan", "--digest", music).stdout.splitlines() == [
        f"{music}: 2 audio files; 1 new, 2 vanished",
        "1 of the new files were recognised by their audio and keep their predictions",
    ]
    assert run("scan", music).stdout == f"{music}: 2 audio files; no changes\n"
