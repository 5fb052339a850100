"""Mistakes on the way from depth to a volume, from a field to pixels, and to a mesh."""

from __future__ import annotations

from benchmarks.mutants.mutant import of

FREE = ("tests/fusion/test_free_space.py",)
VOLUME = ("tests/fusion/test_plane.py", "tests/fusion/test_volume.py")
ALIGN = ("tests/fusion/test_prior_model.py", "tests/fusion/test_align.py")
OCCUPANCY = ("tests/rendering/test_planes_in_cells.py", "tests/rendering/test_occupancy.py")
SAMPLING = ("tests/rendering/test_sampling.py",)
VISIBILITY = ("tests/rendering/test_visibility.py",)
BIAS = ("tests/rendering/test_bias_aware.py",)
CHOSEN = ("tests/fitting/test_by_uncertainty.py",)
OPACITY = ("tests/rendering/test_opacity_parts.py",)
RENDERED = (
    "tests/rendering/test_distances.py",
    "tests/rendering/test_volume.py",
    "tests/rendering/test_passes.py",
)
ESTIMATORS = ("tests/rendering/test_estimators.py",)
TRUE = ("tests/fitting/test_true_field.py",)
COLOR = ("tests/surfaces/test_color.py",)
GROUND = ("tests/surfaces/test_ground.py",)
CLEAN = ("tests/surfaces/test_clean.py",)
TOPOLOGY = ("tests/surfaces/test_topology.py",)
BRICKS = ("tests/surfaces/test_bricks.py",)
WELDED = ("tests/surfaces/test_after_welding.py",)
LEVEL = ("tests/surfaces/test_levels.py", "tests/surfaces/test_level_set.py")

FUSION = [
    *of(
        "neurfield/fusion/fuse.py",
        VOLUME,
        (
            "pose[:, :, 3] += cam_from_world",
            "pose[:, :, 3] -= cam_from_world",
            "the grid's corner on the wrong side",
        ),
    ),
    *of(
        "neurfield/fusion/hull.py",
        FREE,
        (".free < 1.0", ".free < 1e9", "the hull stands where views look through it"),
        ("hits < 1.0", "hits < 1e9", "the hull stands beside what was seen"),
    ),
    *of(
        "neurfield/fusion/robust.py",
        FREE,
        ("trust = share if", "trust = torch.ones_like(share) if", "wild depths vote as others do"),
        ("weight = share if", "weight = torch.ones_like(share) if", "wild depths are fused as others are"),
    ),
    *of(
        "neurfield/fusion/volume.py",
        VOLUME,
        (".sqrt() / (2.0 * self.voxel)", ".sqrt() / self.voxel", "slopes twice as steep"),
        ("* EDGE + place + 0.5)", "* EDGE + place)", "corners for the middles of voxels"),
        (
            "narrow(axis + 1, 0 if side > 0 else EDGE - 1, 1)",
            "narrow(axis + 1, EDGE - 1 if side > 0 else 0, 1)",
            "the far layer of the next brick",
        ),
        (
            "flat = (x * EDGE + y) * EDGE + z",
            "flat = (z * EDGE + y) * EDGE + x",
            "axes swapped for normals and weights",
        ),
        ("((length - 0.5) / 0.5)", "(length / 0.5)", "normals that disagree are trusted"),
        ("normal / length.clamp_min(1e-6)[:, None]", "normal", "normals left short"),
        ("cell[:, axis] += side", "cell[:, axis] -= side", "the brick on the other side"),
    ),
    *of(
        "neurfield/fusion/prior_model.py",
        ALIGN,
        (
            "near * (1.0 - x) / z, far * x / z",
            "near * x / z, far * (1.0 - x) / z",
            "the ends' slopes swapped",
        ),
        (
            "first + NODES_X, first + NODES_X + 1",
            "first + NODES_Y, first + NODES_Y + 1",
            "rows of the warp as long as its columns",
        ),
    ),
    *of(
        "neurfield/fusion/prior_views.py",
        ALIGN,
        ("(x11 - x01) * b) * columns", "(x11 - x01) * b) * rows", "a slope by the other axis' size"),
    ),
    *of(
        "neurfield/fusion/prior_views.py",
        (*ALIGN, *TRUE),
        (
            "(uv[..., 1] - lens[..., 3]) / lens[..., 1]",
            "(uv[..., 1] - lens[..., 3]) / lens[..., 0]",
            "one focal length for both",
        ),
    ),
]

