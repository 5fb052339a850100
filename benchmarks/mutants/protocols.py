"""Mistakes in benchmarks' protocols."""

from __future__ import annotations

from benchmarks.mutants.mutant import of

DENSE = ("tests/evaluation/test_dense.py",)
DTU = ("tests/evaluation/test_dtu.py",)
FILES = ("tests/evaluation/test_truth_files.py",)
REGISTRATION = ("tests/evaluation/test_registration.py",)
TANKS = ("tests/evaluation/test_tanks_and_temples.py",)
EVAL = ("tests/inputs/test_protocols.py",)

PROTOCOLS = [
    *of(
        "neurfield/evaluation/dense.py",
        DENSE,
        ("doubled_area > 0], doubled", "doubled_area > 1], doubled", "small triangles left out"),
        ("step = spacing * np.sqrt(", "step = spacing * (", "a lattice of another density"),
        ("[u + v < 1]", "[u + v < 2]", "points beyond the third edge"),
        ("second[~follows[first]]", "second", "what is gone clears others"),
        ("- 0.5 * voxel)", "- 0.0 * voxel)", "voxels begin elsewhere"),
    ),
    *of(
        "neurfield/evaluation/dtu.py",
        DTU,
        ("self.corner - _BELOW", "self.corner - _ABOVE", "the box as wide below as above"),
        ("np.round((points - self.corner)", "np.floor((points - self.corner)", "voxels from their corner"),
        ("truth.plane[3] > 0]", "truth.plane[3] < 0]", "what is below the plane is asked for"),
        ("observed = points[truth.observes(points)]", "observed = points", "the mask ignored"),
        ("cKDTree(points).query(above", "cKDTree(observed).query(above", "the hidden completes nothing"),
        ("d[d < CUT].mean()", "d.mean()", "distances not cut"),
        ("if with_icp:", "if not with_icp:", "ICP where none is asked for"),
    ),
    *of(
        "neurfield/evaluation/tanks_and_temples.py",
        TANKS,
        ('"Ignatius": 0.003', '"Ignatius": 0.006', "another tau"),
        ("(to_laser < tau)", "(to_laser < 2 * tau)", "precision at twice the distance"),
        ("(to_mesh < tau)", "(to_mesh < 2 * tau)", "recall at twice the distance"),
        ("voxel_means(points[crop.holds(points)]", "voxel_means(points[:]", "the mesh not cropped"),
        ("laser = truth.points[crop.holds(truth.points)]", "laser = truth.points", "the laser not cropped"),
        ("trajectory = trajectory[frames]", "trajectory = trajectory[: len(frames)]", "frames not mapped"),
        ("(None, 2 * tau)", "", "the last round left out"),
    ),
    *of(
        "neurfield/evaluation/replica.py",
        ("tests/evaluation/test_replica.py",),
        ("seen[faces].any(axis=1)", "seen[faces].all(axis=1)", "a face of which all must be seen"),
        ("(uv > _HALF)", "(uv > 0)", "a border half a pixel wider"),
        ("WIDER * true.vertices.min", "true.vertices.min", "the mesh cut to the truth's very box"),
        ("(completeness < THRESHOLD)", "(completeness < 2 * THRESHOLD)", "recall at twice the distance"),
        (
            "seen, true = culled(mesh, cameras), culled(truth, cameras)",
            "seen, true = mesh, truth",
            "not culled",
        ),
    ),
    *of(
        "neurfield/evaluation/rendered_depth.py",
        ("tests/evaluation/test_scannet.py",),
        ("along[hit]) < 0", "along[hit]) < 9e9", "faces that look away are seen"),
    ),
    *of(
        "neurfield/evaluation/depth_volume.py",
        ("tests/evaluation/test_scannet.py",),
        ("self._voxel * a / (a + b)", "self._voxel * b / (a + b)", "a crossing mirrored in its edge"),
        ("(distance > -self._truncation)", "(distance > -9e9)", "voxels far behind a wall count"),
    ),
    *of(
        "neurfield/evaluation/scannet.py",
        ("tests/evaluation/test_scannet.py",),
        ("depth[depth > FARTHEST] = 0.0", "pass", "depth beyond five metres is fused"),
        ("(accuracy < THRESHOLD)", "(accuracy < 2 * THRESHOLD)", "precision at twice the distance"),
    ),
    *of(
        "neurfield/evaluation/registration.py",
        REGISTRATION,
        ("(strengths * signs).sum()", "strengths.sum()", "the scale of a mirrored pair"),
        ("np.sign(np.linalg.det(left)", "np.abs(np.linalg.det(left)", "a mirror for a rotation"),
        ("update @ result", "result @ update", "updates in the wrong order"),
        ("source, target = source[known], target[known]", "", "missing cameras count"),
    ),
    *of(
        "neurfield/evaluation/truth_files.py",
        FILES,
        ("inside ^= crosses", "inside |= crosses", "all that a ray enters is inside"),
        (".reshape(count, 2)[:, 1] - 1)", ".reshape(count, 2)[:, 1])", "frames from 0"),
        ("(along <= self.stretch[1])", "(along < self.stretch[1])", "the end left out"),
    ),
    *of(
        "neurfield/inputs/protocol.py",
        EVAL,
        ("key != self.key)", "key == self.key)", "with and without swapped"),
    ),
    *of(
        "neurfield/inputs/room_protocols.py",
        ("tests/inputs/test_room_protocols.py",),
        ("EVERY = 10", "EVERY = 5", "another share of the poses"),
    ),
    *of(
        "neurfield/inputs/protocols.py",
        EVAL,
        ("outcome.metrics.pop(key, None)", "pass", "numbers of an earlier mesh stay"),
    ),
    *of(
        "neurfield/inputs/scene/trajectory.py",
        EVAL,
        ("np.array(numbers) - 1]", "np.array(numbers)]", "pictures counted from 0"),
        ('(int(piece), "")', "(0, piece)", "10 before 9"),
    ),
]
