"""What a camera in a lit room sees: the picture, and the exact depth, normals and segments behind it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import maximum_filter, minimum_filter

from neurfield.scenes.synthesis.surface import FineSurface, albedo_by_material

# Sub-pixel positions of the four samples: a square turned so that no two share a row or a column.
_SAMPLES = ((0.125, 0.375), (0.375, 0.875), (0.625, 0.125), (0.875, 0.625))
# Two opposite ones come first, the others where these two differ by more than so much (of 255), or a pixel
# from those around it by twice that.
_FIRST, _MORE, _ALIKE = (0, 3), (1, 2), 10
# Reflectance of polished dielectrics looked at straight on (refractive index 1.5).
_HEAD_ON = 0.04
# Surfaces with no more gloss than this mirror nothing.
_DULL = 0.1
# Spread of mirrored rays at gloss 0; it falls with (1 - gloss)^2.
_ROUGHNESS = 0.15
# Lamps and the sky are shown no brighter than this part of full scale (before the tone curve), as in a
# picture blended from several exposures: the window keeps its drawing, and edges against it do not fray.
_BRIGHTEST = 1.0
# Light above 1 is held back, towards this limit: what stands near a lamp keeps the drawing of its surface.
_LIGHT_LIMIT = 1.5
# Above this part of full scale the tone curve bends.
_SHOULDER = 0.5
_TABLE = 4096


@dataclass(frozen=True)
class Pinhole:
    """Intrinsics of all frames, in pixels; pixel centres at +0.5."""

    width: int
    height: int
    focal: float
    cx: float
    cy: float

    def directions(self, offset: tuple[float, float]) -> np.ndarray:
        """Directions [h*w,3] float32, camera axes, z = 1, through `offset` (0..1) inside each pixel."""
        u, v = np.meshgrid(np.arange(self.width) + offset[0], np.arange(self.height) + offset[1])
        x, y = (u - self.cx) / self.focal, (v - self.cy) / self.focal
        return np.stack([x, y, np.ones_like(x)], axis=-1).reshape(-1, 3).astype(np.float32)


@dataclass(frozen=True)
class Frame:
    """One view: the picture, and what lies exactly behind the pixel centres.

    Attributes:
        rgb: [h,w,3] uint8, sRGB.
        depth: [h,w] float32, z-depth in metres, 0 = nothing.
        normal: [h,w,3] float32, unit, camera axes, towards the camera.
        segment: [h,w] int32, instance id, -1 = nothing.
    """

    rgb: np.ndarray
    depth: np.ndarray
    normal: np.ndarray
    segment: np.ndarray


class Renderer:
    """Renders a surface with baked light.

    Args:
        light: [p,3], irradiance / pi at the light points (see `lighting`).
        exposure: the factor from radiance to display.

    Attributes:
        glow: [p,3], what leaves each light point, exposed.
    """

    def __init__(self, surface: FineSurface, light: np.ndarray, exposure: float) -> None:
        self.surface = surface
        shown = _hold_back(light * exposure)
        emission = np.array([m.emission for m in surface.materials], np.float32) * exposure
        # What shines is dimmed with all that it reflects, as in the shorter exposure that would show it.
        self._dimming = _BRIGHTEST / np.maximum(emission.max(axis=1, keepdims=True), _BRIGHTEST)
        self._emission = emission * self._dimming
        self._gloss = np.array([m.gloss for m in surface.materials], np.float32)
        material = surface.point_material
        self.glow = surface.point_albedo() * shown * self._dimming[material] + self._emission[material]
        # Row -1: what rays that hit nothing, or the inside of something, bring back.
        self._light = np.concatenate([shown, np.zeros((1, 3), np.float32)])
        self._glow = np.concatenate([self.glow, np.zeros((1, 3), np.float32)])

    def frame(self, world_from_cam: np.ndarray, camera: Pinhole) -> Frame:
        """Render one view [4,4]."""
        rotation = world_from_cam[:3, :3].astype(np.float32)
        origin = world_from_cam[:3, 3].astype(np.float32)
        rgb = self._picture(origin, rotation, camera)
        directions = camera.directions((0.5, 0.5))
        hits = self.surface.whole_caster.first_hits(origin, directions @ rotation.T)
        missed = hits.face < 0
        normal = (self.surface.whole_normals @ rotation)[hits.face]
        turned = np.einsum("ki,ki->k", normal, directions) > 0
        normal[turned] *= -1
        normal[missed] = 0
        # Directions have z = 1 in camera axes, so the distance along them is the z-depth.
        depth = np.where(missed, np.float32(0), hits.distance)
        segment = np.where(missed, -1, self.surface.whole_instance[hits.face])
        shape = (camera.height, camera.width)
        return Frame(
            rgb.reshape(*shape, 3),
            depth.reshape(shape),
            normal.reshape(*shape, 3),
            segment.reshape(shape).astype(np.int32),
        )

    def _picture(self, origin: np.ndarray, rotation: np.ndarray, camera: Pinhole) -> np.ndarray:
        """The picture [h*w,3] uint8: the mean of two samples of each pixel, of four where colours change."""
        rays = [camera.directions(offset) @ rotation.T for offset in _SAMPLES]
        first, second = (self._radiance(origin, rays[k], _SAMPLES[k]) for k in _FIRST)
        radiance = (first + second) / 2
        shown = to_display(radiance).reshape(camera.height, camera.width, 3)
        spread = maximum_filter(shown, (3, 3, 1)) - minimum_filter(shown, (3, 3, 1))
        apart = np.abs(to_display(first).astype(np.int16) - to_display(second)).max(axis=1)
        more = np.flatnonzero((apart > _ALIKE) | (spread.max(axis=2).ravel() > 2 * _ALIKE))
        for k in _MORE:
            first[more] += self._radiance(origin, rays[k][more], _SAMPLES[k])
        radiance[more] = (first[more] + second[more]) / len(_SAMPLES)
        return to_display(radiance)

    def _radiance(
        self, origin: np.ndarray, directions: np.ndarray, offset: tuple[float, float]
    ) -> np.ndarray:
        """Radiance [k,3] that comes back along rays [k,3] from one origin, through `offset` in the pixels."""
        surface = self.surface
        hits = surface.caster.first_hits(origin, directions)
        missed = np.flatnonzero(hits.face < 0)
        hits.distance[missed] = 0
        material = surface.material[hits.face]
        normal = surface.normals[hits.face]
        points = origin + hits.distance[:, None] * directions
        facing = np.einsum("ki,ki->k", normal, directions)
        corners = surface.corners_hit(hits, facing)
        radiance = (1 - hits.u - hits.v)[:, None] * self._light[corners[:, 0]]
        radiance += hits.u[:, None] * self._light[corners[:, 1]]
        radiance += hits.v[:, None] * self._light[corners[:, 2]]
        radiance *= albedo_by_material(surface.materials, material, points, normal)
        shining = np.flatnonzero(self._dimming[material, 0] < 1)
        radiance[shining] *= self._dimming[material[shining]]
        radiance += self._emission[material]
        gloss = self._gloss[material]
        glossy = np.flatnonzero(gloss > _DULL)
        if len(glossy):
            rays = (points[glossy], normal[glossy], directions[glossy], gloss[glossy])
            radiance[glossy] += self._reflected(*rays, offset)
        radiance[missed] = 0
        return radiance

    def _reflected(
        self,
        points: np.ndarray,
        normal: np.ndarray,
        directions: np.ndarray,
        gloss: np.ndarray,
        offset: tuple[float, float],
    ) -> np.ndarray:
        """What glossy surfaces mirror [k,3]: one ray each, weighed by Fresnel's law (Schlick).

        Roughness turns the rays of a pixel's samples apart, each its own way, so that the mean of them is a
        soft image.
        """
        surface = self.surface
        view = directions / np.linalg.norm(directions, axis=1, keepdims=True)
        cosine = np.einsum("ki,ki->k", normal, view)[:, None]
        normal = np.where(cosine > 0, -normal, normal)
        cosine = np.abs(cosine)
        mirrored = view + 2 * cosine * normal
        sideways = np.cross(mirrored, normal[:, [1, 2, 0]])
        spread = _ROUGHNESS * np.square(1 - gloss)[:, None]
        upwards = np.cross(mirrored, sideways)
        mirrored += 2 * spread * ((offset[0] - 0.5) * sideways + (offset[1] - 0.5) * upwards)
        # Spread must not send a ray into the surface itself.
        mirrored += normal * np.maximum(0.02 - np.einsum("ki,ki->k", mirrored, normal), 0)[:, None]
        hits = surface.caster.first_hits(points + np.float32(1e-3) * normal, mirrored)
        image = self._glow[surface.nearest_point(hits, mirrored)]
        fresnel = _HEAD_ON + (1 - _HEAD_ON) * (1 - np.minimum(cosine, 1)) ** 5
        return gloss[:, None] * fresnel * image


def choose_exposure(
    surface: FineSurface, light: np.ndarray, poses: np.ndarray, camera: Pinhole, median_light: float
) -> float:
    """The factor that brings the median light on what the cameras see to `median_light`.

    Args:
        light: [p,3], irradiance / pi; 1 shows white paper as white.
        poses: [n,4,4], world_from_cam.
    """
    levels = []
    for pose in poses:
        directions = camera.directions((0.5, 0.5)) @ pose[:3, :3].T
        nearest = surface.nearest_point(surface.caster.first_hits(pose[:3, 3], directions), directions)
        levels.append(light[nearest[nearest >= 0]].mean(axis=1))
    return float(median_light / max(np.median(np.concatenate(levels)), 1e-9))


def _hold_back(light: np.ndarray) -> np.ndarray:
    """Light [p,3] with its brightest channel bent towards _LIGHT_LIMIT above 1; colours stay."""
    top = light.max(axis=1, keepdims=True)
    rest = _LIGHT_LIMIT - 1
    bent = 1 + rest * (1 - np.exp(-np.maximum(top - 1, 0) / rest))
    return (light * np.where(top > 1, bent / np.maximum(top, 1), 1)).astype(np.float32)


def to_display(radiance: np.ndarray) -> np.ndarray:
    """Exposed linear rgb [k,3] to sRGB uint8 (IEC 61966-2-1), with a soft shoulder instead of a clip."""
    levels = np.linspace(0, 1, _TABLE)
    encoded = np.where(levels <= 0.0031308, 12.92 * levels, 1.055 * levels ** (1 / 2.4) - 0.055)
    table = np.rint(255 * encoded).astype(np.uint8)
    rest = 1 - _SHOULDER
    bent = _SHOULDER + rest * (1 - np.exp(-np.maximum(radiance - _SHOULDER, 0) / rest))
    linear = np.where(radiance > _SHOULDER, bent, radiance)
    return table[(linear * (_TABLE - 1) + 0.5).astype(np.int32)]
