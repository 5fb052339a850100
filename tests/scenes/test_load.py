from __future__ import annotations

import shutil

import numpy as np
import pytest
from tiny_scenes import write_replica

from neurfield.errors import UserError
from neurfield.scenes import builtin, data_root, load_scene


def make_tiny(folder, progress):
    progress("drawing", 0.5)
    whole = write_replica(folder.with_name("unfinished"), count=4)
    progress("writing", 1.0)
    whole.rename(folder)


@pytest.fixture
def tiny(monkeypatch, tmp_path):
    """A built-in scene of our own, under a data folder of its own."""
    monkeypatch.setenv("NEURFIELD_DATA", str(tmp_path / "data"))
    made = []
    maker = lambda folder, progress: made.append(folder) or make_tiny(folder, progress)  # noqa: E731
    monkeypatch.setitem(builtin.BUILTIN, "tiny", (maker, "a tiny room"))
    (tmp_path / "data").mkdir()
    return made


def test_a_built_in_scene_is_made_on_first_use_and_only_then(tiny, tmp_path):
    assert not builtin.is_made("tiny")
    assert len(load_scene("tiny")) == 4
    assert tiny == [tmp_path / "data" / "tiny"] and builtin.is_made("tiny")
    scene = load_scene("tiny")
    assert scene.name == "tiny" and len(tiny) == 1


def test_making_says_how_far_it_is(tiny, capsys):
    said = []
    builtin.ensure_builtin("tiny", lambda stage, fraction: said.append((stage, fraction)))
    assert said == [("drawing", 0.5), ("writing", 1.0)]
    shutil.rmtree(data_root() / "tiny")
    load_scene("tiny")
    output = capsys.readouterr()
    assert "Making the built-in scene tiny" in output.err and not output.out


def test_a_maker_that_fails_leaves_no_scene_behind(tiny, monkeypatch):
    def fail(folder, progress):
        folder.mkdir()
        (folder / "half").touch()
        raise RuntimeError("out of paint")

    monkeypatch.setitem(builtin.BUILTIN, "tiny", (fail, ""))
    with pytest.raises(RuntimeError, match="out of paint"):
        load_scene("tiny")
    assert not builtin.is_made("tiny")


def test_where_built_in_scenes_lie(monkeypatch, tmp_path):
    monkeypatch.setenv("NEURFIELD_DATA", str(tmp_path / "here"))
    assert data_root() == tmp_path / "here"
    monkeypatch.delenv("NEURFIELD_DATA")
    # As when installed: the package lies in no checkout.
    monkeypatch.setattr(builtin, "__file__", str(tmp_path / "lib/neurfield/scenes/builtin.py"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert data_root() == tmp_path / "cache" / "neurfield"
    (tmp_path / "lib/csrc").mkdir(parents=True)
    (tmp_path / "lib/setup.py").touch()
    assert data_root() == tmp_path / "lib" / "data"


@pytest.mark.parametrize("typed", ["rom0", "room00", "Room0"])
def test_a_misspelt_built_in_name_is_answered_with_the_right_one(typed):
    with pytest.raises(UserError, match=rf"no scene '{typed}': did you mean room0"):
        load_scene(typed)


def test_a_misspelt_folder_is_answered_with_the_one_beside_it(replica):
    with pytest.raises(UserError, match=rf"did you mean .*{replica.name}"):
        load_scene(replica.with_name("rooom7"))


def test_a_name_like_nothing_is_answered_with_what_there_is(tmp_path):
    with pytest.raises(UserError, match=r"no scene .*built-in name \(room0"):
        load_scene(tmp_path / "nothing" / "like" / "it")


def test_an_unknown_folder_is_told_what_was_looked_for(tmp_path):
    (tmp_path / "notes.txt").touch()
    (tmp_path / "empty").mkdir()
    for path, says in ((tmp_path, "no known format"), (tmp_path / "empty", "empty folder")):
        with pytest.raises(UserError, match=says) as caught:
            load_scene(path)
        assert "traj.txt" in str(caught.value) and "transforms.json" in str(caught.value)
    with pytest.raises(UserError, match=r"notes.txt is in no known format"):
        load_scene(tmp_path / "notes.txt")


def test_a_folder_of_scenes_asks_which(replica):
    with pytest.raises(UserError, match=r"holds several scenes \(room7\): name one"):
        load_scene(replica.parent)


def test_paths_relative_and_with_a_tilde(replica, monkeypatch):
    monkeypatch.chdir(replica.parent)
    assert load_scene("./room7").path == replica
    monkeypatch.setenv("HOME", str(replica.parent))
    assert np.array_equal(load_scene("~/room7").cameras.cx, load_scene(replica).cameras.cx)
