"""Found poses as a scene that every verb reads: pinhole pictures, masks, transforms.json, sparse points."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from neurfield.files import atomic_write
from neurfield.posing.colmap import load, undistort
from neurfield.posing.gate import Points
from neurfield.posing.pictures import Picture, mask_of, save
from neurfield.posing.workplace import Workplace, read_json, write_json
from neurfield.scenes.cameras import Cameras
from neurfield.scenes.convert import POINTS_FILE, TRACKS_FILE, camera_record
from neurfield.scenes.images import read_mask
from neurfield.scenes.lenses import Lens
from neurfield.scenes.pinhole import PinholeView
from neurfield.scenes.sparse_points import write_points, write_tracks
from neurfield.scenes.tracks import Tracks
from neurfield.scenes.upright import level_up

_STRAIGHT = 0.1  # pixels that the corner is off: as good as a pinhole camera


@dataclass(frozen=True)
class Written:
    """What became of the poses.

    Attributes:
        up: unit [3], in the scene's world.
        bent: how far the lens moves the corners, at most, pixels; undone in the pictures.
    """

    up: np.ndarray
    bent: float


def write_scene(
    model: Path,
    pictures: Sequence[Picture],
    points: Points,
    scale: float,
    record: dict[str, Any],
    place: Workplace,
    threads: int,
) -> Written:
    """Write the scene of a model: its index last, so that it is whole or none.

    Nothing is written where the scene of the same record is there.

    Args:
        model: folder of COLMAP's sparse model.
        pictures: by their files, those that have no pose among them.
        points: of the model, on the surface.
        scale: units of the scene's world a unit of the model's.
        record: what the index keeps of the import.
        place: its scene is written to.
        threads: how many.
    """
    bent_model = reconstruction = load().Reconstruction(model)
    bent = max(_bent(camera) for camera in reconstruction.cameras.values())
    pinhole = place.folder / "pinhole.part"
    shutil.rmtree(pinhole, ignore_errors=True)
    up = level_up(_cameras(reconstruction, 1.0).world_from_cam)
    if (read_json(place.scene / "transforms.json") or {}).get("import") == record:
        return Written(up, bent)
    place.withdraw()
    try:
        if bent > _STRAIGHT:
            undistort(model, place, pinhole, threads)
            reconstruction = load().Reconstruction(pinhole / "sparse")
        folder = pinhole / "images" if bent > _STRAIGHT else place.pictures
        names = {one.file: one.name + Path(one.file).suffix for one in pictures}
        files = _files(reconstruction)
        data = camera_record(_cameras(reconstruction, scale))
        masked = {one.file: f"masks/{one.name}.png" for one in pictures if one.masked}
        for frame, file in zip(data["frames"], files):
            frame["file_path"] = f"images/{names[file]}"
            if file in masked:
                frame["mask_path"] = masked[file]
        with atomic_write(place.scene / "images") as images:
            images.mkdir()
            for file in files:
                _link(folder / file, images / names[file])
        if masked.keys() & set(files):
            with atomic_write(place.scene / "masks") as masks:
                masks.mkdir()
                for file in (file for file in files if file in masked):
                    view = _view(bent_model, reconstruction, file) if bent > _STRAIGHT else None
                    _write_mask(mask_of(place, file), masks / Path(masked[file]).name, view)
    finally:
        shutil.rmtree(pinhole, ignore_errors=True)
    data["up"] = up.tolist()
    if len(points.places):
        with atomic_write(place.scene / POINTS_FILE) as temporary:
            write_points(temporary, scale * points.places)
        with atomic_write(place.scene / TRACKS_FILE) as temporary:
            paths = [frame["file_path"] for frame in data["frames"]]
            write_tracks(temporary, _tracks(reconstruction, files, points.number), paths)
        data.update(ply_file_path=POINTS_FILE, tracks_file_path=TRACKS_FILE)
    write_json(place.scene / "transforms.json", {**data, "import": record})
    return Written(up, bent)


def _files(reconstruction: Any) -> list[str]:
    """The pictures that have a pose, in order."""
    return sorted(reconstruction.images[number].name for number in reconstruction.reg_image_ids())


def _cameras(reconstruction: Any, scale: float) -> Cameras:
    """Their cameras, as if nothing bent them."""
    images = {reconstruction.images[number].name: number for number in reconstruction.reg_image_ids()}
    poses, lenses = [], []
    for file in _files(reconstruction):
        image = reconstruction.images[images[file]]
        pose = np.eye(4)
        pose[:3, :3] = image.cam_from_world().rotation.matrix().T
        pose[:3, 3] = scale * image.projection_center()
        camera = image.camera
        matrix = camera.calibration_matrix()
        poses.append(pose)
        lenses.append([matrix[0, 0], matrix[1, 1], matrix[0, 2], matrix[1, 2], camera.width, camera.height])
    fx, fy, cx, cy, width, height = np.array(lenses).T
    return Cameras(np.stack(poses), fx, fy, cx, cy, width.astype(int), height.astype(int))


def _tracks(reconstruction: Any, files: Sequence[str], numbers: np.ndarray) -> Tracks:
    """Where the pictures see the points of these numbers [k], in their own pixels."""
    row = {int(number): k for k, number in enumerate(numbers)}
    images = {reconstruction.images[number].name: number for number in reconstruction.reg_image_ids()}
    seen = [
        (i, row[place.point3D_id], *place.xy)
        for i, file in enumerate(files)
        for place in reconstruction.images[images[file]].points2D
        if place.has_point3D() and place.point3D_id in row
    ]
    table = np.array(seen, dtype=np.float64).reshape(-1, 4)
    return Tracks(table[:, 0].astype(np.int64), table[:, 1].astype(np.int64), table[:, 2:])


def _bent(camera: Any) -> float:
    """How far a lens moves the farthest corner, pixels."""
    matrix = camera.calibration_matrix()
    corners = np.array([[x, y] for x in (0.0, camera.width) for y in (0.0, camera.height)])
    straight = (corners - matrix[:2, 2]) / matrix[[0, 1], [0, 1]]
    bent = np.array([camera.img_from_cam(np.append(ray, 1.0)) for ray in straight], dtype=np.float64)
    return float(np.linalg.norm(bent - corners, axis=1).max())


def _view(bent: Any, straight: Any, file: str) -> PinholeView:
    """How the pinhole camera of a picture sees what its lens saw, as `undistort` makes it."""
    lens, pinhole = (
        next(image.camera for image in model.images.values() if image.name == file)
        for model in (bent, straight)
    )
    matrix = pinhole.calibration_matrix()
    return PinholeView(
        Lens.of(lens.model.name, np.array(lens.params), file),
        (lens.width, lens.height),
        float(matrix[0, 0]),
        float(matrix[1, 1]),
        float(matrix[0, 2]),
        float(matrix[1, 2]),
        (pinhole.width, pinhole.height),
    )


def _write_mask(source: Path, target: Path, view: PinholeView | None) -> None:
    if view is None:
        _link(source, target)
    else:
        save(target, view(read_mask(source), smooth=False).astype(np.uint8) * 255)


def _link(source: Path, target: Path) -> None:
    """The same file under a second name, or a copy where the disk has no such thing."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
