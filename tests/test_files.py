"""Files are whole or not there, and nothing of a process that was killed stays for ever."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from neurfield import files
from neurfield.errors import UserError
from neurfield.files import atomic_write, sweep
from neurfield.fitting.folder import new_folder

HANGS = """
import sys, time
from neurfield.files import atomic_write
with atomic_write(sys.argv[1]) as temporary:
    temporary.write_text("half")
    temporary.with_name("beside").write_text("a library's own")
    print("there", flush=True)
    time.sleep(600)
"""


@pytest.fixture(autouse=True)
def as_in_a_new_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_swept", set())


def test_a_file_appears_whole(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.txt"
    for text in ("first", "second"):
        with atomic_write(path) as temporary:
            assert temporary.suffix == ".txt" and not temporary.exists()
            temporary.write_text(text)
        assert path.read_text() == text and list(path.parent.iterdir()) == [path]


def test_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), atomic_write(path) as temporary:
        temporary.write_text("half")
        raise ZeroDivisionError
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_what_a_killed_process_left_goes_and_what_a_living_one_writes_stays(tmp_path: Path) -> None:
    path = tmp_path / "step.safetensors"
    process = subprocess.Popen([sys.executable, "-c", HANGS, str(path)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None and process.stdout.readline() == "there\n"
        left = list(tmp_path.iterdir())
        assert len(left) == 1 and left[0].name.startswith(".step.part-")
        with atomic_write(tmp_path / "other.txt") as temporary:
            temporary.write_text("")
        sweep(tmp_path)
        assert left[0].is_dir() and len(list(left[0].iterdir())) == 3  # it is being written to
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert left[0].is_dir()
    files._swept.clear()  # the next process
    with atomic_write(tmp_path / "other.txt") as temporary:
        temporary.write_text("")
    assert [entry.name for entry in tmp_path.iterdir()] == ["other.txt"]


def test_what_is_not_ours_stays(tmp_path: Path) -> None:
    (tmp_path / ".x.part-0123abcd").write_text("a file")
    (tmp_path / ".part-0123abcd").mkdir()
    (tmp_path / ".y.part-0123abcd").mkdir()
    (tmp_path / ".y.part-0123abcd" / "kept.txt").write_text("without a lock")
    (tmp_path / ".z.part-0123abcd").mkdir()  # its process died before it could lock it
    sweep(tmp_path)
    sweep(tmp_path / "nowhere")
    assert {p.name for p in tmp_path.iterdir()} == {".x.part-0123abcd", ".part-0123abcd", ".y.part-0123abcd"}


def test_a_stale_link_stops_no_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scene = tmp_path / "room0"
    scene.mkdir()
    for name in (f".latest.{os.getpid()}", ".latest.00000001"):
        (scene / name).symlink_to("neus-1")
        os.utime(scene / name, (1.0, 1.0), follow_symlinks=False)
    folder = new_folder(tmp_path, "room0", "neus")
    assert (scene / "latest").resolve() == folder.resolve()
    assert {p.name for p in scene.iterdir()} == {folder.name, "latest"}


def test_a_folder_named_latest_is_the_users_to_move(tmp_path: Path) -> None:
    (tmp_path / "room0" / "latest").mkdir(parents=True)
    with pytest.raises(UserError, match=r"latest: a folder.*rename it"):
        new_folder(tmp_path, "room0", "neus")
    assert [p.name for p in (tmp_path / "room0").iterdir()] == ["latest"]