RENDERING = [
    *of(
        "neurfield/rendering/occupancy.py",
        OCCUPANCY,
        ("0.5 * math.sqrt(3.0) * self.cell", "0.25 * math.sqrt(3.0) * self.cell", "half the half diagonal"),
        ("0.5 * math.sqrt(3.0) * self.cell", "0.5 * math.sqrt(2.0) * self.cell", "the diagonal of a square"),
        ("(place + 0.5) * self.cell", "place * self.cell", "corners for the middles of cells"),
        ("cells // nz % ny", "cells // ny % nz", "rows and columns of the grid swapped"),
        ("every[turn % far :: far] = True", "every[:: far] = True", "the same cells each turn"),
    ),
    *of(
        "neurfield/rays.py",
        SAMPLING,
        ("float((high - low).max() / 2)", "float((high - low).max())", "a frame of half the size"),
        ("float((high - low).max() / 2)", "float((high - low).min() / 2)", "the box's shortest side"),
    ),
    *of(
        "neurfield/rendering/sampling.py",
        SAMPLING,
        (
            "for t in (t_depth - truncation, t_depth + truncation)",
            "for t in (t_depth - truncation, t_depth)",
            "the band ends at the surface",
        ),
        ("second.ray_indices + rays_of_first", "second.ray_indices", "two groups of rays as one"),
        ("start + first.t_starts.shape[0]", "start", "the second group begins at the first"),
    ),
    *of(
        "neurfield/rendering/opacity.py",
        OPACITY,
        (
            "self.width_warm if moment.warm else self.width_start",
            "self.width_start if moment.warm else self.width_warm",
            "wide where the surface is known",
        ),
        ("min(1.0, progress / over)", "progress / over", "annealed past the end"),
    ),
    *of(
        "neurfield/rendering/visibility.py",
        VISIBILITY,
        ("start = count.cumsum(0) - count", "start = count.cumsum(0)", "rays begin where they end"),
    ),
    *of(
        "neurfield/rendering/bias_aware.py",
        BIAS,
        ("where(hollow, -radius, radius)", "where(hollow, radius, radius)", "hollow surfaces bulge"),
        ("radius, FLAT)\n", "radius, radius)\n", "the next ray's normal tells of this one"),
        ("distance = sdf / slope", "distance = sdf", "the field's slope is left in"),
        ("curved & ~nearer", "curved", "a crossing nearer than the surface"),
        ("where(outside, near, whole)", "where(outside, near, near)", "less opaque inside than it may be"),
        (
            "where(outside, torch.zeros_like(near), near)",
            "near",
            "what is behind a thin part is taken for hidden",
        ),
    ),
    *of(
        "neurfield/rendering/by_uncertainty.py",
        CHOSEN,
        (">= self.even", "< self.even", "evenly drawn as many as are guided"),
        ("random[3:5] - 1.0", "random[3:5] - 0.5", "tents beside their cells"),
        ("np.abs(sides - np.abs(place))", "np.abs(sides - place)", "places outside the picture"),
    ),
    *of(
        "neurfield/rendering/volume.py",
        RENDERED,
        (
            "rgb + (1.0 - opacity)[:, None] * behind",
            "rgb",
            "black behind the object, not what the target has",
        ),
        (
            "rgb / whole[:, None], opacity / whole",
            "rgb / whole[:, None], opacity",
            "rays that weigh more than one",
        ),
        (
            "torch.stack(likely).amax(dim=0)",
            "torch.stack(likely).amin(dim=0)",
            "colours where all passes look",
        ),
        ("pixels[:, 6] / opacity.clamp_min(1e-4)", "pixels[:, 6]", "distance times opacity"),
        (
            "everywhere.gradient[:n_samples]",
            "everywhere.gradient[-n_samples:]",
            "the extra points for samples",
        ),
    ),
    *of(
        "neurfield/rendering/estimators.py",
        ESTIMATORS,
        ("start + far * length", "start + far", "ends not stretched"),
        ("place < max_samples", "place <= max_samples", "one sample too many"),
    ),
]

SURFACES = [
    *of(
        "neurfield/surfaces/color.py",
        COLOR,
        ("encode_views(-normal if", "encode_views(normal if", "seen from behind"),
        ("* 255.0 + 0.5)", "* 255.0)", "colours rounded down"),
        (
            "normal = normalize(sample.gradient, dim=1, eps=1e-6)",
            "normal = sample.gradient",
            "normals of any length",
        ),
    ),
    *of(
        "neurfield/surfaces/clean.py",
        CLEAN,
        ("weights=mesh.area_faces", "weights=None", "pieces by their faces, not their area"),
        (
            "areas >= _fraction(which) * areas.sum()",
            "areas >= _fraction(which) * areas.max()",
            "a share of the largest piece",
        ),
    ),
    *of(
        "neurfield/surfaces/ground.py",
        GROUND,
        ("level & np.isin(part, part[level & border])", "level", "a low lid taken for ground"),
        ("(np.abs(above) < _HEIGHT)", "(above < 1e9)", "a slope taken for ground to its top"),
    ),
    *of(
        "neurfield/surfaces/level_set.py",
        LEVEL,
        ("vertices += low", "vertices += 0.0 * low", "the box's corner forgotten"),
    ),
    *of(
        "neurfield/surfaces/lattice_field.py",
        LEVEL,
        (
            "lipschitz * 0.5 * math.sqrt(3.0) * size",
            "lipschitz * 0.25 * math.sqrt(3.0) * size",
            "blocks with a surface dropped",
        ),
        ("(values - at_lattice.level).abs()", "values.abs()", "pruned around zero, whatever the level"),
    ),
    *of(
        "neurfield/surfaces/topology.py",
        TOPOLOGY,
        ("first > second, second > first", "second > first, first > second", "faces joined the wrong way"),
        ("there & (sign * (middle - 2.0 * turn) > 0.0)", "there", "tubes wherever there is a saddle"),
    ),
    *of(
        "neurfield/surfaces/bricks.py",
        BRICKS,
        (
            "pieces[index + 1].first[:, 0]",
            "pieces[index + 1].first[::-1, 0]",
            "bricks welded at wrong vertices",
        ),
        ("if len(missing):", "if False:", "a surface that one brick alone knows of lost"),
    ),
    *of(
        "neurfield/surfaces/holes.py",
        WELDED,
        ("free[i, j] = key not in taken", "free[i, j] = True", "edges with a third face"),
    ),
]
