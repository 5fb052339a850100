"""What stereo ought to find: exact depth and normals of a scene's pictures; how far maps are from them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurfield.scenes.scene import Scene
from neurfield.scenes.synthesis.raycast import RayCaster

SURE = 0.5  # confidence from which a pixel is called sure
WITHIN = (0.01, 0.02)  # of the depth


@dataclass(frozen=True)
class ExactView:
    """Of one picture: z-depth [h,w] float32 (0: nothing there) and normals [h,w,3] float32, camera axes."""

    depth: np.ndarray
    normal: np.ndarray


def exact_views(scene: Scene, frames: np.ndarray) -> list[ExactView]:
    """The true surface of a scene (`ground_truth`) through the centres of the pixels of these frames.

    Where the scene has masks, what they leave out has no depth: there, pictures show nothing.
    """
    truth = scene.ground_truth
    assert truth is not None
    middle = truth.bounds.mean(axis=0)
    faces = np.asarray(truth.faces)
    caster = RayCaster(np.asarray(truth.vertices) - middle, faces)
    corners = np.asarray(truth.vertices)[faces]
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    across /= np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-30)
    return [_view(scene, int(i), caster, middle, across) for i in frames]


def _view(scene: Scene, i: int, caster: RayCaster, middle: np.ndarray, across: np.ndarray) -> ExactView:
    cameras = scene.cameras
    h, w = int(cameras.height[i]), int(cameras.width[i])
    v, u = np.mgrid[0:h, 0:w] + 0.5
    uv = np.stack([u, v], axis=-1).reshape(-1, 2)
    origins, directions, z_per_t = cameras.rays(np.full(len(uv), i), uv)
    hits = caster.first_hits(origins - middle, directions)
    seen = hits.face >= 0
    if "mask" in scene.sources:
        mask = scene.mask(i)
        assert mask is not None
        seen &= mask.ravel()
    depth = np.where(seen, hits.distance * z_per_t, 0).astype(np.float32)
    normal = np.where(seen[:, None], across[hits.face], 0)
    normal *= -np.sign(np.einsum("rk,rk->r", normal, directions))[:, None]
    normal = normal @ cameras.world_from_cam[i, :3, :3]
    return ExactView(depth.reshape(h, w), normal.reshape(h, w, 3).astype(np.float32))


@dataclass
class DepthErrors:
    """Errors of maps, gathered view by view; each `add` takes one view's arrays of one size."""

    asked: int = 0  # pixels with exact depth
    invented: int = 0  # answers where there is nothing
    relative: list[np.ndarray] | None = None
    degrees: list[np.ndarray] | None = None
    sure: list[np.ndarray] | None = None

    def add(
        self,
        depth: np.ndarray,
        exact: ExactView,
        normal: np.ndarray | None = None,
        sure: np.ndarray | None = None,
    ) -> None:
        """depth [h,w] (0: none), and if known normals [h,w,3] in camera axes, and which are sure [h,w]."""
        known, answered = exact.depth > 0, depth > 0
        both = known & answered
        self.asked += int(known.sum())
        self.invented += int((answered & ~known).sum())
        error = np.abs(depth[both] - exact.depth[both]) / exact.depth[both]
        self.relative = [*(self.relative or []), error]
        if normal is not None:
            cosine = np.einsum("rk,rk->r", normal[both], exact.normal[both]).clip(-1, 1)
            self.degrees = [*(self.degrees or []), np.degrees(np.arccos(cosine))]
        if sure is not None:
            self.sure = [*(self.sure or []), sure[both]]

    def numbers(self) -> dict[str, float | None]:
        """What was gathered, in percent but for normals (median, degrees).

        answered, within_1, within_2: of the pixels with exact depth; median and p90: errors of the answered,
        of the depth; sure: of the answered; sure_within_2: of the sure; invented: answers where nothing is.
        """
        relative = np.concatenate(self.relative or [np.zeros(0)])
        asked = max(1, self.asked)
        found: dict[str, float | None] = {"answered": 100 * len(relative) / asked}
        for limit in WITHIN:
            found[f"within_{100 * limit:g}"] = 100 * float((relative < limit).sum()) / asked
        some = len(relative) > 0
        found["median"] = 100 * float(np.median(relative)) if some else None
        found["p90"] = 100 * float(np.quantile(relative, 0.9)) if some else None
        found["normals"] = float(np.median(np.concatenate(self.degrees))) if self.degrees and some else None
        found["sure"] = found["sure_within_2"] = None
        if self.sure and some:
            sure = np.concatenate(self.sure)
            found["sure"] = 100 * float(sure.mean())
            found["sure_within_2"] = 100 * float((relative[sure] < 0.02).mean()) if sure.any() else None
        found["invented"] = 100 * self.invented / asked
        return found
