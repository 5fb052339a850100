"""Light gathered once for a whole room: soft shadows of its lamps, and what surfaces send on to each other.

Legend:

    x       a light point with normal n
    y       a point of a lamp of area A, radiance L and normal m
    r, w    |y - x|, (y - x) / r
    V       1 where y is seen from x, else 0
    k       samples

"Light" at a point is irradiance / pi: what a white surface there would send back. Direct light is

    D(x) = A / (pi k) * sum_y  L V(x, y) max(0, n.w) max(0, -m.w) / r^2

and, with h the first surface seen from x along directions spread like the cosine, and a(h) its albedo,

    I(x) = 1/k * sum_h  a(h) (D(h) + I(h)),

solved by repeated substitution: radiosity with sampled form factors (Cohen and Wallace, Radiosity and
Realistic Image Synthesis, 1993, chapters 3 to 5).
"""

from __future__ import annotations

from concurrent.futures import Executor

import numpy as np
from scipy.sparse import coo_matrix, csr_matrix

from neurfield.scenes.room.materials import AreaLight
from neurfield.scenes.synthesis.raycast import RayCaster
from neurfield.scenes.synthesis.surface import FineSurface

# Of the light that falls on one side of a leaf, a shade or a curtain, this part leaves on the other side.
_THROUGH = 0.35
_BOUNCES = 3
# Few rays find the small bright places (a window sill, the inside of a lampshade): what surfaces send on
# above this percentile of all is gathered apart, and its grain smoothed away over a wider neighbourhood.
_BRIGHT = 95.0
_SMOOTH_DIRECT, _SMOOTH_COMMON, _SMOOTH_BRIGHT = 1, 5, 40
_FEWEST_SHADOW_RAYS = 16
# Nearer than this (metres) to a lamp its 1/r^2 is held, or single points would sparkle.
_NEAREST = 0.03
# Points worked on at a time: their rays stay in the processor's cache.
_CHUNK = 4096
# Rows of a product that are worked on at a time.
_ROWS = 1 << 17


def bake_light(
    surface: FineSurface,
    lamps: tuple[AreaLight, ...],
    executor: Executor,
    shadow_rays: int = 48,
    bounce_rays: int = 25,
    seed: int = 0,
) -> np.ndarray:
    """Light (irradiance / pi, linear rgb) at the light points of a surface: [p,3] float32.

    The result does not depend on the number of the executor's workers.

    Args:
        shadow_rays: from every point to a lamp of one square metre; to others by the root of their area.
        bounce_rays: from every point to the rest of the room, a square number.
    """
    x, n = surface.point_positions, surface.point_normals
    chunks = [slice(i, min(i + _CHUNK, len(x))) for i in range(0, len(x), _CHUNK)]
    seeds = np.random.SeedSequence(seed).spawn(len(chunks))

    def gather(number: int) -> tuple[np.ndarray, np.ndarray]:
        part, rng = chunks[number], np.random.default_rng(seeds[number])
        direct = np.zeros_like(x[part])
        for lamp in lamps:
            direct += _from_lamp(surface.whole_caster, x[part], n[part], lamp, shadow_rays)
        directions = _cosine_directions(n[part], bounce_rays, rng)
        hits = surface.caster.first_hits(np.repeat(x[part], bounce_rays, axis=0), directions)
        return direct, surface.nearest_point(hits, directions)

    gathered = list(executor.map(gather, range(len(chunks))))
    direct = np.concatenate([d for d, _ in gathered])
    sight = _Rows(_sight(np.concatenate([points for _, points in gathered]), bounce_rays), executor)
    del gathered
    mixing = _Rows(_mixing(*surface.neighbours(), len(x)), executor)
    direct = _through(_smooth(direct, mixing, _SMOOTH_DIRECT), surface.twin)
    albedo = surface.point_albedo()
    indirect = np.zeros_like(direct)
    for _ in range(_BOUNCES):
        glow = albedo * (direct + indirect)
        common = np.minimum(glow, np.percentile(glow, _BRIGHT))
        come = sight @ np.concatenate([common, glow - common], axis=1)
        indirect = _smooth(come[:, :3], mixing, _SMOOTH_COMMON) + _smooth(come[:, 3:], mixing, _SMOOTH_BRIGHT)
        indirect = _through(indirect, surface.twin)
    return direct + indirect


def _sight(hits: np.ndarray, rays: int) -> csr_matrix:
    """The matrix [p,p] of the mean over the points that every point sees: hits [p * rays], -1 for nothing."""
    points = len(hits) // rays
    weights = (hits >= 0).astype(np.float32) / np.float32(rays)
    starts = np.arange(0, len(hits) + 1, rays, dtype=np.int32)
    return csr_matrix((weights, np.maximum(hits, 0), starts), shape=(points, points))


