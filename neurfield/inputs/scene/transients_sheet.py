"""What a fit to a scene took for passers-by: a picture of it, and its share."""

from __future__ import annotations

import numpy as np
from PIL import Image

from neurfield.files import atomic_write
from neurfield.inputs.scene.opened import OpenedScene

NAME = "transients.jpg"
FRAMES, WIDTH, GAP = 6, 320, 4
TINT = np.array([255.0, 40.0, 40.0], np.float32)
LEAST = 0.5  # how far a patch is taken for transient, to count


def write_transients(opened: OpenedScene) -> dict[str, float]:
    """Write previews/transients.jpg, and return the share of patches and the pictures that are left out.

    In the sheet are the pictures with the most of it, as they are and with what was left out in red.
    """
    rays = opened.task.rays
    assert rays is not None and rays.transients is not None
    left_out = rays.transients.left_out().cpu().numpy()
    shares = (left_out > LEAST).mean(axis=(1, 2))
    scene, rows = opened.task.scene, []
    for i in np.argsort(-shares, kind="stable")[:FRAMES].tolist():
        true = Image.fromarray(scene.image(i))
        size = WIDTH, max(1, round(WIDTH * true.height / true.width))
        shown = np.asarray(true.resize(size, Image.Resampling.BOX), np.float32)
        mask = np.asarray(Image.fromarray(left_out[i]).resize(size, Image.Resampling.NEAREST))[..., None]
        tinted = shown + 0.6 * mask * (TINT - shown)
        rows.append(np.concatenate([shown, np.full((size[1], GAP, 3), 255.0), tinted], axis=1))
        rows.append(np.full((GAP, rows[-1].shape[1], 3), 255.0))
    path = opened.folder / "previews" / NAME
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as temporary:
        sheet = np.concatenate(rows[:-1]).round().astype(np.uint8)
        Image.fromarray(sheet).save(temporary, format="JPEG", quality=88)
    return {"left_out": float(shares.mean()), "pictures": int((shares > 0).sum()), "of": len(shares)}
