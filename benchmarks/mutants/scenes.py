"""Mistakes with cameras, boxes and files."""

from __future__ import annotations

from benchmarks.mutants.mutant import of

CAMERA = ("tests/scenes/test_lens.py", "tests/scenes/test_cameras.py")
BOX = ("tests/scenes/test_reprojection.py", "tests/scenes/test_box.py")
IMAGES = ("tests/scenes/test_mask_levels.py", "tests/scenes/test_images.py")
REPLICA = ("tests/scenes/test_replica.py",)
TRANSFORMS = ("tests/scenes/test_transforms_json.py",)
CHECK = ("tests/scenes/test_check.py",)

CAMERAS = [
    *of(
        "neurfield/scenes/cameras.py",
        CAMERA,
        ("y * self.fy[i] + self.cy[i]", "y * self.fx[i] + self.cy[i]", "one focal length for both"),
        ('"rij,rj->ri"', '"rji,rj->ri"', "rays turned the other way"),
        ("1.0 / np.sqrt(x * x + y * y + 1.0)", "np.sqrt(x * x + y * y + 1.0)", "t per z for z per t"),
        ("p2 * (r2 + 2.0 * x * x)", "p2 * (r2 + 2.0 * y * y)", "the lens' tangential shifts swapped"),
        ("uv[z <= 0] = np.nan", "pass", "what lies behind a camera is in its picture"),
        (
            "self.world_from_cam[:, :3, 2]",
            "self.world_from_cam[:, 2, :3]",
            "a row of the rotation for the axis",
        ),
    ),
    *of(
        "neurfield/scenes/in_common.py",
        BOX,
        ("points[seen >= _SHARE]", "points", "a box around what any camera sees"),
        (
            "np.bincount(part_of).argmax()",
            "np.bincount(part_of).argmin()",
            "the part with the fewest points",
        ),
    ),
    *of(
        "neurfield/scenes/box.py",
        BOX,
        ("(z[valid] / z_per_t)[:, None]", "z[valid][:, None]", "z-depth along the ray"),
        (
            "np.stack([low - margin, high + margin])",
            "np.stack([low + margin, high - margin])",
            "boxes shrunk",
        ),
        (
            "cameras.height / cameras.fy) / 2",
            "cameras.height / cameras.fy)",
            "an object twice as large as the view",
        ),
        ("directions[:, :, None] * directions[:, None, :]", "directions[:, None, :]", "not across the axes"),
        (
            "[columns[valid] + 0.5, rows[valid] + 0.5]",
            "[columns[valid], rows[valid]]",
            "corners for the middles of pixels",
        ),
    ),
    *of(
        "neurfield/scenes/reprojection.py",
        (*BOX, *CHECK),
        ("pair.other[row, column] * scale", "pair.other[row, column]", "one of two depths scaled"),
    ),
    *of(
        "neurfield/scenes/reprojection.py",
        BOX,
        (
            "directions * (z[z > 0] / z_per_t)[:, None]",
            "directions * z[z > 0][:, None]",
            "z-depth along the ray",
        ),
    ),
]

POSES = [
    *of(
        "neurfield/evaluation/registration.py",
        ("tests/evaluation/test_registration.py",),
        ("length * np.swapaxes(poses[:, :3, :3], 1, 2)", "length * poses[:, :3, :3]", "rows of the rotation"),
        ("off <= _FAR * float(np.median(off)) + 1e-12", "off >= 0.0", "poses far off lead the others"),
        ("_corners(target, scale * length)", "_corners(target, length)", "axes keep their length"),
        ("transform[:3, :3] / scale @ poses", "transform[:3, :3] @ poses", "a pose that scales"),
    ),
    *of(
        "neurfield/posing/from_pictures.py",
        ("tests/posing/test_from_pictures.py",),
        ("found &= turned <= ROUGHLY", "pass", "a place that looks the same"),
        ("_hold(model, files, scene.cameras.world_from_cam)", "pass", "cameras that nothing holds"),
        ("if count < LEAST_SHARE * len(files):", "if not count:", "few poses of many for all"),
        (
            "image.cam_from_world().rotation.matrix().T",
            "image.cam_from_world().rotation.matrix()",
            "inverted",
        ),
    ),
    *of(
        "neurfield/posing/pairs.py",
        ("tests/posing/test_pairs.py",),
        ("np.hypot(angle / _TURN,", "np.hypot(0.0 * angle,", "pictures that look away from each other"),
    ),
    *of(
        "neurfield/scenes/convert.py",
        ("tests/scenes/test_convert.py",),
        ("_levels_of(depth, unit) * np.float32(unit), depth)", "depth, depth)", "depth rounded to a unit"),
        ('names["depth_file_path"] = names["exact_depth_path"]', "pass", "depth that others cannot find"),
    ),
    *of(
        "neurfield/scenes/transforms_json.py",
        ("tests/scenes/test_convert.py",),
        ('if sources["depth"].paths == sources["sensor_depth"].paths:', "if False:", "exact depth twice"),
    ),
]

