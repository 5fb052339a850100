"""A photo that was moved while it was taken has a pose like others, and is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from neurfield.posing.diagnosis import blur_doubts
from neurfield.posing.pictures import Picture
from neurfield.posing.sharpness import sharpness
from neurfield.scenes import load_scene
from neurfield.scenes.check_pictures import picture_findings
from tests.scenes.tiny_scenes import FOCAL, HEIGHT, WIDTH, room_cameras, write_transforms


def pictures(blurred: tuple[int, ...]) -> list[Picture]:
    """Eight of noise as the world has it, at all sizes; some of them shaken."""
    rng, made = np.random.default_rng(0), []
    for i in range(8):
        grey = sum(
            np.kron(rng.normal(size=(240 // n, 320 // n)), np.ones((n, n))) * n**0.5 for n in (1, 2, 4, 8)
        )
        image = Image.fromarray(np.clip(128 + 12 * grey, 0, 255).astype(np.uint8)).convert("RGB")
        if i in blurred:
            image = image.filter(ImageFilter.GaussianBlur(3))
        sharp = sharpness(np.asarray(image))
        made.append(Picture(f"IMG_{i}", f"{i}.jpg", (320, 240), (320, 240), None, "", sharp))
    return made


def test_those_that_are_less_sharp_than_the_others_are_named():
    assert blur_doubts(pictures(())) == [] and blur_doubts([]) == []
    (doubt,) = blur_doubts(pictures((2,)))
    assert doubt.startswith("IMG_2 is blurred beside the others")
    (doubt,) = blur_doubts(pictures((2, 5)))
    assert doubt.startswith("IMG_2, IMG_5 are blurred")


def test_a_check_names_the_file_not_the_frame_alone(tmp_path: Path):
    def picture(i: int) -> np.ndarray:
        fine = np.random.default_rng(i).integers(0, 256, (HEIGHT // 2, WIDTH // 2, 3), np.uint8)
        image = Image.fromarray(fine.repeat(2, axis=0).repeat(2, axis=1))
        return np.asarray(image.filter(ImageFilter.GaussianBlur(4)) if i == 3 else image)

    write_transforms(tmp_path, room_cameras(24), {"fl_x": FOCAL}, picture)
    scene = load_scene(tmp_path)
    path = scene.files["image"].paths[3]
    says = [str(finding) for finding in picture_findings(scene) if finding.level == "warn"]
    assert path is not None and any(f"take out {path.name}" in line for line in says), says
