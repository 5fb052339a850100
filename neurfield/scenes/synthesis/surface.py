"""The surface of a modelled room, cut fine enough to carry light, and found by rays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurfield.scenes.room.materials import Material
from neurfield.scenes.room.model import RoomModel
from neurfield.scenes.synthesis.raycast import Hits, RayCaster
from neurfield.scenes.synthesis.tessellation import face_normals, place_light_points, split_long_edges

# Light points stand this far (metres) above their surface.
_LIFT = 0.002


@dataclass(frozen=True)
class FineSurface:
    """A room's surface of f faces with a light point at every corner of every face, p in all.

    Attributes:
        caster: finds these faces.
        whole_caster: finds the model's own m faces, watertight, for rays that ask for shape or shadow only.
        whole_normals, whole_instance: [m,3] float32 and [m], of the model's own faces.
        vertices, faces: [v,3] float64 and [f,3] int64.
        parent: [f], the model's face that a face is a part of.
        normals: [f,3] float32.
        material, instance, two_sided: [f] int32, int32, bool.
        corner: [f,3] int32, the light points of a face's corners on its front.
        point_positions, point_normals: [p,3] float32.
        point_material, point_instance: [p] int32.
        twin: [p] int32, the point on the other side of a thin sheet, -1 where there is none.
        materials: of the whole room.
    """

    caster: RayCaster
    whole_caster: RayCaster
    whole_normals: np.ndarray
    whole_instance: np.ndarray
    vertices: np.ndarray
    faces: np.ndarray
    parent: np.ndarray
    normals: np.ndarray
    material: np.ndarray
    instance: np.ndarray
    two_sided: np.ndarray
    corner: np.ndarray
    point_positions: np.ndarray
    point_normals: np.ndarray
    point_material: np.ndarray
    point_instance: np.ndarray
    twin: np.ndarray
    materials: tuple[Material, ...]

    def corners_hit(self, hits: Hits, facing: np.ndarray) -> np.ndarray:
        """The light points [k,3] around each hit, on the side the ray came from.

        They are -1 where the ray hit nothing, or the inside of something solid.

        Args:
            facing: [k], the product of direction and face normal.
        """
        corners = self.corner[hits.face]
        behind = np.flatnonzero(facing > 0)
        corners[behind] = self.twin[corners[behind]]
        corners[hits.face < 0] = -1
        return corners

    def nearest_point(self, hits: Hits, directions: np.ndarray) -> np.ndarray:
        """The light point [k] nearest to each hit of rays along directions [k,3]; -1 as in `corners_hit`."""
        w = 1 - hits.u - hits.v
        nearest = np.where(hits.u > hits.v, np.where(hits.u > w, 1, 0), np.where(hits.v > w, 2, 0))
        point = self.corner[hits.face, nearest]
        behind = np.flatnonzero(np.einsum("ki,ki->k", self.normals[hits.face], directions) > 0)
        point[behind] = self.twin[point[behind]]
        point[hits.face < 0] = -1
        return point

    def neighbours(self) -> tuple[np.ndarray, np.ndarray]:
        """Pairs of light points that share an edge of a face, each pair in both orders: two arrays [e]."""
        sides = [self.corner[:, [0, 1]], self.corner[:, [1, 2]], self.corner[:, [2, 0]]]
        a, b = np.concatenate([*sides, *(side[:, ::-1] for side in sides)]).T
        thin = (self.twin[a] >= 0) & (self.twin[b] >= 0)
        return np.concatenate([a, self.twin[a[thin]]]), np.concatenate([b, self.twin[b[thin]]])

    def point_albedo(self) -> np.ndarray:
        """Albedo [p,3] float32 at the light points."""
        positions, normals = self.point_positions, self.point_normals
        return albedo_by_material(self.materials, self.point_material, positions, normals)


def prepare_surface(
    model: RoomModel, longest_edge: float, longest_shell_edge: float | None = None
) -> FineSurface:
    """Cut a room's surface to edges of `longest_edge` metres; set light points on both sides of thin sheets.

    The room itself (instance 0), on which everything casts its shadow, can be cut finer.
    """
    edge = np.where(model.face_instance == 0, longest_shell_edge or longest_edge, longest_edge)
    vertices, faces, parent = split_long_edges(model.vertices, model.faces, edge)
    normals, _ = face_normals(vertices, faces)
    material, instance = model.face_material[parent], model.face_instance[parent]
    two_sided = np.array([m.two_sided for m in model.materials])[material]
    # Light must not run over from one thing, or one material, to another that it touches.
    group = instance.astype(np.int64) * len(model.materials) + material
    positions, point_normals, corner = place_light_points(vertices, faces, group, _LIFT)
    n = len(positions)
    point_material, point_instance = np.zeros(n, np.int32), np.zeros(n, np.int32)
    point_material[corner], point_instance[corner] = material[:, None], instance[:, None]
    sheet = np.unique(corner[two_sided])
    twin = np.full(n + len(sheet), -1, np.int32)
    twin[sheet] = n + np.arange(len(sheet))
    twin[n:] = sheet
    back = positions[sheet] - 2 * _LIFT * point_normals[sheet]
    return FineSurface(
        caster=RayCaster(vertices, faces, watertight=False),
        whole_caster=RayCaster(model.vertices, model.faces),
        whole_normals=face_normals(model.vertices, model.faces)[0].astype(np.float32),
        whole_instance=model.face_instance,
        vertices=vertices,
        faces=faces,
        parent=parent,
        normals=normals.astype(np.float32),
        material=material,
        instance=instance,
        two_sided=two_sided,
        corner=corner,
        point_positions=np.concatenate([positions, back]),
        point_normals=np.concatenate([point_normals, -point_normals[sheet]]),
        point_material=np.concatenate([point_material, point_material[sheet]]),
        point_instance=np.concatenate([point_instance, point_instance[sheet]]),
        twin=twin,
        materials=model.materials,
    )


def albedo_by_material(
    materials: tuple[Material, ...], material: np.ndarray, points: np.ndarray, normals: np.ndarray
) -> np.ndarray:
    """Albedo [k,3] float32 of points [k,3] with normals [k,3] and material numbers [k]."""
    # Sorting 16-bit numbers is a radix sort: linear in k.
    order = np.argsort(material.astype(np.int16), kind="stable")
    ends = np.cumsum(np.bincount(material, minlength=len(materials)))
    albedo = np.empty((len(points), 3), np.float32)
    start = 0
    for one, end in zip(materials, ends):
        if end > start:
            rows = order[start:end]
            albedo[rows] = one.albedo(points[rows], normals[rows])
        start = end
    return albedo