READERS = [
    *of(
        "neurfield/scenes/replica.py",
        REPLICA,
        ('camera["cx"] + 0.5', 'camera["cx"] - 0.5', "half a pixel the wrong way"),
        ('read_depth(1.0 / camera["scale"])', 'read_depth(camera["scale"])', "depth times its scale"),
    ),
    *of(
        "neurfield/scenes/layouts/neus.py",
        ("tests/scenes/layouts/test_neus.py",),
        ("lens[:, 0, 2] + 0.5", "lens[:, 0, 2] - 0.5", "half a pixel the wrong way"),
    ),
    *of(
        "neurfield/scenes/layouts/projections.py",
        ("tests/scenes/layouts/test_neus.py",),
        ("projection = -projection", "pass", "a mirrored camera"),
    ),
    *of(
        "neurfield/scenes/layouts/monosdf.py",
        ("tests/scenes/layouts/test_monosdf.py",),
        ("float(cx) + 0.5", "float(cx)", "half a pixel of the whole picture"),
        ("mask > 0.5", "mask < 0.5", "a mask of depth inverted"),
    ),
    *of(
        "neurfield/scenes/layouts/scannet.py",
        ("tests/scenes/layouts/test_scannet.py",),
        ("float(cx) + 0.5", "float(cx)", "half a pixel to the left"),
    ),
    *of(
        "neurfield/scenes/layouts/scannetpp.py",
        ("tests/scenes/layouts/test_scannetpp.py",),
        ("_NERFSTUDIO @ matrix", "matrix", "nerfstudio's world is not the mesh's"),
        ('if not frame.get("is_bad")', "if frame", "bad frames are fitted"),
    ),
    *of(
        "neurfield/scenes/layouts/sdfstudio.py",
        ("tests/scenes/layouts/test_sdfstudio.py",),
        ("turn @ poses[:, :3, :3]", "poses[:, :3, :3]", "cameras that stand right and look wrong"),
        ("read_depth(scale)", "read_depth(1.0)", "depth of the file's world"),
    ),
    *of(
        "neurfield/scenes/segments.py",
        ("tests/scenes/layouts/test_monosdf.py",),
        ("if len(unknown):", "if False:", "an id that nobody knows becomes another thing"),
    ),
    *of(
        "neurfield/scenes/layouts/colmap_model.py",
        ("tests/scenes/layouts/test_colmap.py",),
        ("matrix_of_quaternion(x, y, z, w).T", "matrix_of_quaternion(x, y, z, w)", "an inverted rotation"),
        ("if k % 2 or", "if not k % 2 or", "the points of an image for its pose"),
    ),
    *of(
        "neurfield/scenes/layouts/tum.py",
        ("tests/scenes/layouts/test_tum.py",),
        ("read_depth(1.0 / _PER_METRE)", "read_depth(1.0 / 1000.0)", "depth in the wrong unit"),
    ),
    *of(
        "neurfield/scenes/layouts/timestamps.py",
        ("tests/scenes/layouts/test_tum.py",),
        ("np.where(closer, before, after)", "after", "the next in time for the nearest"),
    ),
    *of(
        "neurfield/scenes/layouts/arkitscenes.py",
        ("tests/scenes/layouts/test_arkitscenes.py",),
        ("as_matrix().T", "as_matrix()", "an inverted rotation"),
    ),
    *of(
        "neurfield/scenes/layouts/phones.py",
        ("tests/scenes/layouts/test_polycam.py",),
        ("depth[levels == 0] = 0.0", "pass", "depth that the sensor does not believe"),
    ),
    *of(
        "neurfield/scenes/layouts/rotations.py",
        TRANSFORMS,
        ("np.diag([1.0, -1.0, -1.0, 1.0])", "np.diag([1.0, 1.0, -1.0, 1.0])", "OpenGL's axes half turned"),
    ),
    *of(
        "neurfield/scenes/transforms_json.py",
        TRANSFORMS,
        (
            "0.5 * size / math.tan(0.5 * angle)",
            "0.5 * size / math.tan(angle)",
            "half the field of view for the whole",
        ),
        ('"cy", height / 2)', '"cy", width / 2)', "the middle of the wrong side"),
    ),
    *of(
        "neurfield/scenes/images.py",
        IMAGES,
        (
            "depth[~(np.isfinite(depth) & (depth > 0))] = 0.0",
            "depth[~(depth > 0)] = 0.0",
            "infinite depth is depth",
        ),
        ("normal = 2.0 * values - 1.0", "normal = 2.0 * values", "normals all point one way"),
        ("(length < _LONG)", "(length < 9)", "a file of zeros is normals"),
        ("np.moveaxis(array, 0, 2)", "np.swapaxes(array, 0, 2)", "pictures of normals transposed"),
        ("white / 2", "white / 4", "a quarter white is white"),
    ),
]
