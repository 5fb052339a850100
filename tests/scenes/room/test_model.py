"""The furnished rooms: counts, closedness, normals, what stands where, determinism."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from neurfield.scenes.builtin import ROOMS
from neurfield.scenes.room import RoomModel, build_room
from neurfield.scenes.room.designs import DESIGNS


@pytest.fixture(scope="module", params=DESIGNS)
def room(request: pytest.FixtureRequest) -> RoomModel:
    return built(request.param)


@lru_cache
def built(name: str) -> RoomModel:
    return build_room(name)


def triangles(room: RoomModel) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return tuple(room.vertices[room.faces[:, i]] for i in range(3))  # type: ignore[return-value]


def pieces_of(faces: np.ndarray, count: int) -> np.ndarray:
    """Label of the connected piece that each face belongs to."""
    a, b, c = faces.T
    links = coo_matrix((np.ones(2 * len(faces)), (np.r_[a, a], np.r_[b, c])), shape=(count, count))
    return connected_components(links, directed=False)[1][a]


def of_object(room: RoomModel, name: str) -> np.ndarray:
    return room.faces[room.face_instance == room.instance_names.index(name)]


def cross_sections(room: RoomModel, name: str, z: float) -> list[np.ndarray]:
    """Points [k,2] where the edges of each piece of an object cross a level plane, for those that do."""
    faces = of_object(room, name)
    piece = pieces_of(faces, len(room.vertices))
    p = room.vertices[faces].reshape(-1, 3)
    q = room.vertices[np.roll(faces, -1, 1)].reshape(-1, 3)
    crossing = (p[:, 2] - z) * (q[:, 2] - z) < 0
    p, q, label = p[crossing], q[crossing], np.repeat(piece, 3)[crossing]
    cut = p[:, :2] + ((z - p[:, 2]) / (q[:, 2] - p[:, 2]))[:, None] * (q - p)[:, :2]
    return [cut[label == k] for k in np.unique(label)]


def test_sizes_are_within_the_promised_range(room: RoomModel) -> None:
    assert 100_000 <= len(room.faces) <= 400_000
    assert 40 <= len(room.instance_names) <= 90
    assert len(set(room.instance_names)) == len(room.instance_names)
    assert room.instance_names[0] == "room"


def test_every_face_has_an_instance_a_material_and_an_area(room: RoomModel) -> None:
    assert np.array_equal(np.unique(room.face_instance), np.arange(len(room.instance_names)))
    assert np.array_equal(np.unique(room.face_material), np.arange(len(room.materials)))
    assert np.array_equal(np.unique(room.faces), np.arange(len(room.vertices)))
    a, b, c = triangles(room)
    assert np.linalg.norm(np.cross(b - a, c - a), axis=1).min() / 2 > 1e-9


def test_dtypes_follow_the_interface(room: RoomModel) -> None:
    assert room.vertices.dtype == np.float64
    assert room.faces.dtype == np.int64
    assert room.face_instance.dtype == np.int32
    assert room.face_material.dtype == np.int32
    assert room.keep_out.shape[1:] == (2, 3)


def test_every_piece_of_furniture_is_closed_and_faces_outwards(room: RoomModel) -> None:
    faces = room.faces[room.face_instance > 0]
    n = len(room.vertices)
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    there, back = edges[:, 0] * n + edges[:, 1], edges[:, 1] * n + edges[:, 0]
    assert len(np.unique(there)) == len(there)
    assert np.array_equal(np.sort(there), np.sort(back))

    _, piece = np.unique(pieces_of(faces, n), return_inverse=True)
    a, b, c = (room.vertices[faces[:, i]] for i in range(3))
    volume = np.bincount(piece, np.einsum("ij,ij->i", a, np.cross(b, c)) / 6)
    assert volume.min() > 0


@pytest.mark.parametrize("name", DESIGNS)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_everything_is_inside_the_room_or_its_recesses(name: str, seed: int) -> None:
    room, shell = build_room(name, seed), DESIGNS[name].shell
    low, high = room.bounds
    margin = np.array([shell.recess, 0, 0]), np.array([shell.niche, 0, 0])
    assert (room.vertices >= low - margin[0] - 0.002).all()
    assert (room.vertices <= high + margin[1] + 0.002).all()
    # only what belongs to the window or the door may be behind the walls
    behind = ((room.vertices < low - 0.002) | (room.vertices > high + 0.002)).any(1)
    names = {room.instance_names[i] for i in np.unique(room.face_instance[behind[room.faces].any(1)])}
    assert {name.rstrip(" 2") for name in names} <= {"room", "window", "window sill", "blind", "door"}


def test_the_hull_looks_inwards(room: RoomModel) -> None:
    a, b, c = (v[room.face_instance == 0] for v in triangles(room))
    width, depth, height = room.bounds[1] - room.bounds[0]
    volume = -np.einsum("ij,ij->", a, np.cross(b, c)) / 6
    assert width * depth * height < volume < 1.03 * width * depth * height


STANDING = {
    "room0": ("sofa", "armchair", "chair 1", "dining table", "floor lamp", "plant", "bookshelf"),
    "room1": ("bed", "chest 1", "wardrobe", "desk", "office chair", "bench", "bookshelf", "armchair"),
    "room2": ("piano", "piano bench", "stove", "round table", "ladder shelf", "sofa", "chair 3", "plant"),
}


@pytest.mark.parametrize(("name", "thing"), [(name, thing) for name in STANDING for thing in STANDING[name]])
def test_furniture_stands_on_the_floor(name: str, thing: str) -> None:
    room = built(name)
    assert abs(room.vertices[of_object(room, thing)][..., 2].min()) < 1e-3


@pytest.mark.parametrize(
    ("name", "upper", "lower"),
    [
        ("room0", "laptop", "dining table"),
        ("room0", "bowl", "dining table"),
        ("room0", "magazines", "coffee table"),
        ("room0", "television", "television board"),
        ("room1", "monitor", "desk"),
        ("room1", "desk lamp", "desk"),
        ("room1", "table lamp", "chest 1"),
        ("room1", "box", "bench"),
        ("room2", "fruit bowl", "round table"),
        ("room2", "vase", "piano"),
        ("room2", "disc player", "sideboard"),
        ("room2", "tray", "coffee table"),
    ],
)
def test_small_things_rest_on_what_carries_them(name: str, upper: str, lower: str) -> None:
    room = built(name)

    def box(thing: str) -> np.ndarray:
        v = room.vertices[of_object(room, thing)].reshape(-1, 3)
        return np.stack([v.min(0), v.max(0)])

    above, below = box(upper), box(lower)
    assert abs(above[0, 2] - below[1, 2]) < 2e-3
    middle = above.mean(0)[:2]
    assert (middle > below[0, :2]).all() and (middle < below[1, :2]).all()


@pytest.mark.parametrize("name", ["room0", "room2"])
def test_chair_legs_and_lamp_pole_are_as_thin_as_promised(name: str) -> None:
    room = built(name)
    (pole,) = cross_sections(room, "floor lamp", 0.7)
    assert np.allclose(np.ptp(pole, axis=0), 0.02, atol=1e-3)
    legs = cross_sections(room, "chair 4", 0.1)
    assert len(legs) == 4
    assert all(0.028 <= np.ptp(leg, axis=0).max() <= 0.043 for leg in legs)  # turned: up to the diagonal


def test_lights_shine_into_the_room(room: RoomModel) -> None:
    assert len(room.lights) >= 3
    window = room.lights[0]
    assert np.cross(window.edge_u, window.edge_v)[0] > 0
    for light in room.lights:
        assert (light.radiance > 0).all()
        centre = light.corner + (light.edge_u + light.edge_v) / 2
        assert (centre > room.bounds[0] - [0.26, 0, 0]).all() and (centre < room.bounds[1]).all()
    assert any(np.cross(light.edge_u, light.edge_v)[2] < 0 for light in room.lights)


@pytest.mark.parametrize("name", DESIGNS)
def test_same_seed_same_room_and_another_seed_another(name: str) -> None:
    room, again, other = build_room(name), build_room(name), build_room(name, 1)
    assert np.array_equal(room.vertices, again.vertices)
    assert np.array_equal(room.faces, again.faces)
    assert room.instance_names == again.instance_names == other.instance_names
    points = np.random.default_rng(0).uniform(0, 2, (64, 3))
    up = np.broadcast_to([0.0, 0.0, 1.0], points.shape)
    for one, two in zip(room.materials, again.materials, strict=True):
        assert np.array_equal(one.albedo(points, up), two.albedo(points, up))
    assert room.vertices.shape != other.vertices.shape or not np.array_equal(room.vertices, other.vertices)


def test_the_words_of_the_list_are_those_of_the_designs() -> None:
    assert list(ROOMS) == list(DESIGNS)
    for name, design in DESIGNS.items():
        shell = design.shell
        size = f"{shell.width} x {shell.depth} x {shell.height} m, {design.walk.frames} frames"
        assert ROOMS[name] == f"{design.title}, {size}"