def _from_lamp(caster: RayCaster, x: np.ndarray, n: np.ndarray, lamp: AreaLight, rays: int) -> np.ndarray:
    """Direct light of one lamp at points x [k,3] with normals n [k,3]: [k,3] float32."""
    across = np.cross(lamp.edge_u, lamp.edge_v)
    area = float(np.linalg.norm(across))
    m = (across / area).astype(np.float32)
    corner, u, v = (np.asarray(a, np.float32) for a in (lamp.corner, lamp.edge_u, lamp.edge_v))
    light = np.zeros((len(x), 3), np.float32)
    ends = corner + np.stack([0 * u, u, v, u + v])
    above = np.einsum("ki,eki->ek", n, ends[:, None] - x).max(axis=0) > 0
    rows = np.flatnonzero(above & ((x - corner) @ m > 0))
    # The same places on the lamp for every point: what is left of too few samples are faint steps in a
    # penumbra, and no grain; and no two of them at the same height, or the slats of a blind would hide many
    # at once.
    s = _spread_points(max(_FEWEST_SHADOW_RAYS, round(rays * area**0.5)))
    to_lamp = corner + s[:, :1] * u + s[:, 1:] * v - x[rows, None]
    r2 = np.maximum(np.einsum("kri,kri->kr", to_lamp, to_lamp), _NEAREST**2)
    value = (
        np.maximum(np.einsum("kri,ki->kr", to_lamp, n[rows]), 0)
        * np.maximum(-(to_lamp @ m), 0)
        / np.square(r2)
    )
    lit = value > 0
    origins = np.broadcast_to(x[rows, None], to_lamp.shape)[lit]
    value[lit] *= ~caster.occluded(origins, to_lamp[lit])
    light[rows] = value.mean(axis=1, keepdims=True) * (area / np.pi) * np.asarray(lamp.radiance)
    return light


def _spread_points(n: int) -> np.ndarray:
    """Points [n,2] float32 spread evenly over the unit square: the plastic sequence (Roberts 2018)."""
    plastic = 1.324717957244746
    places = np.arange(1, n + 1)[:, None] * np.array([1 / plastic, 1 / plastic**2])
    return ((0.5 + places) % 1.0).astype(np.float32)


def _strata(points: int, samples: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """One sample in each small square of the unit square, for each point: two float32 [points, samples]."""
    side = round(samples**0.5)
    column, row = np.meshgrid(np.arange(side, dtype=np.float32), np.arange(side, dtype=np.float32))
    shift = rng.random((2, points, side * side), np.float32)
    return (column.ravel() + shift[0]) / side, (row.ravel() + shift[1]) / side


def _cosine_directions(n: np.ndarray, rays: int, rng: np.random.Generator) -> np.ndarray:
    """Directions into the half space of normals n [k,3], spread like the cosine: [k * rays, 3] float32."""
    s, t = _strata(len(n), rays, rng)
    helper = np.where(
        np.abs(n[:, :1]) < 0.8, np.eye(3, dtype=np.float32)[:1], np.eye(3, dtype=np.float32)[1:2]
    )
    tangent = np.cross(n, helper)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    axes = np.stack([tangent, np.cross(n, tangent), n], axis=1)
    radius, angle = np.sqrt(s), np.float32(2 * np.pi) * t
    local = np.stack([radius * np.cos(angle), radius * np.sin(angle), np.sqrt(1 - s)], axis=-1)
    return (local @ axes).reshape(-1, 3)


def _mixing(a: np.ndarray, b: np.ndarray, n: int) -> csr_matrix:
    """The matrix [n,n] of the mean over every point's neighbours; a point without any keeps its own value."""
    alone = np.flatnonzero(np.bincount(a, minlength=n) == 0)
    a, b = np.concatenate([a, alone]), np.concatenate([b, alone])
    pairs = coo_matrix((np.ones(len(a), np.float32), (a, b)), shape=(n, n)).tocsr()
    pairs.data[:] = 1.0
    pairs.data /= np.repeat(np.diff(pairs.indptr), np.diff(pairs.indptr))
    return pairs


def _smooth(values: np.ndarray, mixing: _Rows, rounds: int) -> np.ndarray:
    """Half of each value from its neighbours, `rounds` times: what takes the grain of few samples away."""
    for _ in range(rounds):
        values = 0.5 * (values + mixing @ values)
    return values.astype(np.float32)


class _Rows:
    """A sparse matrix whose products are worked out by an executor, some rows at a time."""

    def __init__(self, matrix: csr_matrix, executor: Executor) -> None:
        cuts = range(0, matrix.shape[0], _ROWS)
        self._parts = [matrix[i : i + _ROWS] for i in cuts]
        self._executor = executor

    def __matmul__(self, values: np.ndarray) -> np.ndarray:
        return np.concatenate(list(self._executor.map(lambda part: part @ values, self._parts)))


def _through(light: np.ndarray, twin: np.ndarray) -> np.ndarray:
    """Let a part of the light on thin sheets through to the other side."""
    thin = np.flatnonzero(twin >= 0)
    mixed = light.copy()
    mixed[thin] = (1 - _THROUGH) * light[thin] + _THROUGH * light[twin[thin]]
    return mixed
