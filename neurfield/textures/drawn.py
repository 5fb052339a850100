"""What a camera sees of a mesh in its own colours: to compare with photographs."""

from __future__ import annotations

import numpy as np
import trimesh
from trimesh.visual import ColorVisuals

from neurfield.far import local_origin
from neurfield.scenes import Cameras
from neurfield.scenes.synthesis.raycast import RayCaster
from neurfield.surfaces.texture_files import texture_of, uv_of
from neurfield.textures.view import at_pixels


class MeshPainter:
    """Draws a mesh as bright as its colours are, without light.

    Args:
        mesh: with a texture, or colours at its vertices.
    """

    def __init__(self, mesh: trimesh.Trimesh) -> None:
        vertices = np.asarray(mesh.vertices)
        self.mesh, self.faces = mesh, np.asarray(mesh.faces)
        self.origin = local_origin(vertices)
        self.caster = RayCaster(vertices - self.origin, self.faces)
        picture = texture_of(mesh)
        self.texture = None if picture is None else np.asarray(picture)

    def draw(self, cameras: Cameras, i: int, across: int = 1) -> tuple[np.ndarray, np.ndarray]:
        """What camera i sees.

        Args:
            cameras: in the mesh's world.
            i: of the camera.
            across: rays along each side of a pixel, of which it is the mean: a photograph's pixel gathers
                light all over its area, where one ray through its middle takes an edge's one side.

        Returns:
            Colours float32 [h, w, 3] in 0..1, black beside the mesh, and where any ray met it: bool [h, w].
        """
        width, height = int(cameras.width[i]), int(cameras.height[i])
        column, row = (values.reshape(-1) for values in np.meshgrid(np.arange(width), np.arange(height)))
        within = (np.arange(across) + 0.5) / across
        rgb = np.zeros((height * width, 3), dtype=np.float32)
        met = np.zeros(height * width, dtype=bool)
        for u, v in ((u, v) for u in within for v in within):
            uv = np.stack([column + u, row + v], axis=1)
            origins, directions, _ = cameras.rays(np.full(len(uv), i), uv)
            hits = self.caster.first_hits(origins - self.origin, directions)
            hit = hits.face >= 0
            weights = np.stack([1.0 - hits.u - hits.v, hits.u, hits.v], axis=1)[hit]
            rgb[hit] += self._colors(self.faces[hits.face[hit]], weights)
            met |= hit
        return (rgb / across**2).reshape(height, width, 3), met.reshape(height, width)

    def _colors(self, corners: np.ndarray, weights: np.ndarray) -> np.ndarray:
        visual = self.mesh.visual
        if self.texture is not None:
            uv = np.einsum("kc,kcd->kd", weights, uv_of(self.mesh)[corners])
            size = np.array(self.texture.shape[1::-1])
            place = np.stack([uv[:, 0], 1.0 - uv[:, 1]], axis=1) * size
            return at_pixels(self.texture, place) / np.float32(255.0)
        if isinstance(visual, ColorVisuals) and visual.kind == "vertex":
            colors = np.asarray(visual.vertex_colors)[:, :3] / np.float32(255.0)
            return np.einsum("kc,kcd->kd", weights, colors[corners]).astype(np.float32)
        return np.full((len(corners), 3), 0.5, dtype=np.float32)
