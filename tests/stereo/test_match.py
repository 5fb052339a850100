"""Whole stereo on small made scenes: what it finds, what it marks, what it refuses."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import ndimage

from neurfield.errors import UserError
from neurfield.ops import StereoPictures
from neurfield.scenes import Cameras, Scene
from neurfield.stereo import Flag, StereoMaps, StereoSettings, match
from neurfield.stereo.comparison import SEVERAL, SINGLE
from neurfield.stereo.fingerprint import fingerprint
from neurfield.stereo.match import shown
from neurfield.stereo.pictures import scene_pictures
from neurfield.stereo.ranges import Search
from neurfield.stereo.stages import Problem, trusted
from neurfield.stereo.survey import survey
from tests.stereo import made

SMALL = StereoSettings(planes=32, passes=1, geometric=0, refine=False, sources=4)


def some(scene: made.MadeScene, every: int = 1) -> Scene:
    """Every so many views; of a room as photographs are, without a box."""
    chosen = scene.scene().with_frames(np.arange(0, len(scene.depth), every))
    return chosen if scene.kind == "outside" else boxed(chosen, None)


def boxed(scene: Scene, box: np.ndarray | None) -> Scene:
    return Scene(scene.name, scene.path, scene.cameras, scene.files, kind=scene.kind, box=box)


@cache
def maps_of(name: str) -> tuple[StereoMaps, np.ndarray]:
    """Maps of all views of a made scene, and its true depth."""
    scenes = {"room": made.textured_room, "plain": made.plain_room, "box": made.open_box}
    scene = made.mug(name) if name in ("textured",) else scenes[name]()
    return match(some(scene), SMALL), scene.depth


def errors(maps: StereoMaps, true: np.ndarray) -> np.ndarray:
    depth = maps.depth.numpy()
    both = (depth > 0) & (true[maps.frames] > 0)
    return np.abs(depth / np.where(both, true[maps.frames], 1.0) - 1.0)[both]


@pytest.mark.parametrize(("name", "covered"), [("room", 0.6), ("textured", 0.85)])
def test_texture_is_matched(name: str, covered: float) -> None:
    maps, true = maps_of(name)
    assert maps.share(Flag.MATCHED) > covered and len(maps) == 24
    error = errors(maps, true)
    assert np.median(error) < 0.005 and (error < 0.02).mean() > 0.93


def test_maps_are_whole_where_there_is_depth_and_empty_elsewhere() -> None:
    maps, _ = maps_of("textured")
    known = maps.depth > 0
    assert ((maps.flags == Flag.MATCHED) | (maps.flags == Flag.PLANAR)).equal(known)
    assert torch.allclose(maps.normal.norm(dim=3)[known], torch.ones(()), atol=1e-4)
    assert not maps.normal[~known].any() and not maps.confidence[~known].any()
    assert 0 <= float(maps.confidence.min()) <= float(maps.confidence.max()) <= 1
    facing = (maps.normal[..., 2] < 0)[known].float().mean()
    assert facing > 0.95
    assert (maps.flags == Flag.BACKGROUND).any()


def test_what_repeats_is_told_apart_by_cameras_that_are_not_in_step_with_it() -> None:
    scene = made.wallpaper()
    maps = match(some(scene), SMALL)
    depth, true = maps.depth.numpy(), scene.depth[maps.frames]
    repeats = scene.is_part("repeats")[maps.frames]
    known = repeats & (depth > 0)
    assert known.sum() > 0.7 * repeats.sum()
    assert (np.abs(depth[known] / true[known] - 1) < 0.02).mean() > 0.99


def test_what_lies_behind_an_outline_keeps_its_own_depth() -> None:
    scene = made.two_planes()
    maps = match(some(scene), SMALL)
    depth, true = maps.depth.numpy(), scene.depth[maps.frames]
    behind = true > 2.5
    close = ndimage.distance_transform_edt(behind, sampling=(1e6, 1, 1)) < 8  # pixels
    asked = behind & close & (depth > 0)
    assert asked.sum() > 0.5 * (behind & close).sum()
    assert (np.abs(depth[asked] / true[asked] - 1) < 0.02).mean() > 0.92


def test_the_more_confident_half_is_nearer_to_the_truth() -> None:
    maps, true = maps_of("room")
    depth, sure = maps.depth.numpy(), maps.confidence.numpy()
    known = (depth > 0) & (true > 0)
    error, sure = np.abs(depth[known] / true[known] - 1), sure[known]
    most = sure > np.median(sure)
    assert np.mean(error[most]) < 0.8 * np.mean(error[~most])


def test_plain_walls_are_filled_or_marked_and_black_hollows_are_marked() -> None:
    plain, _ = maps_of("plain")
    assert plain.share(Flag.PLANAR) + plain.share(Flag.UNDECIDED) > 0.2
    box, _ = maps_of("box")
    inside = made.open_box().is_part("inside")[box.frames]
    shown = inside & (box.flags != Flag.BACKGROUND).numpy()
    undecided = (box.flags == Flag.UNDECIDED).numpy()
    assert undecided[shown].mean() > 0.8
    assert (box.depth > 0).numpy()[shown].mean() < 0.15  # beside what is not black
    assert not (box.depth[box.flags == Flag.UNDECIDED] > 0).any()


def test_the_box_is_decided_again_from_what_was_matched() -> None:
    maps, _ = maps_of("room")
    true = made.textured_room().box
    assert np.abs(maps.box() - true).max() < 0.25 * (true[1] - true[0]).max()


def test_only_what_is_shown_of_an_object_counts_for_the_size_that_is_searched() -> None:
    grey = torch.full((2, 400, 400), 90, dtype=torch.uint8)
    pose = torch.eye(4, dtype=torch.float64).repeat(2, 1, 1)
    small = torch.zeros(2, 400, 400, dtype=torch.bool)
    small[:, 100:300, 100:300] = True
    for around in (True, False):
        assert shown(StereoPictures(grey, torch.ones(2, 4), pose, small), around) == 200 * 200
    assert shown(StereoPictures(grey, torch.ones(2, 4), pose), around=False) == 400 * 400
    assert shown(StereoPictures(grey, torch.ones(2, 4), pose), around=True) == 200 * 200


def test_two_photos_are_enough() -> None:
    scene = made.textured_room().scene()
    maps = match(scene.with_frames(np.array([0, 1])), SMALL)
    assert len(maps) == 2 and maps.share(Flag.MATCHED) > 0.6
    error = errors(maps, made.textured_room().depth[:2])
    assert np.median(error) < 0.006 and (error < 0.05).mean() > 0.98


def test_one_other_that_agrees_is_enough_where_there_is_but_one() -> None:
    """However small the angle and whatever the cost; of several, one must be sure and look from aside."""
    grey = torch.zeros(4, 1, 1, dtype=torch.uint8)
    pictures = StereoPictures(grey, torch.ones(4, 4), torch.eye(4, dtype=torch.float64).repeat(4, 1, 1))
    mapped = torch.tensor([[1, -1, -1], [0, 2, -1], [0, 1, 3], [-1, -1, -1]])
    every, search = torch.arange(4), Search(torch.ones(4), torch.ones(4))
    problem = Problem(
        pictures, every, mapped, mapped, search, SMALL, SEVERAL, planes=16, object_alone=False, halved=False
    )
    count = torch.tensor([0, 1, 1, 1, 2], dtype=torch.uint8)
    cost, angle = torch.tensor([0.0, 0.5, 0.0, 0.1, 0.5]), torch.tensor([0.0, 2.0, 2.0, 20.0, 2.0])
    kept = [trusted(problem, k, count, angle, cost).tolist() for k in range(4)]
    assert kept[0] == [False, True, True, True, True]
    assert kept[1] == kept[2] == [False, False, False, True, True]
    assert not kept[3][0]  # nobody agrees with a frame that has no other


def test_a_box_given_by_hand_tells_two_photos_how_far_to_look() -> None:
    made_room = made.textured_room()
    scene = made_room.scene().with_frames(np.array([3, 4]))
    wide, told = (match(boxed(scene, box), SMALL) for box in (None, made_room.box))
    true, missed = made_room.depth[3:5], (errors(wide, made_room.depth[3:5]) > 0.2).mean()
    assert told.share(Flag.MATCHED) > 0.55 and missed > 0
    assert (errors(told, true) > 0.2).mean() < 0.5 * missed
    # What is right either way is as good either way.
    assert np.median(errors(told, true)) < 1.05 * np.median(errors(wide, true))


def test_unfinished_work_for_another_box_is_not_gone_on_with() -> None:
    scene = made.textured_room().scene()
    prints = {fingerprint(boxed(scene, box), SMALL) for box in (None, scene.box, scene.box * 1.1)}
    assert len(prints) == 3


def test_one_photo_is_not() -> None:
    with pytest.raises(UserError, match="one photo shows no depth"):
        match(made.textured_room().scene().with_frames(np.array([0])), SMALL)


def with_poses(scene: Scene, poses: np.ndarray) -> Scene:
    c = scene.cameras
    cameras = Cameras(poses, c.fx, c.fy, c.cx, c.cy, c.width, c.height)
    return Scene(scene.name, scene.path, cameras, scene.files, kind=scene.kind)


def test_turning_alone_is_refused() -> None:
    scene = some(made.textured_room(), 6)
    poses = scene.cameras.world_from_cam.copy()
    poses[:, :3, 3] = poses[0, :3, 3]
    with pytest.raises(UserError, match="in one place, and turning shows no depth"):
        match(with_poses(scene, poses), SMALL)
    poses[:, :3, 3] += np.random.default_rng(0).normal(0, 1e-5, (len(poses), 3))
    # Of steps too small to see, nothing can be told from a tiny scene but that hardly anything matches.
    maps = match(with_poses(scene, poses), SMALL)
    assert maps.share(Flag.MATCHED) < SINGLE.little and any(
        "could be matched" in words for words in maps.words
    )


def test_frames_that_show_nothing_in_common_are_refused() -> None:
    scene = made.textured_room().scene().with_frames(np.array([0, 1]))
    poses = scene.cameras.world_from_cam.copy()
    poses[1, :3, :3] = poses[0, :3, :3] @ np.diag([-1.0, 1.0, -1.0])
    with pytest.raises(UserError, match="no two frames look at the same thing"):
        match(with_poses(scene, poses), SMALL)


def test_inverted_masks_are_told() -> None:
    scene = some(made.mug("textured"), 6)
    masks = scene.files["mask"]
    inverted = type(masks)(masks.paths, lambda path: ~masks.read(path))
    with pytest.raises(UserError, match=r"invert them \(white = the object\)"):
        match(scene.with_files({"mask": inverted}), SMALL)


def test_blurred_pictures_are_told() -> None:
    scene = some(made.textured_room())
    grey = np.full((120, 160, 3), 90, np.uint8) + np.arange(160, dtype=np.uint8)[None, :, None] // 4
    blurred = type(scene.files["image"])(scene.files["image"].paths, lambda path: grey)
    maps = match(scene.with_files({"image": blurred}), SMALL)
    assert any("blurred" in words for words in maps.words)


def test_exposure_that_jumps_costs_little_and_is_told() -> None:
    scene, (steady, true) = made.textured_room(), maps_of("room")
    gain = np.where(np.arange(len(scene.depth)) % 4 < 2, 0.75, 1.15)
    colour = np.clip(scene.colour * gain[:, None, None, None], 0, 255).astype(np.uint8)
    jumps = match(some(made.replace(scene, colour=colour)), SMALL)
    assert any("exposure changes" in words for words in jumps.words) and jumps.gain is not None
    assert jumps.share(Flag.MATCHED) > steady.share(Flag.MATCHED) - 0.05
    assert np.median(errors(jumps, true)) < 1.5 * np.median(errors(steady, true)) + 1e-3
    assert not steady.words and steady.gain is None


def test_every_second_frame_of_many_gets_maps() -> None:
    settings = StereoSettings()
    assert (settings.stride(79), settings.stride(80), settings.stride(120)) == (1, 2, 2)
    assert StereoSettings(every=3).stride(10) == 3
    scene = some(made.textured_room(), 3)
    maps = match(scene, made.replace(SMALL, every=2))
    assert maps.frames.tolist() == [0, 2, 4, 6] and (maps.sources % 2 == 1).any()


def test_maps_are_compared_with_more_maps_than_pictures() -> None:
    scene = some(made.textured_room())
    known = survey(scene, scene_pictures(scene, 1024), made.replace(SMALL, every=2))
    partners = [set(row[row >= 0].tolist()) for row in known.partners]
    assert known.sources.shape[1] == 4 and min(len(row) for row in partners) > 4
    assert all(r not in row and not any(i % 2 for i in row) for r, row in zip(known.references, partners))


def test_far_from_zero_it_is_the_same() -> None:
    scene, (near, _) = some(made.textured_room()), maps_of("room")
    poses = scene.cameras.world_from_cam.copy()
    poses[:, :3, 3] += [4.4e6, 5.1e5, 250.0]
    far = match(with_poses(scene, poses), SMALL)
    assert abs(far.share(Flag.MATCHED) - near.share(Flag.MATCHED)) < 0.01
    both = (far.depth > 0) & (near.depth > 0)
    assert float((far.depth / near.depth - 1)[both].abs().median()) < 1e-3


class _Interrupted(Exception):
    pass


def test_an_interrupted_match_goes_on_and_ends_the_same(tmp_path: Path) -> None:
    scene = made.textured_room().write(tmp_path / "room")
    from neurfield.scenes import load_scene

    loaded = load_scene(scene).with_frames(np.arange(0, 24, 2))
    whole = match(loaded, SMALL)
    searched: list[float] = []

    def stop(words: str, part: float) -> None:
        if words == "searching depth":
            searched.append(part)
            if len(searched) == 3:
                raise _Interrupted

    with pytest.raises(_Interrupted):
        match(loaded, SMALL, folder=tmp_path / "maps", progress=stop)
    done = sorted((tmp_path / "maps" / "unfinished").rglob("*_search.npz"))
    assert len(done) == 8
    first: list[float] = []
    again = match(
        loaded,
        SMALL,
        folder=tmp_path / "maps",
        progress=lambda w, p: first.append(p) if w == "searching depth" else None,
    )
    assert first == [8 / 12] and not (tmp_path / "maps" / "unfinished").exists()
    for name in ("depth", "normal", "confidence", "flags"):
        assert torch.equal(getattr(whole, name), getattr(again, name)), name
    # Other settings do not go on from there.
    with pytest.raises(_Interrupted):
        searched.clear()
        match(loaded, SMALL, folder=tmp_path / "maps", progress=stop)
    first.clear()
    match(
        loaded, made.replace(SMALL, planes=48), folder=tmp_path / "maps",
        progress=lambda w, p: first.append(p) if w == "searching depth" else None,
    )  # fmt: skip
    assert first[0] == 0.0
