"""Pictures to fit: one made here, whose detail differs from place to place, and real ones fetched by name.

`python -m benchmarks.detailed_picture --size 4096 planet.png` writes the one that is made: a cratered planet
before the dark. Craters of all sizes down to a pixel, relief with a spectrum like terrain's, soft plains, an
atmosphere, stars: sharp edges, fine grain and nothing at all lie side by side, as in the pictures that
methods with adaptive kernels are shown on.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter

from benchmarks.common import run_script, say
from neurfield.errors import UserError

REAL_PACKAGE = "plasma-workspace-wallpapers"
REAL_PICTURES = {  # a painting of 14.7 megapixels, a photograph of 4.1
    "landing": "usr/share/wallpapers/SafeLanding/contents/images/5120x2880.jpg",
    "path": "usr/share/wallpapers/Path/contents/images/2560x1600.jpg",
}


def planet(size: int, seed: int = 0) -> np.ndarray:
    """uint8 [size, size, 3]; the same for the same arguments."""
    rng = np.random.default_rng(seed)
    y, x = (np.mgrid[0:size, 0:size].astype(np.float32) + 0.5) / size * 2.0 - 1.0
    radius = np.sqrt((x + 0.15) ** 2 + (y - 0.1) ** 2) / 0.82
    height = 0.018 * _fractal(size, 2.4, rng) + _craters(size, rng)
    plains = np.clip(_fractal(size, 3.0, rng) * 2.0 + 0.4, 0.0, 1.0)
    height = height * (1.0 - plains) + gaussian_filter(height, size / 400) * plains
    sphere = np.sqrt(np.clip(1.0 - radius**2, 0.0, 1.0))
    slope_y, slope_x = np.gradient(height, 2.0 / size)
    nx, ny, nz = x + 0.15 - slope_x, y - 0.1 - slope_y, sphere + 0.35
    light = np.clip((-0.55 * nx - 0.45 * ny + 0.7 * nz) / np.sqrt(nx**2 + ny**2 + nz**2), 0.0, 1.0)
    tone = np.clip(0.5 + 0.25 * _fractal(size, 2.4, rng), 0.0, 1.0)[..., None]
    rock = np.array([0.62, 0.50, 0.38]) * tone + np.array([0.30, 0.33, 0.42]) * (1.0 - tone)
    rock = rock * (1.0 - 0.3 * plains[..., None]) + np.array([0.75, 0.62, 0.52]) * (0.3 * plains[..., None])
    inside = np.clip((1.0 - radius) * size / 3.0, 0.0, 1.0)[..., None]
    lit = np.clip(1.0 - x - y, 0.0, 1.0)[..., None]
    haze = np.exp(-np.abs(radius - 1.0) * 25.0)[..., None] * np.array([0.15, 0.25, 0.45]) * lit
    space = np.zeros((size, size, 3), np.float32)
    stars = rng.integers(0, size, (size * size // 6000, 2))
    space[stars[:, 0], stars[:, 1]] = rng.random((len(stars), 1)) ** 3
    colour = inside * rock * light[..., None] * 1.25 + (1.0 - inside) * space + haze
    return (np.clip(colour, 0.0, 1.0) ** (1 / 2.2) * 255.0 + 0.5).astype(np.uint8)


def _fractal(size: int, slope: float, rng: np.random.Generator) -> np.ndarray:
    """Noise of unit variance whose amplitudes fall with frequency to the power of `slope` / 1.2."""
    spectrum = np.fft.rfft2(rng.standard_normal((size, size), dtype=np.float32))
    fy, fx = np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)[None]
    frequency = np.sqrt(fy**2 + fx**2)
    frequency[0, 0] = np.inf
    noise = np.fft.irfft2(spectrum / frequency ** (slope / 1.2), s=(size, size)).astype(np.float32)
    return noise / noise.std()


def _craters(size: int, rng: np.random.Generator) -> np.ndarray:
    """Heights of bowls with rims; their number falls with the square of their radius."""
    height = np.zeros((size, size), np.float32)
    for radius in np.sort((2.0 / size) * (1.0 - rng.random(16000)) ** -0.62)[::-1]:
        reach = int(min(radius, 0.25) * size / 2 * 2.6) + 2
        cx, cy = rng.integers(0, size, 2)
        left, top = max(0, cx - reach), max(0, cy - reach)
        rows, columns = np.mgrid[top : min(size, cy + reach), left : min(size, cx + reach)]
        r = np.hypot(rows - cy, columns - cx) / (min(radius, 0.25) * size / 2)
        shape = np.where(r < 1.0, r**2 - 0.7, 0.3 * np.exp(-((r - 1.0) / 0.22)))
        height[top : top + len(rows), left : left + rows.shape[1]] += 0.3 * min(radius, 0.25) * shape
    return height


def real_picture(name: str) -> np.ndarray:
    """uint8 [H, W, 3] of one of `REAL_PICTURES`, out of a Debian package fetched by its name into a temporary
    folder.

    Raises:
        UserError: it cannot be had here.
    """
    with tempfile.TemporaryDirectory() as folder:
        commands = (["apt-get", "download", REAL_PACKAGE], ["sh", "-c", "dpkg-deb -x *.deb ."])
        for command in commands:
            try:
                subprocess.run(command, cwd=folder, capture_output=True, check=True)
            except (OSError, subprocess.CalledProcessError) as reason:
                raise UserError(
                    f"picture '{name}' is in the Debian package {REAL_PACKAGE}, which cannot be had here "
                    f"({reason}); the picture that is made needs none"
                ) from reason
        with Image.open(Path(folder) / REAL_PICTURES[name]) as image:
            return np.asarray(image.convert("RGB"))


def main() -> None:
    """Write a picture."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("output", type=Path)
    parser.add_argument("--size", type=int, default=4096)
    parser.add_argument("--real", choices=list(REAL_PICTURES), help="a real picture instead")
    args = parser.parse_args()
    pixels = real_picture(args.real) if args.real else planet(args.size)
    Image.fromarray(pixels).save(args.output)
    say(f"{args.output}: {pixels.shape[1]} x {pixels.shape[0]}")


if __name__ == "__main__":
    run_script(main)
