"""Mistakes where photos get poses, and where pictures and maps are told apart."""

from __future__ import annotations

from benchmarks.mutants.mutant import of

ALIKE = ("tests/posing/test_alike.py",)
GATE = ("tests/posing/test_gate.py",)
GIVEN = ("tests/posing/test_given.py",)
HARD = ("tests/posing/test_hard_photos.py::test_mixed_sizes_lenses_and_orientations",)
SCALED = (
    "tests/posing/test_import.py::test_a_known_distance_of_two_photos_gives_metres",
    "tests/posing/test_import.py::test_two_points_in_two_photos_give_metres",
)
STOPPED = (
    "tests/posing/test_import.py::test_stopped_in_any_stage_it_goes_on",
    "tests/posing/test_import.py::test_stopped_between_poses_it_goes_on_from_those_that_were_found",
)
LENGTH = ("tests/posing/test_known_length.py",)
MASKS = ("tests/posing/test_masks.py",)
PAIRS = ("tests/posing/test_pairs.py",)
PICTURES = ("tests/posing/test_pictures.py",)
PLACE = ("tests/posing/test_workplace.py",)
VIDEO = ("tests/posing/test_video.py",)
SURE = ("tests/points/test_stereo_and_priors.py",)

POSING = [
    *of(
        "neurfield/posing/alike.py",
        ALIKE,
        ("np.sqrt(counts) * rare", "np.sqrt(counts)", "words of all pictures count as rare ones"),
        ("np.argsort(-row, kind", "np.argsort(row, kind", "the pictures that are least alike"),
        ("np.fill_diagonal(likeness, -1.0)", "pass", "each picture is most like itself"),
    ),
    *of(
        "neurfield/posing/colmap.py",
        HARD,
        ("picture.lens or picture.full_size", "picture.full_size", "two lenses share a camera"),
    ),
    *of(
        "neurfield/posing/colmap.py",
        MASKS,
        (
            "for with_mask in (False, True):",
            "for with_mask in (True,):",
            "no features where there is no mask",
        ),
        ('place.masks if with_mask else ""', '""', "features of what masks leave out"),
    ),
    *of(
        "neurfield/posing/colmap.py",
        STOPPED,
        (
            "if not database.exists_two_view_geometry(numbers[a], numbers[b])",
            "",
            "matched pairs are matched again",
        ),
        ("if not database.exists_descriptors(image.image_id)", "", "features are found again"),
        (
            'for folder in sorted(snapshots.glob("*"), reverse=True)',
            'for folder in sorted(snapshots.glob("*"))',
            "goes on from the oldest poses",
        ),
    ),
    *of(
        "neurfield/posing/diagnosis.py",
        GATE,
        (
            "_rotations(links.homographies, links.cameras) >",
            "len(links.homographies) >",
            "any homography is a rotation",
        ),
        (
            "np.linalg.inv(k) @ homographies @ k",
            "k @ homographies @ np.linalg.inv(k)",
            "the lens undone twice",
        ),
        ("off < _TURNED", "off < 100.0 * _TURNED", "walks along a wall are turns"),
        ("features < _FEW_FEATURES:", "features < 0:", "empty pictures match too little"),
        ("if file in (a, b):", "if file == a:", "half of a picture's matches"),
    ),
    *of(
        "neurfield/posing/exif.py",
        GIVEN,
        (
            "focal_35 / _DIAGONAL_35 * float(np.hypot(*size))",
            "focal_35 / 36.0 * max(size)",
            "35 mm by the width",
        ),
        ("_MILLIMETRES = {2: 25.4, 3: 10.0", "_MILLIMETRES = {2: 10.0, 3: 25.4", "inches for centimetres"),
        ("_PLAUSIBLE[0] <= share <= _PLAUSIBLE[1]", "0.0 <= share", "any focal length is believed"),
    ),
    *of(
        "neurfield/posing/gate.py",
        GATE,
        ("rays = seen_from - point.xyz", "rays = seen_from", "angles at the world's middle"),
        ("(rays @ rays.T).min()", "(rays @ rays.T).max()", "the narrowest angle for the widest"),
        ("self.registered < _LEAST_SHARE", "self.registered > _LEAST_SHARE", "few poses are no doubt"),
        ("self.angle < _LEAST_ANGLE", "self.angle < 0", "narrow angles are no doubt"),
        ("(self.track >= 3) & ", "", "points of two pictures are sure"),
    ),
    *of(
        "neurfield/posing/inventory.py",
        GIVEN,
        ('[(int(word), "") if word.isdecimal()', '[(0, "") if word.isdecimal()', "IMG_10 before IMG_9"),
        ("if digest in twins:", "if False:", "copies are photos"),
        ("file.seek(max(_EDGE, length - _EDGE), os.SEEK_SET)", "file.seek(0)", "a change at the end is none"),
    ),
    *of(
        "neurfield/posing/known_length.py",
        (*LENGTH, *SCALED),
        ("return length.metres / measured", "return measured / length.metres", "units a metre"),
        (
            "pixel * np.array(picture.size) / np.array(picture.full_size)\n        ray",
            "pixel\n        ray",
            "pixels of the photo for those of the picture",
        ),
        ("missed > _MOST_MISSED", "missed > 100.0", "any two pixels are one point"),
    ),
    *of(
        "neurfield/posing/masks.py",
        MASKS,
        ("6: Image.Transpose.ROTATE_270", "6: Image.Transpose.ROTATE_90", "masks turned the other way"),
        (
            "orientation(mask) == 1 and same_field(size, stored)",
            "False",
            "masks are not turned with their photo",
        ),
        ('[name, f"{name}.mask"', '[f"{name}.mask"', "COLMAP's masks are not found"),
        (
            "resize(size, Image.Resampling.BOX)) > 127",
            "resize(size, Image.Resampling.BOX)) > 0",
            "masks that grow",
        ),
    ),
    *of(
        "neurfield/posing/pairs.py",
        PAIRS,
        (
            "(i + step) % n), max(i, (i + step) % n)",
            "(i + step)), max(i, (i + step))",
            "no pairs across the end",
        ),
        ("shared / threads + alone", "(shared + alone) / threads", "poses on all threads"),
        (
            "features = _MEMORY_PIXEL * largest * min(threads, count)",
            "features = _MEMORY_PIXEL * largest",
            "memory of one thread",
        ),
    ),
    *of(
        "neurfield/posing/pictures.py",
        PICTURES,
        ("focal * size[0] / photo.size[0]", "focal", "the photo's focal length for the picture's"),
        ("kept = kept and orientation(photo.path) == 1", "kept = kept", "photos stay on their side"),
    ),
    *of(
        "neurfield/posing/pictures.py",
        MASKS,
        ("if photo.alpha and kept.all():", "if False:", "alpha that leaves nothing out"),
        ("raise  # without it", "pass  # without it", "a damaged mask leaves its photo out"),
    ),
    *of(
        "neurfield/posing/sharpness.py",
        PICTURES,
        ("min(energies[k]", "max(energies[k]", "the noise of blurred pictures is sharp"),
        ("max(0.0, edge_energy(grey) - _ROUNDING)", "edge_energy(grey)", "rounding counts as edges"),
        ("rows - int(row)), min", "int(row)), min", "shifts upwards are large"),
    ),
    *of(
        "neurfield/posing/video.py",
        VIDEO,
        ("energy > self._best[0]", "energy < self._best[0]", "the most blurred frame of a window"),
        ("if shift(first, second) >= _MOVED:", "if shift(first, second) >= 0.0:", "still frames are kept"),
        ("(changes > _CUT).sum() >= 2", "True", "a still video is a slide show"),
        (
            'np.rot90(frame.to_ndarray(format="rgb24"), turns)',
            'np.rot90(frame.to_ndarray(format="rgb24"), -turns)',
            "videos upside down",
        ),
    ),
    *of(
        "neurfield/posing/workplace.py",
        PLACE,
        ('self.state, {"clearing": True}', "self.state, state", "half-cleared work is gone on with"),
        ("self.state.is_file() or all(", "True or all(", "folders of others are cleared"),
    ),
    *of(
        "neurfield/posing/write.py",
        MASKS,
        ("if bent > _STRAIGHT else None", "if False else None", "masks as the lens bends them"),
    ),
    *of(
        "neurfield/posing/write.py",
        SCALED,
        (
            "scale * image.projection_center()",
            "image.projection_center()",
            "cameras without the known length",
        ),
        (
            "write_points(temporary, scale * points.places)",
            "write_points(temporary, points.places)",
            "points without the known length",
        ),
    ),
    *of(
        "neurfield/posing/write.py",
        ("tests/posing/test_import.py::test_poses_are_found_up_to_a_similarity",),
        (
            "image.cam_from_world().rotation.matrix().T",
            "image.cam_from_world().rotation.matrix()",
            "poses inverted",
        ),
    ),
]

