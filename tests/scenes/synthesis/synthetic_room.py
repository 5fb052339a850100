"""A small furnished room for the tests: what the renderer needs of a model, in a few hundred faces."""

from __future__ import annotations

import numpy as np
import trimesh

from neurfield.scenes.room.designs import DESIGNS
from neurfield.scenes.room.materials import AreaLight, Material
from neurfield.scenes.room.model import RoomModel
from neurfield.scenes.synthesis.surface import FineSurface, prepare_surface

SIZE = np.array([4.0, 3.4, 2.5])
ROUTE = DESIGNS["room0"].walk
LAMP = AreaLight(
    np.array([1.6, 1.4, 2.45]),
    np.array([0.0, 0.6, 0.0]),
    np.array([0.8, 0.0, 0.0]),
    np.array([9.0, 8.0, 7.0]),
)


def checks(points: np.ndarray, normals: np.ndarray) -> np.ndarray:
    """Squares of 20 cm, light and dark."""
    even = (np.floor(points / 0.2).sum(axis=1) % 2)[:, None]
    return np.float32([0.7, 0.65, 0.6]) * np.where(even > 0, np.float32(1), np.float32(0.6))


def plain(*rgb: float):
    return lambda points, normals: np.broadcast_to(np.float32(rgb), points.shape)


MATERIALS = (
    Material("walls", checks),
    Material("red", plain(0.6, 0.1, 0.1), gloss=0.4),
    Material("leaf", plain(0.1, 0.4, 0.1), two_sided=True),
    Material("glow", plain(0, 0, 0), emission=(5.0, 4.0, 3.0)),
)


def room() -> RoomModel:
    """Walls, a table, a ball, a pole of 2 cm, an upright sheet without thickness, a shining bulb."""
    shell = trimesh.creation.box(SIZE)
    shell.invert()
    table = trimesh.creation.box((1.2, 0.7, 0.05))
    ball = trimesh.creation.icosphere(subdivisions=3, radius=0.3)
    pole = trimesh.creation.cylinder(radius=0.01, height=1.6, sections=12)
    sheet = trimesh.Trimesh(
        [[0, 0, 0], [0.5, 0, 0], [0.5, 0, 0.5], [0, 0, 0.5]], [[0, 1, 2], [0, 2, 3]], process=False
    )
    bulb = trimesh.creation.icosphere(subdivisions=2, radius=0.1)
    places = [SIZE / 2, (2.2, 1.7, 0.5), (0.5, 0.6, 0.3), (3.5, 2.8, 0.8), (0.4, 2.6, 0.2), (3.4, 0.5, 0.5)]
    parts = [shell, table, ball, pole, sheet, bulb]
    for part, place in zip(parts, places):
        part.apply_translation(place)
    counts = [len(part.faces) for part in parts]
    whole = trimesh.util.concatenate(parts)
    boxes = [part.bounds for part in (table, ball, pole, sheet, bulb)]
    return RoomModel(
        vertices=np.asarray(whole.vertices, np.float64),
        faces=np.asarray(whole.faces, np.int64),
        face_instance=np.repeat(np.arange(6, dtype=np.int32), counts),
        face_material=np.repeat(np.array([0, 1, 1, 1, 2, 3], np.int32), counts),
        instance_names=("room", "table", "ball", "pole", "sheet", "bulb"),
        materials=MATERIALS,
        lights=(LAMP,),
        bounds=np.array([[0.0, 0.0, 0.0], SIZE]),
        keep_out=np.array(boxes),
    )


def only(*instances: int) -> RoomModel:
    """The room with some of its instances only."""
    whole = room()
    kept = np.isin(whole.face_instance, instances)
    return RoomModel(
        whole.vertices,
        whole.faces[kept],
        whole.face_instance[kept],
        whole.face_material[kept],
        whole.instance_names,
        whole.materials,
        whole.lights,
        whole.bounds,
        whole.keep_out,
    )


def surface(edge: float = 0.2) -> FineSurface:
    return prepare_surface(room(), edge)
