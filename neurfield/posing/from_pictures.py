"""Poses that are off, found again from the pictures alone, and put where the given ones say the scene is.

Nothing is triangulated from the given poses: rays that are off by five pixels meet nowhere. Structure from
motion knows the lenses, finds all poses anew, and its world is laid onto the given one by all cameras at
once, so that each one's error counts for little. Adjusted once more, with cameras held to the given places
by as much as these seem to be off, a long walk does not bend.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from neurfield.errors import UserError
from neurfield.evaluation.registration import moved_poses, similarity_of_poses
from neurfield.openmp import default_threads
from neurfield.posing import colmap
from neurfield.posing.diagnosis import TURNED, links_of, turned_on_the_spot
from neurfield.posing.gate import PoseNumbers, numbers_of, points_of
from neurfield.posing.pairs import PAIRS_AT_ONCE, in_blocks, near_pairs
from neurfield.posing.pictures import Progress
from neurfield.posing.workplace import Workplace
from neurfield.scenes.cameras import Cameras
from neurfield.scenes.pinhole import as_pinhole
from neurfield.scenes.scene import Scene

# Of the pictures: where fewer are found, these were worse than what was given (a mug: 39 of 64, off by 1.1
# degrees where 0.5 were to be mended).
LEAST_SHARE = 0.8
_MEDIAN = 1.54  # of the length of a vector whose three numbers have a standard deviation of one
ROUGHLY = 20.0  # degrees: what is found farther from the given pose is another place that looks the same


@dataclass(frozen=True)
class FoundAgain:
    """What the pictures say of the poses.

    Attributes:
        cameras: of the scene; those that were not found stand where they were given.
        found: bool [n].
        turned: degrees [n] between given and found; 0 where it was not found.
        moved: distance [n] between given and found, world.
        numbers: of the found poses.
    """

    cameras: Cameras
    found: np.ndarray
    turned: np.ndarray
    moved: np.ndarray
    numbers: PoseNumbers


def poses_from_pictures(
    scene: Scene, threads: int | None = None, progress: Progress = lambda words, part: None
) -> FoundAgain:
    """Find a scene's poses again from its pictures, whose lenses are known.

    Args:
        scene: with poses that are roughly right; its world, unit and lenses stay.
        threads: how many processors take part; None: as many as there are.
        progress: is told what is being done, and which part of it is.

    Raises:
        UserError: a library is missing, pictures are, or too few of them tell where they were taken.
    """
    colmap.load()
    threads = default_threads() if threads is None else threads
    with tempfile.TemporaryDirectory() as folder:
        place = Workplace(Path(folder))
        place.pictures.mkdir(parents=True)
        files = _write_pictures(scene, place, progress)
        colmap.find_features(place, threads, progress)
        pairs = in_blocks(near_pairs(scene.cameras.world_from_cam), PAIRS_AT_ONCE)
        groups = [[(files[i], files[j]) for i, j in group] for group in pairs]
        colmap.match_pairs(groups, place, threads, progress)
        links = links_of(place)
        if links.matches and turned_on_the_spot(links):
            raise UserError(f"{scene.path}: {TURNED}: its poses stay as they are")
        models = colmap.map_pictures(len(files), place, threads, progress, lenses_known=True)
        poses = np.full((len(files), 4, 4), np.nan)
        numbers = PoseNumbers(0, len(files), 0, 0.0, 0.0, 0.0)
        if models:
            model = colmap.load().Reconstruction(models[0])
            _hold(model, files, scene.cameras.world_from_cam)
            poses, numbers = _poses_of(model, files), numbers_of(model, points_of(model), len(files))
    again = laid_onto(scene.cameras, poses, numbers)
    count = int(again.found.sum())
    if count < LEAST_SHARE * len(files):
        raise UserError(
            f"{scene.path}: only {count} of {len(files)} pictures tell where they were taken (too little "
            "texture, or too far apart): let a fit refine the poses (--set poses=refined), and fit again to "
            "what `scene convert --poses RUN/poses.json` writes"
        )
    return again


def _write_pictures(scene: Scene, place: Workplace, progress: Progress) -> list[str]:
    """Write the pictures as pinhole cameras see them, and the database that knows their lenses."""
    if "image" not in scene.sources:
        raise UserError(f"{scene.path}: no pictures, which alone could tell where they were taken")
    seen = as_pinhole(scene)
    files = [f"{i:06d}.png" for i in range(len(seen))]
    lenses: dict[tuple[Any, ...], list[str]] = {}
    cameras = seen.cameras
    columns = (cameras.fx, cameras.fy, cameras.cx, cameras.cy, cameras.width, cameras.height)
    for i, file in enumerate(files):
        progress("pictures", i / len(files))
        Image.fromarray(seen.image(i)).save(place.pictures / file, compress_level=1)
        lenses.setdefault(tuple(column[i].item() for column in columns), []).append(file)
    colmap.write_database([(colmap.known_lens(*lens), named) for lens, named in lenses.items()], place)
    return files


def _hold(model: Any, files: Sequence[str], given: np.ndarray) -> None:
    """Adjust a model with its cameras held to the given ones, by as much as these seem to be off."""
    poses = _poses_of(model, files)
    found = np.isfinite(poses).all(axis=(1, 2))
    onto = similarity_of_poses(poses[found], given[found])
    off = np.linalg.norm(moved_poses(poses[found], onto)[:, :3, 3] - given[found, :3, 3], axis=1)
    places = {file: pose[:3, 3] for file, pose in zip(files, given)}
    colmap.hold(model, onto, places, max(float(np.median(off)) / _MEDIAN, 1e-9))


def _poses_of(model: Any, files: Sequence[str]) -> np.ndarray:
    """world_from_cam [n,4,4] in the model's world; NaN where a picture has none."""
    poses = np.full((len(files), 4, 4), np.nan)
    numbers = {file: i for i, file in enumerate(files)}
    for number in model.reg_image_ids():
        image = model.images[number]
        pose = np.eye(4)
        pose[:3, :3] = image.cam_from_world().rotation.matrix().T
        pose[:3, 3] = image.projection_center()
        poses[numbers[image.name]] = pose
    return poses


def laid_onto(given: Cameras, poses: np.ndarray, numbers: PoseNumbers) -> FoundAgain:
    """Poses [n,4,4] of another world, NaN where there is none, as cameras of the given one's world."""
    found = np.isfinite(poses).all(axis=(1, 2))
    placed, turned = given.world_from_cam.copy(), np.zeros(len(poses))
    if found.any():
        onto = similarity_of_poses(poses[found], given.world_from_cam[found])
        placed[found] = moved_poses(poses[found], onto)
        turns = np.einsum("nij,nij->n", placed[:, :3, :3], given.world_from_cam[:, :3, :3])
        turned = np.degrees(np.arccos(np.clip((turns - 1.0) / 2.0, -1.0, 1.0)))
        found &= turned <= ROUGHLY
    placed[~found] = given.world_from_cam[~found]
    moved = np.linalg.norm(placed[:, :3, 3] - given.centers, axis=1)
    return FoundAgain(replace(given, world_from_cam=placed), found, turned * found, moved, numbers)
