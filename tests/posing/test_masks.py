"""Masks and alpha of photos: found by their names, turned with them, used, and carried to the scene."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from neurfield.errors import UserError
from neurfield.posing import colmap, import_photos, write
from neurfield.posing.given import look_at
from neurfield.posing.inventory import take_stock
from neurfield.posing.masks import read_photo_mask, resized_mask
from neurfield.posing.pictures import bake, mask_of, read_listing, write_listing
from neurfield.posing.workplace import Workplace
from neurfield.scenes import load_scene
from neurfield.scenes.images import read_mask
from tests.posing.textured import BLOCK, FOCAL, drawn, orbit, rays, write_photos

BEND = -0.1
POSES = orbit(6, 8.0)
NEAR = BLOCK + np.array([[-0.25], [0.25]])


def three(folder: Path, suffix: str = ".jpg", size=(160, 120)) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(3):
        picture = np.random.default_rng(i).integers(0, 256, (size[1], size[0], 3), np.uint8)
        Image.fromarray(picture).save(folder / f"IMG_{i}{suffix}")
    return folder


def corner(size=(160, 120), i: int = 0) -> np.ndarray:
    """A mask whose upper left corner is kept: it tells every turn from every other."""
    kept = np.zeros(size[::-1], np.uint8)
    kept[: size[1] // 3, : size[0] // 2 + i] = 255
    return kept


def write_mask(path: Path, kept: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.ascontiguousarray(kept)).save(path)


NAMES = (
    "masks/IMG_{}.jpg.png", "masks/IMG_{}.png", "masks/img_{}.PNG", "mask/IMG_{}.png",
    "../masks/IMG_{}.jpg.png", "IMG_{}.jpg.png", "IMG_{}.mask.png", "IMG_{}.jpg.mask.png", "IMG_{}_mask.png",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_masks_are_found_by_the_usual_names_and_are_no_photos(tmp_path, name):
    folder = three(tmp_path / "photos")
    for i in (0, 2):
        write_mask(folder / name.format(i), corner(i=i))
    given = look_at(folder)
    assert [photo.name for photo in given.photos] == ["IMG_0", "IMG_1", "IMG_2"] and not given.skipped
    assert [photo.mask is None for photo in given.photos] == [False, True, False]
    assert np.array_equal(read_photo_mask(given.photos[2].mask, given.photos[2].path), corner(i=2) > 0)
    first = name.format(0).removeprefix("../")
    assert f"masks of 2 of 3 photos ({first}): what is black in them is left out" in given.lines


def test_a_png_of_a_png_is_its_mask(tmp_path):
    folder = three(tmp_path / "photos", ".png")
    for i in range(3):
        write_mask(folder / f"IMG_{i}.png.png", corner(i=i))
    stock = take_stock(folder)
    assert [photo.mask.name for photo in stock.photos] == [f"IMG_{i}.png.png" for i in range(3)]


def test_masks_that_belong_to_no_photo_are_said(tmp_path):
    folder = three(tmp_path / "photos")
    write_mask(folder / "masks/other_0.png", corner())
    assert any(
        "nothing in masks/ (such as other_0.png) is named as a photo" in x for x in look_at(folder).lines
    )


def test_another_mask_is_another_state(tmp_path):
    folder = three(tmp_path / "photos")
    words = [look_at(folder).word]
    for i in range(2):
        write_mask(folder / "masks/IMG_1.png", corner(i=i))
        words.append(look_at(folder).word)
    assert words[0] != words[1] != words[2] and words[0][0] == words[1][0]


def test_a_mask_of_another_shape_is_named_before_anything_is_done(tmp_path):
    folder = three(tmp_path / "photos")
    write_mask(folder / "masks/IMG_1.png", corner((100, 100)))
    with pytest.raises(
        UserError, match=r"masks/IMG_1.png: the mask has 100x100 pixels, its photo IMG_1.jpg 160x120"
    ):
        look_at(folder)


def baked(folder: Path, longest: int = 1600):
    place = Workplace(folder.parent / f"scene-{longest}")
    place.folder.mkdir(parents=True)
    return place, bake(take_stock(folder).photos, longest, place, lambda words, part: None)


STORED = {
    1: lambda a: a, 2: np.fliplr, 3: lambda a: np.rot90(a, 2), 4: np.flipud,
    5: lambda a: np.swapaxes(a, 0, 1), 6: np.rot90, 7: lambda a: np.rot90(np.swapaxes(a, 0, 1), 2),
    8: lambda a: np.rot90(a, -1),
}  # fmt: skip


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_mask_is_turned_along_with_its_photo(tmp_path, orientation):
    folder = tmp_path / "photos"
    folder.mkdir()
    exif = Image.Exif()
    exif[0x0112] = orientation
    kept = corner()
    Image.fromarray(np.ascontiguousarray(STORED[orientation](np.dstack([kept] * 3)))).save(
        folder / "a.jpg", exif=exif, quality=100
    )
    write_mask(folder / "masks/a.png", STORED[orientation](kept))
    place, listing = baked(folder)
    (one,) = listing.pictures
    mask = read_mask(mask_of(place, one.file))
    assert one.masked and np.array_equal(mask, kept > 0)
    photo = np.asarray(Image.open(place.pictures / one.file))[..., 0] > 127
    assert (photo == mask).mean() > 0.99
    if orientation >= 5:  # the shape says that it is upright already
        write_mask(folder / "masks/a.png", kept)
        assert np.array_equal(read_photo_mask(folder / "masks/a.png", folder / "a.jpg"), kept > 0)


def test_masks_and_alpha_are_reduced_with_their_photos(tmp_path):
    folder = three(tmp_path / "photos", size=(480, 360))
    write_mask(folder / "masks/IMG_0.png", corner((480, 360)))
    write_mask(folder / "masks/IMG_1.png", corner((240, 180)))  # smaller than its photo
    rgba = np.dstack([np.full((360, 480, 3), 90, np.uint8), corner((480, 360))])
    Image.fromarray(rgba).save(folder / "IMG_2.png")
    (folder / "IMG_2.jpg").unlink()
    place, listing = baked(folder, 240)
    for one in listing.pictures:
        mask = read_mask(mask_of(place, one.file))
        assert one.size == (240, 180) and (mask == (corner((240, 180)) > 0)).mean() > 0.99
    write_listing(place, listing)
    assert read_listing(place) == listing


def test_a_smaller_mask_keeps_what_is_kept_by_half():
    kept = np.zeros((6, 9), bool)
    kept[:, :4] = True  # a third of the second column of three, all of the first
    assert np.array_equal(resized_mask(kept, (3, 2)), np.array([[True, False, False]] * 2))
    kept[:, 4] = True
    assert np.array_equal(resized_mask(kept, (3, 2)), np.array([[True, True, False]] * 2))


def test_alpha_that_leaves_nothing_out_is_no_mask(tmp_path):
    folder = three(tmp_path / "photos")
    rgba = np.full((120, 160, 4), 255, np.uint8)
    Image.fromarray(rgba).save(folder / "IMG_3.png")
    place, listing = baked(folder)
    assert not any(one.masked for one in listing.pictures) and not place.masks.exists()


def test_a_damaged_mask_ends_the_import_and_names_it(tmp_path):
    folder = three(tmp_path / "photos")
    write_mask(
        folder / "masks/IMG_1.png", np.random.default_rng(0).integers(0, 2, (120, 160), np.uint8) * 255
    )
    whole = (folder / "masks/IMG_1.png").read_bytes()
    (folder / "masks/IMG_1.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match=r"masks/IMG_1.png: damaged or truncated"):
        baked(folder)


def block(pose: np.ndarray, bend: float = 0.0, size=(320, 240), focal: float = FOCAL) -> np.ndarray:
    """Where a picture of a pose shows the block and what is near it, bool [h,w]."""
    directions = rays(*size, focal, bend) @ pose[:3, :3].T
    directions[directions == 0.0] = 1e-12
    near, far = ((NEAR[side] - pose[:3, 3]) / directions for side in (0, 1))
    enter, leave = np.minimum(near, far).max(-1), np.maximum(near, far).min(-1)
    return (enter < leave) & (enter > 0)


def run(photos: Path, out: Path):
    lines: list[str] = []
    return import_photos(photos, out, threads=1, tell=lines.append), lines


@pytest.fixture(scope="module")
def masked(tmp_path_factory):
    """The scene of bent photos with masks of the block but for one of them."""
    pytest.importorskip("pycolmap", reason="pip install neurfield[photos]")
    folder = write_photos(tmp_path_factory.mktemp("photos") / "block", POSES, bend=BEND)
    for i, pose in enumerate(POSES):
        if i != 4:
            write_mask(folder / f"masks/IMG_{i:02d}.png.png", block(pose, BEND).astype(np.uint8) * 255)
    return folder, *run(folder, tmp_path_factory.mktemp("scenes") / "block")


@pytest.mark.slow
def test_masks_come_to_the_scene_undistorted_as_colmap_undistorts_pictures(masked, tmp_path):
    _, imported, _ = masked
    scene = load_scene(imported.scene)
    assert len(scene) == 6 and scene.mask_says == "object" and scene.mask(4) is None
    place = Workplace(shutil.copytree(imported.scene, tmp_path / "scene"))
    for i in range(6):  # masks in place of pictures
        Image.fromarray(block(POSES[i], BEND)).convert("RGB").save(place.pictures / f"{i:06d}.png")
    colmap.undistort(place.models / "0", place, tmp_path / "straight", 1)
    for i in (0, 1, 2, 3, 5):
        mask = scene.mask(i)
        straight = np.asarray(Image.open(tmp_path / f"straight/images/{i:06d}.png"))[..., 0] > 127
        assert mask.shape == scene.image(i).shape[:2] == straight.shape
        given = resized_mask(block(POSES[i], BEND), mask.shape[::-1])
        assert (mask != straight).mean() < 0.2 * (given != straight).mean()


@pytest.mark.slow
def test_features_are_looked_for_inside_masks_alone(masked):
    _, imported, _ = masked
    place = Workplace(imported.scene)
    with colmap.opened(place) as database:
        for image in database.read_all_images():
            keypoints = np.asarray(database.read_keypoints(image.image_id))[:, :2].astype(int)
            mask = mask_of(place, image.name)
            if mask.exists():
                inside = read_mask(mask)[keypoints[:, 1], keypoints[:, 0]]
                assert len(keypoints) > 50 and inside.all()
            else:
                assert len(keypoints) > 400


@pytest.mark.slow
def test_masks_are_carried_by_a_straight_lens_too_and_taken_away_with_the_scene(tmp_path, monkeypatch):
    pytest.importorskip("pycolmap", reason="pip install neurfield[photos]")
    monkeypatch.setattr(write, "_STRAIGHT", 5.0)
    folder = tmp_path / "photos"
    folder.mkdir()
    for i, pose in enumerate(orbit(5)):
        rgba = np.dstack([drawn(pose), np.where(block(pose), 255, 0).astype(np.uint8)])
        Image.fromarray(rgba).save(folder / f"IMG_{i}.png")
    imported, lines = run(folder, tmp_path / "scene")
    scene = load_scene(imported.scene)
    assert "5 of 5 photos have an alpha channel: what is transparent is left out" in lines
    for i in range(len(scene)):
        assert np.array_equal(scene.mask(i), block(orbit(5)[i]))
    for i, pose in enumerate(orbit(5)):  # the same without: nothing of the masks is left
        Image.fromarray(drawn(pose)).save(folder / f"IMG_{i}.png")
    run(folder, tmp_path / "scene")
    assert "mask" not in load_scene(tmp_path / "scene").sources and not (tmp_path / "scene/masks").exists()


@pytest.mark.slow
def test_inverted_masks_are_noticed_before_the_work_and_kept_as_a_note(masked, tmp_path):
    folder = shutil.copytree(masked[0], tmp_path / "photos")
    for file in (folder / "masks").iterdir():
        kept = np.full((240, 320), 255, np.uint8)
        kept[70:170, 90:230] = 0
        write_mask(file, kept)
    imported, lines = run(folder, tmp_path / "scene")
    assert any("as if black were the object: if it is, invert them" in line for line in lines)
    assert any("invert them" in note for note in load_scene(imported.scene).notes)
    assert not any("invert them" in line for line in masked[2])
