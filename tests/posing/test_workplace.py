"""The work folder of an import: whose it is, and when what lies in it is used again."""

from __future__ import annotations

from pathlib import Path

import pytest

from neurfield.errors import UserError
from neurfield.posing.workplace import Workplace, write_json

STATE = {"version": 1, "source": [["a.jpg", "01"]], "longest": 1600}
OTHER = {**STATE, "longest": 800}


def worked(scene: Path) -> Workplace:
    """A place in which an import ended."""
    place = Workplace(scene)
    with place.held():
        assert not place.begin(STATE)
        place.pictures.mkdir()
        for file in (place.pictures / "000000.jpg", place.listing, place.database):
            file.write_text("done")
        (scene / "images").mkdir()
        (scene / "transforms.json").write_text("{}")
        (scene / "stereo").mkdir()
    return place


def test_the_same_photos_and_settings_go_on(tmp_path):
    place = worked(tmp_path / "scene")
    with place.held():
        assert not place.begin(STATE)
    assert place.database.exists() and (tmp_path / "scene/transforms.json").exists()


def test_others_start_over_and_leave_what_is_not_of_the_import(tmp_path):
    place = worked(tmp_path / "scene")
    with place.held():
        assert place.begin(OTHER)
        assert not place.begin(OTHER)
    assert sorted(entry.name for entry in place.folder.iterdir()) == ["lock", "state.json"]
    assert [entry.name for entry in sorted((tmp_path / "scene").iterdir())] == ["import", "stereo"]


@pytest.mark.parametrize("again", [STATE, OTHER])
def test_stopped_as_it_clears_nothing_is_gone_on_with(tmp_path, monkeypatch, again):
    place = worked(tmp_path / "scene")

    def stop(self):
        raise KeyboardInterrupt

    with place.held(), monkeypatch.context() as patched:
        patched.setattr(Workplace, "withdraw", stop)
        with pytest.raises(KeyboardInterrupt):
            place.begin(OTHER)
    with place.held():
        assert place.begin(again)  # the earlier photos, too, begin anew
    assert not place.database.exists() and not place.pictures.exists()


def test_photos_that_are_added_keep_what_is_done(tmp_path):
    place = worked(tmp_path / "scene")
    write_json(place.listing, {"pictures": [{"name": "a", "file": "000000.jpg"}]})
    place.models.mkdir()
    (place.pictures / "000001.jpg").write_text("of another addition, which was stopped")
    more = {**STATE, "source": [["0.jpg", "02"], *STATE["source"]]}
    with place.held():
        assert place.grow(more, ["0", "a"]) == 1
        assert place.grow(more, ["0", "a"]) == 0 and not place.begin(more)
    assert place.earlier_models.is_dir() and place.earlier_listing.is_file() and place.database.exists()
    assert [path.name for path in place.pictures.iterdir()] == ["000000.jpg"]


@pytest.mark.parametrize(
    "state",
    [
        {**OTHER, "source": [*STATE["source"], ["b.jpg", "02"]]},
        {**STATE, "source": [["a.jpg", "99"], ["b.jpg", "02"]]},
        {**STATE, "source": [["b.jpg", "02"]]},
    ],
    ids=["another size", "one has changed", "one is gone"],
)
def test_nothing_is_kept_of_other_photos(tmp_path, state):
    place = worked(tmp_path / "scene")
    write_json(place.listing, {"pictures": [{"name": "a", "file": "000000.jpg"}]})
    with place.held():
        assert place.grow(state, ["a", "b"]) == 0 and place.begin(state)
    assert not place.database.exists()


def test_folders_of_others_are_left_alone(tmp_path):
    scene = tmp_path / "scene"
    (scene / "import").mkdir(parents=True)
    (scene / "import/mine.txt").write_text("mine")
    with pytest.raises(UserError, match="holds something else"), Workplace(scene).held():
        pass
    assert (scene / "import/mine.txt").read_text() == "mine"


def test_an_empty_folder_and_one_just_begun_are_used(tmp_path):
    (tmp_path / "empty/import/.state.part-01234567").mkdir(parents=True)  # of a process that was killed
    for _ in range(2):
        with Workplace(tmp_path / "empty").held():
            pass
        assert (tmp_path / "empty/import/lock").is_file()
