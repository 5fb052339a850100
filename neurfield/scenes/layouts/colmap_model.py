"""The files of a COLMAP model: cameras, images and points, as .bin or .txt.

Source: COLMAP's scene/reconstruction_io_binary.cc and reconstruction_io_text.cc. Poses are cam_from_world in
OpenCV's axes, pixel centres at +0.5. rigs and frames of newer models repeat what images hold: they are not
read.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from neurfield.errors import UserError
from neurfield.scenes.layouts.rotations import matrix_of_quaternion
from neurfield.scenes.lenses import MODELS, Lens
from neurfield.scenes.tracks import Tracks

# By the number that stands for each in a .bin.
_NUMBERED = (
    "SIMPLE_PINHOLE", "PINHOLE", "SIMPLE_RADIAL", "RADIAL", "OPENCV", "OPENCV_FISHEYE", "FULL_OPENCV", "FOV",
    "SIMPLE_RADIAL_FISHEYE", "RADIAL_FISHEYE", "THIN_PRISM_FISHEYE", "RAD_TAN_THIN_PRISM_FISHEYE",
    "SIMPLE_DIVISION", "DIVISION", "SIMPLE_FISHEYE", "FISHEYE", "EUCM", "EQUIRECTANGULAR",
)  # fmt: skip
_LEAST_TRACK, _MOST_ERROR = 3, 2.0  # images and pixels of points that are believed
_POSE = struct.Struct("<I7dI")
_POINT = struct.Struct("<Q3d3BdQ")
_SIGHTING = np.dtype([("pixel", "<f8", 2), ("point", "<i8")])  # -1: of no point


@dataclass(frozen=True)
class Model:
    """A COLMAP model, its images sorted by name.

    Attributes:
        names: of the images, from the folder of images.
        world_from_cam: [n,4,4], OpenCV axes.
        lenses: of each image.
        sizes: width and height of each image.
        points: [k,3] that at least three images see within two pixels, world.
        tracks: where the images see these points, in pixels of these sizes.
    """

    names: tuple[str, ...]
    world_from_cam: np.ndarray
    lenses: tuple[Lens, ...]
    sizes: tuple[tuple[int, int], ...]
    points: np.ndarray
    tracks: Tracks


@dataclass(frozen=True)
class _Image:
    name: str
    quaternion: tuple[float, ...]
    translation: tuple[float, ...]
    camera: int
    sightings: np.ndarray  # of _SIGHTING


def model_suffix(folder: Path) -> str | None:
    """The extension (.bin, else .txt) of the model that a folder holds; None if it holds none."""
    for suffix in (".bin", ".txt"):
        if all((folder / f"{name}{suffix}").is_file() for name in ("cameras", "images")):
            return suffix
    return None


def image_count(folder: Path) -> int:
    """How many images a model has, from the first bytes of a .bin; of a .txt all is read."""
    if model_suffix(folder) == ".bin":
        with open(folder / "images.bin", "rb") as file:
            head = file.read(8)
        return int.from_bytes(head, "little") if len(head) == 8 else 0
    return sum(1 for _ in _images_text(folder / "images.txt"))


def read_model(folder: Path) -> Model:
    """The model of a folder.

    Raises:
        UserError: a file of it is cut off, or a line of it cannot be read; a lens is of no known model.
    """
    suffix = model_suffix(folder)
    binary = suffix == ".bin"
    path = folder / f"images{suffix}"
    cameras = dict((_cameras_binary if binary else _cameras_text)(folder / f"cameras{suffix}"))
    images = sorted((_images_binary if binary else _images_text)(path), key=lambda image: image.name)
    if not images:
        raise UserError(f"{path}: no images in it: the reconstruction failed, make it again")
    poses = []
    for image in images:
        if image.camera not in cameras:
            raise UserError(f"{path}: {image.name} has camera {image.camera}, which cameras{suffix} lacks")
        numbers = np.array([*image.quaternion, *image.translation])
        if not np.isfinite(numbers).all() or not numbers[:4].any():
            raise UserError(f"{path}: the pose of {image.name} is {numbers.tolist()}: take the image out")
        poses.append(_world_from_cam(image))
    points_file = folder / f"points3D{suffix}"
    points, numbers_of_points = np.zeros((0, 3)), np.zeros(0, np.int64)
    if points_file.is_file():
        points, numbers_of_points = _believed((_points_binary if binary else _points_text)(points_file))
    return Model(
        tuple(image.name for image in images),
        np.stack(poses),
        tuple(cameras[image.camera][0] for image in images),
        tuple(cameras[image.camera][1] for image in images),
        points,
        _tracks(images, numbers_of_points),
    )


def _tracks(images: list[_Image], numbers: np.ndarray) -> Tracks:
    """Where images see the points of these numbers [k], ascending."""
    frame = np.repeat(np.arange(len(images)), [len(image.sightings) for image in images])
    sightings = np.concatenate([image.sightings for image in images])
    row = np.searchsorted(numbers, sightings["point"])
    known = row < len(numbers)
    known[known] = numbers[row[known]] == sightings["point"][known]
    return Tracks(frame[known], row[known], sightings["pixel"][known])


def _world_from_cam(image: _Image) -> np.ndarray:
    w, x, y, z = image.quaternion
    pose = np.eye(4)
    pose[:3, :3] = matrix_of_quaternion(x, y, z, w).T
    pose[:3, 3] = -pose[:3, :3] @ np.array(image.translation)
    return pose


def _believed(rows: Iterator[tuple[float, ...]]) -> tuple[np.ndarray, np.ndarray]:
    """Points [k,3] of rows number, x, y, z, error, length of the track; and their numbers [k], ascending."""
    table = np.array(list(rows), dtype=np.float64).reshape(-1, 6)
    good = (table[:, 4] <= _MOST_ERROR) & (table[:, 5] >= _LEAST_TRACK) & np.isfinite(table).all(axis=1)
    table = table[good]
    table = table[np.argsort(table[:, 0], kind="stable")]
    return table[:, 1:4], table[:, 0].astype(np.int64)


def _cameras_binary(path: Path) -> Iterator[tuple[int, tuple[Lens, tuple[int, int]]]]:
    reader = _Bytes(path)
    for _ in range(reader.count()):
        identity, number, width, height = (int(value) for value in reader.values(struct.Struct("<IiQQ")))
        model = _NUMBERED[number] if 0 <= number < len(_NUMBERED) else f"number {number}"
        focals, names = MODELS.get(model, (0, ()))
        parameters = reader.values(struct.Struct(f"<{focals + 2 + len(names) if focals else 0}d"))
        lens = Lens.of(model, np.array(parameters), f"{path}: camera {identity}")
        yield identity, (lens, (width, height))


def _cameras_text(path: Path) -> Iterator[tuple[int, tuple[Lens, tuple[int, int]]]]:
    for number, line in _lines(path):
        words, where = line.split(), f"{path}:{number}"
        try:
            identity, size = int(words[0]), (int(float(words[2])), int(float(words[3])))
            lens = Lens.of(words[1], np.array([float(word) for word in words[4:]]), where)
        except (ValueError, IndexError) as reason:
            raise UserError(f"{where}: {reason}: a line is ID MODEL WIDTH HEIGHT parameters") from reason
        yield identity, (lens, size)


def _images_binary(path: Path) -> Iterator[_Image]:
    reader = _Bytes(path)
    for _ in range(reader.count()):
        _, *pose, camera = reader.values(_POSE)
        name = reader.text()
        sightings = reader.array(_SIGHTING, reader.count())
        yield _Image(name, tuple(pose[:4]), tuple(pose[4:]), int(camera), sightings)


def _images_text(path: Path) -> Iterator[_Image]:
    # Two lines an image; the second, of its points, may be empty.
    lines = [
        (number, line)
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), start=1)
        if not line.startswith("#")
    ]
    while lines and not lines[0][1].strip():
        lines.pop(0)
    for k, (number, line) in enumerate(lines):
        if k % 2 or not line.strip():
            continue
        words = line.split(maxsplit=9)
        try:
            numbers = [float(word) for word in words[1:8]]
            seen = lines[k + 1][1].split() if k + 1 < len(lines) else []
            values = np.array(seen, dtype=np.float64).reshape(-1, 3)
            sightings = np.zeros(len(values), _SIGHTING)
            sightings["pixel"], sightings["point"] = values[:, :2], values[:, 2]
            yield _Image(words[9].strip(), tuple(numbers[:4]), tuple(numbers[4:]), int(words[8]), sightings)
        except (ValueError, IndexError) as reason:
            raise UserError(
                f"{path}:{number}: {reason}: an image has two lines, ID QW QX QY QZ TX TY TZ CAMERA NAME and "
                "its points"
            ) from reason


def _points_binary(path: Path) -> Iterator[tuple[float, ...]]:
    reader = _Bytes(path)
    for _ in range(reader.count()):
        number, x, y, z, _, _, _, error, track = reader.values(_POINT)
        reader.skip(int(track) * 8)
        yield number, x, y, z, error, track


def _points_text(path: Path) -> Iterator[tuple[float, ...]]:
    for number, line in _lines(path):
        words = line.split()
        try:
            identity, x, y, z, error = (float(words[k]) for k in (0, 1, 2, 3, 7))
        except (ValueError, IndexError) as reason:
            raise UserError(f"{path}:{number}: {reason}: a line is ID X Y Z R G B ERROR track") from reason
        yield identity, x, y, z, error, (len(words) - 8) // 2


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines that are neither empty nor comments, with their numbers."""
    for number, line in enumerate(path.read_text(errors="replace").splitlines(), start=1):
        if line.strip() and not line.startswith("#"):
            yield number, line


class _Bytes:
    """The bytes of a file, taken one after the other; UserError where they end too soon."""

    def __init__(self, path: Path) -> None:
        self._path, self._data, self._at = path, path.read_bytes(), 0

    def values(self, form: struct.Struct) -> tuple[float, ...]:
        start = self._at
        self.skip(form.size)
        return form.unpack_from(self._data, start)

    def count(self) -> int:
        return int(self.values(struct.Struct("<Q"))[0])

    def text(self) -> str:
        end = self._data.find(b"\0", self._at)
        start = self._at
        self.skip((end if end >= 0 else len(self._data)) + 1 - start)
        return self._data[start:end].decode(errors="replace")

    def array(self, form: np.dtype, count: int) -> np.ndarray:
        start = self._at
        self.skip(count * form.itemsize)
        return np.frombuffer(self._data, form, count, start)

    def skip(self, count: int) -> None:
        self._at += count
        if self._at > len(self._data):
            raise UserError(f"{self._path}: cut off after {len(self._data)} bytes: copy it again")
