"""Mistakes in the last steps, which fit colour alone on a surface that stands, and in what is held out."""

from __future__ import annotations

from benchmarks.mutants.mutant import of

HITS = ("tests/rendering/test_first_hits.py",)
WALK = ("tests/pixels/test_walk.py",)
FITS = ("tests/fitting/test_surface_color.py",)
HELD_OUT = ("tests/pixels/test_pixels.py", "tests/fitting/test_held_out.py")
PICTURES = ("tests/evaluation/test_image.py",)

POLISHING = [
    *of(
        "neurfield/rendering/first_hits.py",
        HITS,
        (
            "(EDGE / 2 + 1) * voxel * 3**0.5",
            "(EDGE / 2) * voxel",
            "bricks whose corners the surface cuts are left out",
        ),
        (
            "(bricks[part][:, None] * EDGE + inside)",
            "(bricks[part][:, None] * EDGE)",
            "distances of voxels' corners",
        ),
        ("(t >= rays.t_min) & (t <= rays.t_max)", "(t >= 0.0)", "places outside the ray's stretch"),
    ),
    *of(
        "neurfield/pixels/walk.py",
        WALK,
        (
            "while math.gcd(self._stride, total) > 1:",
            "while False:",
            "a walk that goes round a part of the pixels",
        ),
        ('side="right"', 'side="left"', "a picture's first pixel is taken for the one before"),
    ),
    *of(
        "neurfield/fitting/surface_color.py",
        FITS,
        ("farther[:, None] * hits.directions", "0.0 * hits.directions", "colours beside the surface"),
        ("round(1.0 / found)", "1", "most of a step's rays meet nothing"),
    ),
    *of(
        "neurfield/fitting/turn.py",
        FITS,
        ("round(polish.share * steps)", "0", "no polish"),
        ("return 1.0 if self.polishes else", "return", "the fit begins again in its polish"),
    ),
    *of(
        "neurfield/fitting/optimizer.py",
        FITS,
        ("if not group.name.startswith(only):", "if False:", "networks of the field drift on in the polish"),
    ),
    *of(
        "neurfield/pixels/frames.py",
        HELD_OUT,
        ("if count >= AUTO_FROM else 0", "", "frames of a few are held out"),
    ),
    *of(
        "neurfield/evaluation/image.py",
        PICTURES,
        ("170.0 / 255.0**2", "170.0 / 255.0", "plain parts hide what differs"),
        ("similar.std()", "similar.var()", "deviations squared"),
    ),
]