TOLD_APART = [
    *of(
        "neurfield/points/sure_points.py",
        SURE,
        ("(stereo.flags == Flag.MATCHED) & ", "", "completed planes are sure"),
        ("best.flatten(1) >= SURE", "best.flatten(1) >= 0.0", "cells without a match have one"),
        ("((place % width) + 0.5) / width", "(place % width) / width", "corners for the middles of pixels"),
        (
            'place.div(width, rounding_mode="floor")',
            'place.div(height, rounding_mode="floor")',
            "rows by columns",
        ),
        ("* z[:, None]\n", "\n", "all points at depth 1"),
        ("(ray * other).sum(axis=1) > TURN", "(ray * other).sum(axis=1) > -1.0", "told from the other side"),
        ("np.minimum.at(nearest, cell, z)", "np.maximum.at(nearest, cell, z)", "nothing is hidden"),
        (
            "np.where(z > BEFORE * nearest[cell], 1.0, 0.0)",
            "0.0",
            "what is hidden behind the nearest is told",
        ),
        ("row * CELLS[1] + column", "row * CELLS[0] + column", "cells of other rows"),
    ),
    *of(
        "neurfield/stereo/views.py",
        ("tests/inputs/test_usual_method.py", "tests/stereo/test_views.py"),
        ("(angle >= LEAST_ANGLE) & (angle <= _ALIKE)", "(angle >= LEAST_ANGLE)", "the far side looks alike"),
        ("(angle >= LEAST_ANGLE) & (angle <= _ALIKE)", "(angle <= _ALIKE)", "each camera looks like itself"),
        (".any(axis=1).mean() > 0.5)", ".any(axis=1).mean() > 0.0)", "two cameras decide for all"),
    ),
    *of(
        "neurfield/scenes/beside.py",
        ("tests/stereo/test_read.py", "tests/scenes/test_stereo_files.py"),
        ('for source in ("image", "mask"):', 'for source in ("image",):', "edited masks keep their maps"),
        (
            "file.seek(max(0, size - _END))",
            "file.seek(size)",
            "an edited picture of the same size keeps its map",
        ),
    ),
    *of(
        "neurfield/scenes/stereo_files.py",
        ("tests/stereo/test_read.py", "tests/scenes/test_stereo_files.py"),
        (
            'entry.get("picture") in (None, picture_print(scene, i))',
            "True",
            "maps of edited pictures are taken",
        ),
    ),
    *of(
        "neurfield/stereo/ranges.py",
        ("tests/stereo/test_sparse_points.py",),
        ("points = not_alone(scene.points)", "points = scene.points", "stray points say how deep to look"),
        (' or "sensor_depth" in scene.sources', "", "sparse points before a sensor"),
        ("if len(points) >= FEWEST_POINTS", "if True", "three points say how deep to look"),
    ),
    *of(
        "neurfield/stereo/fingerprint.py",
        ("tests/stereo/test_sparse_points.py",),
        ("searched_by(scene) if points is None else points", "points", "maps of other points are kept"),
    ),
    *of(
        "neurfield/scenes/mask_polarity.py",
        ("tests/scenes/test_mask_polarity.py",),
        ("border.mean() > _MOST and ", "", "masks of small things are inverted"),
        ("float(np.mean(inverted)) > _MOST", "False", "inverted masks are never seen"),
    ),
]
